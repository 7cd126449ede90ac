import { showValue } from './show-value.ts';

/** Brand by which errors are recognised, so that two copies of a package agree (`instanceof` would lie). */
const brand = Symbol.for('snakepit.error');

/** What an error code needs: its sentence and what to do about it. */
export interface ErrorTemplate<D extends object> {
  /** The sentence: names the thing, the value and the allowed range. No trailing remedy. */
  readonly message: (details: D) => string;
  /** What the reader should change, with the option's name. */
  readonly remedy: (details: D) => string;
}

/** A package's error table: code to template. */
export type ErrorTable = Readonly<Record<string, ErrorTemplate<never>>>;

/** The details that a code of a table takes. */
export type ErrorDetails<T extends ErrorTable, C extends keyof T> =
  T[C] extends ErrorTemplate<infer D> ? D : never;

/** Makes the error of one code of a table; see {@link defineErrors}. */
export type ErrorFactory<T extends ErrorTable> = <C extends keyof T & string>(
  code: C,
  details: ErrorDetails<T, C>,
  options?: { readonly cause?: unknown },
) => SnakepitError<C>;

/**
 * A failure with a stable code, a message that says what to do, and the ids it concerns.
 *
 * Outcomes that an OTP function returns are data and never this; an exit reason is neither.
 */
export class SnakepitError<C extends string = string> extends Error {
  /** Stable code of the failure; programs decide by this, never by the message. */
  readonly code: C;
  /** The facts of this failure: ids (pool, worker, session, run), values, limits. Plain data. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What to change, as a sentence. Part of the message too. */
  readonly remedy: string;

  /**
   * @param code - Stable code.
   * @param text - The sentence without code and remedy.
   * @param remedy - What to change; empty when nothing can be.
   * @param details - Plain data about the failure.
   * @param options - `cause` when there was one.
   */
  constructor(
    code: C,
    text: string,
    remedy: string,
    details: object,
    options: { readonly cause?: unknown } = {},
  ) {
    super(
      remedy === '' ? `[${code}] ${text}` : `[${code}] ${text}\nRemedy: ${remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'SnakepitError';
    this.code = code;
    this.remedy = remedy;
    this.details = { ...details };
    Object.defineProperty(this, brand, { value: true, enumerable: false });
  }
}

/** Whether a value is a {@link SnakepitError}, also one of another copy of this package. */
export function isSnakepitError(value: unknown): value is SnakepitError {
  return value instanceof Error && brand in value;
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
    return new SnakepitError(
      code,
      template.message(known),
      template.remedy(known),
      details,
      options,
    );
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
