import { bridgeError } from './errors.ts';

/** How one call is made. */
export interface ExecuteOptions {
  /** Which pool; default the first of the configuration. */
  readonly pool?: string;
  /** Milliseconds for everything, waiting for a worker included; default `requestTimeout` of the pool; `Infinity` for none. */
  readonly timeout?: number;
  /** Cancels the call, in the queue and in Python. */
  readonly signal?: AbortSignal;
  /** Whether the call may run twice: then it is tried again when its worker dies. Default false. */
  readonly idempotent?: boolean;
  /** Further arguments that are bytes. */
  readonly binary?: Readonly<Record<string, Uint8Array>>;
}

/** How everything is stopped. */
export interface SnakepitStopOptions {
  /**
   * Milliseconds after which nothing is waited for any more: calls in flight are given up and workers killed.
   * Default: each pool's `gracefulShutdownTimeout` and `termTimeout` count.
   */
  readonly timeout?: number;
}

/** How workers are restarted on request. */
export interface RestartOptions {
  /**
   * Milliseconds that calls in flight may go on; then the worker is asked to end, and at last killed. 0 waits for none.
   * Default: `gracefulShutdownTimeout` of the pool.
   */
  readonly timeout?: number;
}

/**
 * The time limit of a call, in milliseconds.
 *
 * @throws SnakepitError INVALID_ARGUMENT for what is no time.
 */
export function timeoutOf(given: number | undefined, fallbackMs: number, tool: string): number {
  if (given === undefined) return fallbackMs;
  // Plain JavaScript callers can give anything.
  if (typeof given === 'number' && given > 0) return given;
  throw bridgeError('INVALID_ARGUMENT', {
    tool,
    path: 'options.timeout',
    problem: `is ${String(given)}, not a number of milliseconds above 0`,
    advice: 'give milliseconds, or Infinity for no limit.',
  });
}

/**
 * What is wrong with a time that may be left out, and otherwise is a number of milliseconds from 0, `Infinity` included.
 *
 * @param path - What the user calls it.
 * @param advice - What it may be instead.
 * @returns An INVALID_ARGUMENT for what is no time.
 */
export function faultOfTime(
  given: number | undefined,
  path: string,
  advice: string,
): Error | undefined {
  // Plain JavaScript callers can give anything.
  if (given === undefined || (typeof given === 'number' && given >= 0)) return undefined;
  const problem = `is ${String(given)}, not a number of milliseconds from 0`;
  return bridgeError('INVALID_ARGUMENT', { path, problem, advice });
}

/**
 * How long a restart waits for calls in flight, in milliseconds; `undefined` when it was not said.
 *
 * @throws SnakepitError INVALID_ARGUMENT for what is no time.
 */
export function drainTimeOf(timeout: number | undefined): number | undefined {
  const advice = 'give milliseconds, or leave it out for gracefulShutdownTimeout of the pool.';
  const fault = faultOfTime(timeout, 'options.timeout', advice);
  if (fault !== undefined) throw fault;
  return timeout;
}
