/** What the documentation and the messages say of a key. */
export interface FieldNotes {
  /** What the key is for: one sentence. */
  readonly meaning: string;
  /** Environment variable that overrides the key (R9.5). */
  readonly variable?: string;
}

/** One key of the configuration: what it accepts, what it means, what it is when nobody says. */
export interface Field<T> extends FieldNotes {
  /** Tells it from a group. */
  readonly kind: 'field';
  /** `ms` for durations: the resolved key then ends in `Ms`. */
  readonly unit: 'ms' | undefined;
  /** What is allowed, to be read after "it must be": `a whole number from 1 to 1000`. */
  readonly expected: string;
  /** Whether the configuration must name it. */
  readonly required: boolean;
  /** The default as the documentation shows it. */
  readonly shownDefault: string;
  /** The value when nobody says; undefined also where there is none. */
  readonly fallback: () => T | undefined;
  /** The value when it is allowed, else undefined. */
  readonly accept: (value: unknown) => T | undefined;
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

/** A whole number from `min` to `max`. */
export function integer(
  options: FieldNotes & {
    readonly min: number;
    readonly max: number;
    readonly fallback: number | (() => number);
    readonly shownDefault?: string;
  },
): Field<number> {
  const { min, max, fallback } = options;
  return {
    ...notes(options),
    unit: undefined,
    expected: `a whole number from ${min} to ${max}`,
    required: false,
    shownDefault: options.shownDefault ?? String(callOrValue(fallback)),
    fallback: () => callOrValue(fallback),
    accept: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
        ? value
        : undefined,
    fromText: toNumber,
  };
}

/** A finite number from `min` to `max`. */
export function decimal(
  options: FieldNotes & { readonly min: number; readonly max: number; readonly fallback: number },
): Field<number> {
  return {
    ...integer(options),
    expected: `a number from ${options.min} to ${options.max}`,
    accept: (value) =>
      typeof value === 'number' && value >= options.min && value <= options.max ? value : undefined,
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
    accept: (value) => (endless && value === Infinity ? Infinity : plain.accept(value)),
  };
}

/** True or false. */
export function flag(options: FieldNotes & { readonly fallback: boolean }): Field<boolean> {
  return {
    ...notes(options),
    unit: undefined,
    expected: 'true or false',
    required: false,
    shownDefault: String(options.fallback),
    fallback: () => options.fallback,
    accept: (value) => (typeof value === 'boolean' ? value : undefined),
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
    unit: undefined,
    expected: among.map((word) => `"${word}"`).join(' or '),
    required: false,
    shownDefault: fallback,
    fallback: () => fallback,
    accept: (value) => among.find((word) => word === value),
    fromText: (given) => given,
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
    unit: undefined,
    expected: options.expected ?? 'a text that is not empty',
    required: false,
    shownDefault: options.shownDefault ?? '',
    fallback: () => undefined,
    accept: (value) =>
      // A NUL cannot be in a path or an argument of a process.
      typeof value === 'string' && (options.pattern ?? /\S/).test(value) && !value.includes('\0')
        ? value
        : undefined,
    fromText: (given) => given,
  };
}

/** A text that must be there. */
export function requiredText(options: TextOptions): Field<string> {
  // The only difference is what becomes of a missing one: the resolver refuses it.
  return { ...(text(options) as Field<string>), required: true };
}

/** A list of texts. */
export function texts(options: FieldNotes): Field<readonly string[]> {
  return {
    ...notes(options),
    unit: undefined,
    expected: 'an array of strings',
    required: false,
    shownDefault: '[]',
    fallback: () => [],
    accept: (value) =>
      Array.isArray(value) &&
      value.every((item) => typeof item === 'string' && !item.includes('\0'))
        ? [...(value as readonly string[])]
        : undefined,
    fromText: (given) => given.split(','),
  };
}

/** A map of names to texts, as environment variables are. */
export function textMap(options: FieldNotes): Field<Readonly<Record<string, string>>> {
  return {
    ...notes(options),
    unit: undefined,
    expected: 'an object of strings, with names that hold no "="',
    required: false,
    shownDefault: '{}',
    fallback: () => ({}),
    accept: acceptTextMap,
    fromText: () => undefined,
  };
}

/** A group of keys. */
export function group<const S extends Schema>(meaning: string, fields: S): Group<S> {
  return { kind: 'group', meaning, fields };
}

function notes(options: FieldNotes): FieldNotes & { readonly kind: 'field' } {
  const { meaning, variable } = options;
  return { kind: 'field', meaning, ...(variable === undefined ? {} : { variable }) };
}

function callOrValue(value: number | (() => number)): number {
  return typeof value === 'number' ? value : value();
}

function toNumber(text: string): number {
  // `Number('')` is 0 and `Number('0x10')` is 16: neither is what somebody who sets a variable means.
  if (text === 'Infinity') return Infinity;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function acceptTextMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries: [string, string][] = [];
  for (const [name, item] of Object.entries(value) as [string, unknown][]) {
    if (typeof item !== 'string' || item.includes('\0')) return undefined;
    if (name === '' || name.includes('=') || name.includes('\0')) return undefined;
    entries.push([name, item]);
  }
  return Object.fromEntries(entries);
}
