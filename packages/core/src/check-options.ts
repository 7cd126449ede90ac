import { coreError, type SnakepitError } from './errors.ts';

/** What a member of options or of a definition may be. @internal */
export interface MemberRule {
  /** In words, with an example of its shape. */
  readonly allowed: string;
  /** Whether a value is so. */
  readonly isAllowed: (value: unknown) => boolean;
}

/** A rule for each member that there is. @internal */
export type MemberRules = Readonly<Record<string, MemberRule>>;

/** A text that is not empty. @internal */
export const text: MemberRule = {
  allowed: 'a string that is not empty',
  isAllowed: (value) => typeof value === 'string' && value !== '',
};

/** True or false. @internal */
export const flag: MemberRule = {
  allowed: 'true or false',
  isAllowed: (value) => typeof value === 'boolean',
};

/** Checked where it is used. @internal */
export const anything: MemberRule = { allowed: 'anything', isAllowed: () => true };

/** A function of this shape. @internal */
export function functionLike(shape: string): MemberRule {
  return { allowed: `a function ${shape}`, isAllowed: (value) => typeof value === 'function' };
}

/** One of these texts. @internal */
export function oneOf(...texts: readonly string[]): MemberRule {
  return {
    allowed: texts.map((one) => `'${one}'`).join(' or '),
    isAllowed: (value) => typeof value === 'string' && texts.includes(value),
  };
}

/** An object with these methods. @internal */
export function objectWith(...methods: readonly string[]): MemberRule {
  return {
    allowed: `an object with the methods ${methods.join(', ')}`,
    isAllowed: (value) =>
      isObject(value) && methods.every((name) => typeof value[name] === 'function'),
  };
}

/**
 * Checks what a plain JavaScript caller can get wrong, where it is given: every member, and that there is no other,
 * which would be a slip of the pen.
 *
 * @param what - Whose members, for the message, such as `createSystem()`.
 * @param given - What was given; members that are `undefined` are left out.
 * @throws {@link SnakepitError} INVALID_ARGUMENT naming the member, its value and what it may be.
 * @internal
 */
export function checkMembers(what: string, given: unknown, rules: MemberRules): void {
  const names = Object.keys(rules);
  if (!isObject(given)) throw fault(`the options of ${what}`, given, 'an object', names);
  for (const [name, { allowed, isAllowed }] of Object.entries(rules)) {
    const value = given[name];
    if (value !== undefined && !isAllowed(value)) throw wrongMember(what, name, value, allowed);
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(rules, name));
  if (unknown === undefined) return;
  throw coreError('INVALID_ARGUMENT', {
    argument: `the option ${unknown} of ${what},`,
    value: given[unknown],
    fault: 'there is no such option',
    remedy: `There are: ${names.join(', ')}.`,
  });
}

/** The failure of one member. @internal */
export function wrongMember(
  what: string,
  name: string,
  value: unknown,
  allowed: string,
): SnakepitError {
  return coreError('INVALID_ARGUMENT', {
    argument: `the option ${name} of ${what},`,
    value,
    fault: `it must be ${allowed}`,
    remedy: `Correct ${name}, or leave it out where it has a default.`,
  });
}

/** Whether a value has members. @internal */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function fault(
  argument: string,
  value: unknown,
  allowed: string,
  names: readonly string[],
): SnakepitError {
  return coreError('INVALID_ARGUMENT', {
    argument,
    value,
    fault: `it must be ${allowed}`,
    remedy: `Give { ${names.join(', ')} }, of which you need.`,
  });
}
