import * as v from 'valibot';

/** What the documentation and the messages say of a key. */
export interface FieldNotes {
  /** What the key is for: one sentence. */
  readonly meaning: string;
  /** Environment variable that overrides the key (R9.5). */
  readonly variable?: string;
  /** Whether its texts may be secrets, which `snakepit doctor` then does not show. */
  readonly secret?: boolean;
}

/** One key of the configuration: what it accepts, what it means, what it is when nobody says. */
export interface Field<T> extends FieldNotes {
  /** Tells it from a group. */
  readonly kind: 'field';
  /** `ms` for durations: the resolved key then ends in `Ms`. */
  readonly unit: 'ms' | undefined;
  /** What is allowed. */
  readonly schema: v.GenericSchema<T>;
  /** The same in words, to be read after "it must be": `a whole number from 1 to 1000`. */
  readonly expected: string;
  /** Whether the configuration must name it. */
  readonly required: boolean;
  /** The default as the documentation shows it. */
  readonly shownDefault: string;
  /** The value when nobody says; undefined also where there is none. */
  readonly fallback: () => T | undefined;
  /** Whether what the top level says and what the pool says count together, instead of the pool's alone. */
  readonly isMerged: boolean;
  /** The text of an environment variable as a value to be accepted or not. */
  readonly fromText: (text: string) => unknown;
}

/** A duration in milliseconds. */
export interface DurationField extends Field<number> {
  /** Milliseconds. */
  readonly unit: 'ms';
}

/** Keys that belong together under one key. */
export interface Group<S extends Schema> {
  /** Tells it from a key. */
  readonly kind: 'group';
  /** What the group is for. */
  readonly meaning: string;
  /** Its keys. */
  readonly fields: S;
}

/** A table of keys. */
export interface Schema {
  readonly [key: string]: Field<unknown> | Group<Schema>;
}

/** What a user may write for a schema; every key may be left out. */
export type Given<S extends Schema> = {
  readonly [K in keyof S]?:
    (S[K] extends Field<infer T> ? T : S[K] extends Group<infer G> ? Given<G> : never) | undefined;
};

/** What a schema resolves to: durations are called `…Ms`, nothing can be changed. */
export type Resolved<S extends Schema> = {
  readonly [K in keyof S & string as S[K] extends DurationField ? `${K}Ms` : K]: S[K] extends Field<
    infer T
  >
    ? T
    : S[K] extends Group<infer G>
      ? Resolved<G>
      : never;
};

/** The longest delay a timer of Node takes, 24.8 days. */
const longestDelayMs = 2_147_483_647;

/** A whole number from `min` to `max`; `endless` allows Infinity too. */
export function integer(
  options: FieldNotes & {
    readonly min: number;
    readonly max: number;
    readonly fallback: number | (() => number);
    readonly shownDefault?: string;
    readonly endless?: boolean;
  },
): Field<number> {
  const { min, max, fallback, endless = false } = options;
  const finite = v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
  return {
    ...notes(options),
    schema: endless ? v.union([v.literal(Infinity), finite]) : finite,
    expected: `a whole number from ${min} to ${max}${endless ? ', or Infinity' : ''}`,
    shownDefault: options.shownDefault ?? String(callOrValue(fallback)),
    fallback: () => callOrValue(fallback),
    fromText: toNumber,
  };
}

/** A finite number from `min` to `max`. */
export function decimal(
  options: FieldNotes & { readonly min: number; readonly max: number; readonly fallback: number },
): Field<number> {
  return {
    ...integer(options),
    schema: v.pipe(v.number(), v.minValue(options.min), v.maxValue(options.max)),
    expected: `a number from ${options.min} to ${options.max}`,
  };
}

/** A duration in milliseconds from `min` to `max`; `endless` allows Infinity too. */
export function duration(
  options: FieldNotes & {
    readonly min: number;
    readonly max?: number;
    readonly fallback: number;
    readonly endless?: boolean;
  },
): DurationField {
  const max = options.max ?? longestDelayMs;
  const plain = integer({ ...options, max });
  const endless = options.endless === true;
  return {
    ...plain,
    unit: 'ms',
    expected: `a whole number of milliseconds from ${options.min} to ${max}${endless ? ', or Infinity' : ''}`,
  };
}

/** True or false. */
export function flag(options: FieldNotes & { readonly fallback: boolean }): Field<boolean> {
  return {
    ...notes(options),
    schema: v.boolean(),
    expected: 'true or false',
    shownDefault: String(options.fallback),
    fallback: () => options.fallback,
    fromText: (text) => ({ true: true, '1': true, false: false, '0': false })[text.toLowerCase()],
  };
}

/** One of some words. */
export function choice<const T extends string>(
  options: FieldNotes & { readonly among: readonly T[]; readonly fallback: NoInfer<T> },
): Field<T> {
  const { among, fallback } = options;
  return {
    ...notes(options),
    schema: v.picklist(among),
    expected: among.map((word) => `"${word}"`).join(' or '),
    shownDefault: fallback,
    fallback: () => fallback,
    fromText: asItIs,
  };
}

/** One of some words, or nothing. */
export function optionalChoice<const T extends string>(
  options: FieldNotes & { readonly among: readonly T[] },
): Field<T | undefined> {
  return {
    ...notes(options),
    schema: v.picklist(options.among),
    expected: options.among.map((word) => `"${word}"`).join(' or '),
    shownDefault: '',
    fallback: () => undefined,
    fromText: asItIs,
  };
}

/** Options of a text: what it must look like. */
export interface TextOptions extends FieldNotes {
  /** What it must match; any text that is not empty, when left out. */
  readonly pattern?: RegExp;
  /** What is allowed, in words. */
  readonly expected?: string;
  /** What the documentation says of the default. */
  readonly shownDefault?: string;
}

/** A text that may be left out. */
export function text(options: TextOptions): Field<string | undefined> {
  return {
    ...notes(options),
    schema: v.pipe(plainText, v.regex(options.pattern ?? /\S/)),
    expected: options.expected ?? 'a text that is not empty',
    shownDefault: options.shownDefault ?? '',
    fallback: () => undefined,
    fromText: asItIs,
  };
}

/** A text that must be there. */
export function requiredText(options: TextOptions): Field<string> {
  // The only difference is what becomes of a missing one: the resolver refuses it.
  return { ...(text(options) as Field<string>), required: true };
}

/** A list of texts, each of which matches the pattern; any text, when that is left out. */
export function texts(
  options: FieldNotes & Pick<TextOptions, 'pattern' | 'expected'>,
): Field<readonly string[]> {
  const { pattern, expected = 'an array of strings' } = options;
  const one: v.GenericSchema<string> =
    pattern === undefined ? plainText : v.pipe(plainText, v.regex(pattern));
  return {
    ...notes(options),
    schema: v.array(one),
    expected,
    shownDefault: '[]',
    fallback: () => [],
    fromText: (given) => given.split(','),
  };
}

/** A text, or a list of them, or nothing. */
export function optionalTextOrTexts(
  options: TextOptions & { readonly pattern: RegExp; readonly expected: string },
): Field<string | readonly string[] | undefined> {
  const one = v.pipe(plainText, v.regex(options.pattern));
  return {
    ...texts(options),
    schema: v.union([one, v.pipe(v.array(one), v.minLength(1))]),
    expected: `${options.expected}, or an array of such`,
    shownDefault: '',
    fallback: () => undefined,
    fromText: (given) => given.split(','),
  };
}

/** A list of texts that says something else when it is empty than when it is left out. */
export function optionalTexts(
  options: FieldNotes & { readonly shownDefault: string },
): Field<readonly string[] | undefined> {
  return { ...texts(options), shownDefault: options.shownDefault, fallback: () => undefined };
}

/** A map of names to texts, as environment variables are; that of the pool is added to that of the top level. */
export function textMap(options: FieldNotes): Field<Readonly<Record<string, string>>> {
  return {
    ...notes(options),
    schema: v.pipe(
      v.custom<Readonly<Record<string, string>>>(isObject),
      v.record(variableName, plainText),
    ),
    expected: 'an object of strings, with names that hold no "="',
    shownDefault: '{}',
    fallback: () => ({}),
    isMerged: true,
    fromText: () => undefined,
  };
}

/** An object with functions, which only its user can make. */
export function functions<T extends object>(
  options: FieldNotes & { readonly names: readonly (keyof T & string)[] },
): Field<T | undefined> {
  const { names } = options;
  return {
    ...notes(options),
    schema: v.custom<T>(
      (value) =>
        isObject(value) &&
        names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    ),
    expected: `an object with the functions ${names.join(', ')}`,
    shownDefault: '',
    fallback: () => undefined,
    fromText: () => undefined,
  };
}

/** A group of keys. */
export function group<const S extends Schema>(meaning: string, fields: S): Group<S> {
  return { kind: 'group', meaning, fields };
}

/** Whether a value is an object with keys, not an array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// A NUL cannot be in a path or an argument of a process.
const plainText = v.pipe(v.string(), v.excludes('\0'));

const variableName = v.pipe(plainText, v.nonEmpty(), v.excludes('='));

function notes(
  options: FieldNotes,
): FieldNotes & Pick<Field<never>, 'kind' | 'unit' | 'required' | 'isMerged'> {
  const { meaning, variable, secret } = options;
  return {
    kind: 'field',
    unit: undefined,
    required: false,
    isMerged: false,
    meaning,
    ...(variable === undefined ? {} : { variable }),
    ...(secret === undefined ? {} : { secret }),
  };
}

function callOrValue(value: number | (() => number)): number {
  return typeof value === 'number' ? value : value();
}

function toNumber(text: string): number {
  // `Number('')` is 0 and `Number('0x10')` is 16: neither is what somebody who sets a variable means.
  if (text === 'Infinity') return Infinity;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function asItIs(text: string): string {
  return text;
}
