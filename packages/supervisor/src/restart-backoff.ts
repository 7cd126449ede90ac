import { isPlainObject, showValue } from './plain-values.ts';

/**
 * How long a supervisor waits before it restarts a child. An extension: OTP restarts at once (STR-019).
 *
 * The n-th restart in a row comes after `initialMs · factorⁿ⁻¹`, at most `maxMs`, less the random part `jitter`.
 */
export interface RestartBackoff {
  /** Wait before the first restart, in milliseconds; above 0. */
  readonly initialMs: number;
  /** The longest wait, in milliseconds; not below `initialMs`. */
  readonly maxMs: number;
  /** How much longer each further wait is; ≥ 1, default 2. */
  readonly factor?: number;
  /** Up to which part a wait is shortened at random, so that what fell together does not rise together; 0 … 1, default 0. */
  readonly jitter?: number;
  /** A child that ran this long begins with `initialMs` again; in milliseconds, `Infinity` for never, default 10,000. */
  readonly resetAfterMs?: number;
  /** Gives the random numbers for `jitter`, from 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

/** A backoff that was checked, with defaults: what a chart decides by. */
export interface BackoffPlan {
  /** Wait before the first restart. */
  readonly initialMs: number;
  /** The longest wait. */
  readonly maxMs: number;
  /** How much longer each further wait is. */
  readonly factor: number;
  /** Up to which part a wait is shortened at random. */
  readonly jitter: number;
  /** How long a child must run to begin anew; `null` for never. */
  readonly resetAfterMs: number | null;
}

/** What is wrong with a value, and which. */
export interface ExtensionFault {
  /** What to write instead. */
  readonly message: string;
  /** The bad value. */
  readonly value: unknown;
}

/** How long a child must have run to begin anew, unless told otherwise. */
const defaultResetAfterMs = 10_000;

/** What is wrong with a backoff as it was given, if anything. */
export function backoffFault(backoff: unknown): ExtensionFault | undefined {
  if (!isPlainObject(backoff)) {
    return faultOf('backoff', 'must be an object { initialMs, maxMs, … }', backoff);
  }
  const { initialMs, maxMs, factor = 2, jitter = 0 } = backoff;
  const { resetAfterMs = defaultResetAfterMs, random = Math.random } = backoff;
  if (!isWithin(initialMs, Number.MIN_VALUE, Number.MAX_VALUE)) {
    return faultOf('backoff.initialMs', 'must be a number of milliseconds > 0', initialMs);
  }
  if (!isWithin(maxMs, initialMs, Number.MAX_VALUE)) {
    const least = `backoff.initialMs (${String(initialMs)})`;
    return faultOf('backoff.maxMs', `must be a number of milliseconds, not below ${least}`, maxMs);
  }
  if (!isWithin(factor, 1, Number.MAX_VALUE)) {
    return faultOf('backoff.factor', 'must be a number ≥ 1', factor);
  }
  if (!isWithin(jitter, 0, 1)) {
    return faultOf('backoff.jitter', 'must be a number from 0 to 1', jitter);
  }
  if (!isWithin(resetAfterMs, 0, Infinity)) {
    const message = 'must be a number of milliseconds ≥ 0, or Infinity';
    return faultOf('backoff.resetAfterMs', message, resetAfterMs);
  }
  if (typeof random !== 'function') {
    return faultOf('backoff.random', 'must be a function that gives numbers from 0 to 1', random);
  }
  return undefined;
}

/** A backoff that has no fault, with its defaults; `null` without one. */
export function backoffPlan(backoff: RestartBackoff | undefined): BackoffPlan | null {
  if (backoff === undefined) return null;
  const { initialMs, maxMs, factor = 2, jitter = 0 } = backoff;
  const { resetAfterMs = defaultResetAfterMs } = backoff;
  return {
    initialMs,
    maxMs,
    factor,
    jitter,
    resetAfterMs: resetAfterMs === Infinity ? null : resetAfterMs,
  };
}

/**
 * The wait before a restart, its random part not yet taken off.
 *
 * @param inARow - Which restart in a row it is, from 1.
 */
export function backoffDelayMs(plan: BackoffPlan, inARow: number): number {
  return Math.min(plan.maxMs, plan.initialMs * plan.factor ** (inARow - 1));
}

/** A fault of one field. */
export function faultOf(field: string, message: string, value: unknown): ExtensionFault {
  return { message: `${field} ${message}; got ${showValue(value)}`, value };
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}
