import { showValue } from '../config/config-fault.ts';
import { nearestName } from '../config/nearest-name.ts';
import { bridgeError, type ErrorIds } from '../errors.ts';
import type { JsonSchema } from './json-schema.ts';
import type { ToolInfo, ToolParameterInfo } from './tool-info.ts';

/** Arguments by name. */
type Arguments = Readonly<Record<string, unknown>>;

/** Refuses arguments that the tool cannot take; returns why, or `undefined`. */
export type ArgumentCheck = (args: Arguments, binary: Arguments | undefined) => Error | undefined;

/** Whether a value is of the kind that a hint asks for. */
type Acceptor = (value: unknown) => boolean;

interface Expected {
  readonly parameter: ToolParameterInfo;
  readonly accepts: Acceptor | undefined;
}

/**
 * Makes the check of one tool's arguments: a look-up for each of them, and a `typeof` where the hint is certain.
 *
 * It looks at names and at the outermost kind of a value only, and lets pass what it does not understand: Python looks
 * again, and knows better.
 *
 * @param tool - The tool.
 * @param ids - Pool, for the error.
 */
export function createArgumentCheck(tool: ToolInfo, ids: ErrorIds): ArgumentCheck {
  const expected = new Map<string, Expected>(
    tool.parameters.map((parameter) => [
      parameter.name,
      { parameter, accepts: acceptorOf(parameter) },
    ]),
  );
  const required = tool.parameters.filter((parameter) => parameter.required).length;
  const fault = (path: string, problem: string, advice: string): Error =>
    bridgeError('INVALID_ARGUMENT', {
      ...ids,
      tool: tool.name,
      path,
      problem,
      advice,
      parameters: tool.parameters,
    });
  return (args, binary) => {
    let missing = required;
    for (const [from, given] of [
      ['args', args],
      ['options.binary', binary],
    ] as const) {
      if (given === undefined) continue;
      for (const name of Object.keys(given)) {
        const value = given[name];
        // Left out of the call, too.
        if (value === undefined) continue;
        const known = expected.get(name);
        if (known === undefined) {
          if (!tool.takesMore) return unknownArgument(tool, from, name, fault);
          continue;
        }
        if (known.parameter.required) missing -= 1;
        if (known.accepts?.(value) === false) {
          const { type } = known.parameter;
          const problem = `is ${show(value)}, not ${type}`;
          return fault(pathOf(from, name), problem, 'give what the hint of the tool asks for.');
        }
      }
    }
    return missing > 0 ? missingArgument(tool, args, binary, fault) : undefined;
  };
}

type MakeFault = (path: string, problem: string, advice: string) => Error;

function unknownArgument(tool: ToolInfo, from: string, name: string, fault: MakeFault): Error {
  const names = tool.parameters.map((parameter) => parameter.name);
  const nearest = nearestName(name, names);
  const advice =
    nearest === undefined
      ? 'leave it out, or name it as a parameter of the tool is named.'
      : `did you mean "${nearest}"?`;
  return fault(pathOf(from, name), 'is no argument of the tool', advice);
}

function missingArgument(
  tool: ToolInfo,
  args: Arguments,
  binary: Arguments | undefined,
  fault: MakeFault,
): Error {
  const [first = '', ...others] = tool.parameters
    .filter(({ name, required }) => {
      return required && !isGiven(args, name) && !isGiven(binary ?? {}, name);
    })
    .map(({ name }) => name);
  const more = others.length === 0 ? '' : `, and so ${others.length === 1 ? 'is' : 'are'} `;
  const problem = `is missing${more}${others.map((name) => `args.${name}`).join(', ')}`;
  return fault(pathOf('args', first), problem, 'give it: the signature has no default for it.');
}

function isGiven(given: Arguments, name: string): boolean {
  return Object.hasOwn(given, name) && given[name] !== undefined;
}

function pathOf(from: string, name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)
    ? `${from}.${name}`
    : `${from}[${JSON.stringify(name)}]`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value instanceof Uint8Array ? 'binary data' : showValue(value);
}

/** What a parameter takes for certain; `undefined` where nobody can say without Python. */
function acceptorOf({ schema, required }: ToolParameterInfo): Acceptor | undefined {
  const accepts = acceptor(schema);
  if (accepts === undefined || required) return accepts;
  // `text: str = None` is as common as it is wrong.
  if (schema.default === null) return (value) => value === null || accepts(value);
  // `size: int = "auto"`: such a hint says little.
  return schema.default === undefined || accepts(schema.default) ? accepts : undefined;
}

function acceptor(schema: JsonSchema): Acceptor | undefined {
  if (schema['x-python'] !== undefined) return undefined;
  if (schema.anyOf !== undefined) {
    const members = schema.anyOf.map(acceptor);
    if (members.includes(undefined)) return undefined;
    return (value) => members.some((accepts) => accepts?.(value) === true);
  }
  if (schema.enum !== undefined) {
    const values = new Set(schema.enum);
    return (value) =>
      values.has(typeof value === 'bigint' ? Number(value) : value) || isForeign(value);
  }
  return schema.type === undefined ? undefined : acceptors[schema.type];
}

// True is 1 in Python. Instances of classes are turned into something by the codec, which knows more of them.
const acceptors: Readonly<Record<NonNullable<JsonSchema['type']>, Acceptor>> = {
  null: (value) => value === null || isForeign(value),
  boolean: (value) => typeof value === 'boolean' || isForeign(value),
  integer: (value) =>
    (typeof value === 'number' && Number.isInteger(value)) ||
    ['bigint', 'boolean'].includes(typeof value) ||
    isForeign(value),
  number: (value) => ['number', 'bigint', 'boolean'].includes(typeof value) || isForeign(value),
  string: (value) => typeof value === 'string' || isForeign(value),
  array: (value) => Array.isArray(value) || value instanceof Uint8Array || isForeign(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** Whether it is an instance of some class, other than bytes. */
function isForeign(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (value instanceof Uint8Array) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || Object.hasOwn(prototype, 'hasOwnProperty')) return false;
  return true;
}
