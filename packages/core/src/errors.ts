import { showValue } from './show-value.ts';

/** Brand by which errors are recognised, so that two copies of a package agree (`instanceof` would lie). */
const brand = Symbol.for('snakepit.error');

/** What an error code needs: its sentence and what to do about it. */
export interface ErrorTemplate<D extends object> {
  /** The sentence: names the thing, the value and the allowed range. No trailing remedy. */
  readonly message: (details: D) => string;
  /** What the reader should change, with the option's name. */
  readonly remedy: (details: D) => string;
  /** Whether the same attempt may succeed a little later; see {@link SnakepitError.retryable}. Default false. */
  readonly retryable?: boolean | undefined;
}

/** A package's error table: code to template. */
export type ErrorTable = Readonly<Record<string, ErrorTemplate<never>>>;

/** The details that a code of a table takes. */
export type ErrorDetails<T extends ErrorTable, C extends keyof T> =
  T[C] extends ErrorTemplate<infer D> ? D : never;

/** What an error is made with, beside its code and details. */
export interface SnakepitErrorOptions {
  /** What it was caused by. */
  readonly cause?: unknown;
  /** Whether the same attempt may succeed a little later, where the case differs from its code. */
  readonly retryable?: boolean;
}

/** Makes the error of one code of a table; see {@link defineErrors}. */
export type ErrorFactory<T extends ErrorTable> = <C extends keyof T & string>(
  code: C,
  details: ErrorDetails<T, C>,
  options?: SnakepitErrorOptions,
) => SnakepitError<C, ErrorDetails<T, C>>;

/** `util.inspect.custom`, without Node: whoever prints an error finds its way of printing by this. */
const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

/**
 * A failure with a stable code, a message that says what to do, and the ids it concerns.
 *
 * Outcomes that an OTP function returns are data and never this; an exit reason is neither.
 */
export class SnakepitError<C extends string = string, D = unknown> extends Error {
  /** Stable code of the failure; programs decide by this, never by the message. */
  readonly code: C;
  /** The facts of this failure: ids (pool, worker, session, run), values, limits. Plain data. */
  readonly details: D & Readonly<Record<string, unknown>>;
  /** What to change, as a sentence. Part of the message too. */
  readonly remedy: string;
  /**
   * Whether the failure is one of the moment, so that the same attempt may succeed a little later.
   *
   * It says nothing of what has happened already: a call that may not run twice is not to be repeated after its tool was started.
   */
  readonly retryable: boolean;

  /**
   * @param code - Stable code.
   * @param text - The sentence without code and remedy.
   * @param remedy - What to change; empty when nothing can be.
   * @param details - Plain data about the failure.
   * @param options - `cause` when there was one; `retryable`, default false.
   */
  constructor(
    code: C,
    text: string,
    remedy: string,
    details: D & object,
    options: SnakepitErrorOptions = {},
  ) {
    super(
      remedy === '' ? `[${code}] ${text}` : `[${code}] ${text}\nRemedy: ${remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'SnakepitError';
    this.code = code;
    this.remedy = remedy;
    this.retryable = options.retryable === true;
    // A copy has the same keys, which the compiler cannot follow for a type that it does not know.
    this.details = { ...details } as D & Readonly<Record<string, unknown>>;
    Object.defineProperty(this, brand, { value: true, enumerable: false });
  }

  /** As any error is printed, but with no text twice: what the stack shows is left out of the details. @internal */
  [inspectCustom](depth: number | null, options: object, inspect?: Inspect): string {
    const stack = this.stack ?? String(this);
    if (inspect === undefined || (depth ?? 0) < 0) return stack;
    // Causes may go round in a circle.
    const left = Math.min(depth ?? Infinity, 20);
    const told = Object.entries(this.details).filter(([, value]) => !isShown(value, stack));
    const own = Object.entries(this).filter(([key]) => !shownByStack.includes(key));
    const facts = { ...Object.fromEntries(own), details: Object.fromEntries(told) };
    const text = `${stack} ${inspect(facts, { ...options, depth: left })}`;
    if (this.cause === undefined) return text;
    return `${text}\n[cause]: ${inspect(this.cause, { ...options, depth: left - 1 })}`;
  }
}

const shownByStack = ['name', 'message', 'stack', 'cause', 'remedy'];

type Inspect = (value: unknown, options: object) => string;

function isShown(value: unknown, stack: string): boolean {
  if (value === undefined) return true;
  // A short value may be in a stack by chance; a text of several lines is not.
  return typeof value === 'string' && value.includes('\n') && stack.includes(value.trimEnd());
}

/** Whether a value is a {@link SnakepitError}, also one of another copy of this package. */
export function isSnakepitError(value: unknown): value is SnakepitError;
/** Whether a value is a {@link SnakepitError} with this code. */
export function isSnakepitError<C extends string>(
  value: unknown,
  code: C,
): value is SnakepitError<C>;
/** Whether a value is a {@link SnakepitError}, of any code or of one. */
export function isSnakepitError(value: unknown, code?: string): boolean {
  if (!(value instanceof Error) || !(brand in value)) return false;
  return code === undefined || ('code' in value && value.code === code);
}

/**
 * Makes the factory of a package's errors from its table.
 *
 * @param table - Code to sentence and remedy; every code that can be thrown is in it.
 * @returns A function from code and details to the error.
 */
export function defineErrors<const T extends ErrorTable>(table: T): ErrorFactory<T> {
  return (code, details, options) => {
    const template: ErrorTemplate<never> | undefined = Object.hasOwn(table, code)
      ? table[code]
      : undefined;
    if (template === undefined) throw new TypeError(`no error ${code} in this table`);
    // The table's own type ties the code to its details; inside they are one opaque object.
    const known = details as never;
    const { message, remedy, retryable = false } = template;
    return new SnakepitError(code, message(known), remedy(known), details, {
      retryable,
      ...options,
    });
  };
}

/** What an argument was, and what it may be. */
interface ArgumentFault {
  readonly argument: string;
  readonly value: unknown;
  readonly fault: string;
  readonly remedy: string;
}

/** A message is for people; the whole value is in the details of the error. */
const longestShown = 120;

function shorten(shown: string): string {
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}…` : shown;
}

/** Makes the failures of this package. @internal */
export const coreError = defineErrors({
  INVALID_ARGUMENT: {
    message: ({ argument, value, fault }: ArgumentFault) =>
      `${argument} ${shorten(typeof value === 'string' ? `"${value}"` : showValue(value))} cannot be used: ${fault}.`,
    remedy: ({ remedy }: ArgumentFault) => remedy,
  },
  SYSTEM_STOPPED: {
    message: ({ system, attempt }: { system: string; attempt: 'spawn' | 'start' }) =>
      `the system "${system}" is stopped: it cannot ${attempt} anything.`,
    remedy: () => 'Make another one by createSystem(); a stopped system stays stopped.',
  },
});

/** Codes of the errors that this package throws. */
export type CoreErrorCode = Parameters<typeof coreError>[0];
