import type { Clock } from './clock.ts';
import { coreError, type SnakepitError } from './errors.ts';

/** Names one timer; compared by identity. */
export class TimerRef {
  /** When it fires, on the system's clock, in milliseconds. */
  readonly atMs: number;
  /** What the clock gave for it. @internal */
  handle: unknown;
  /** Whether it still will fire. @internal */
  armed = true;

  /** @internal */
  constructor(atMs: number) {
    this.atMs = atMs;
  }
}

/**
 * Runs something once after a delay.
 *
 * @param clock - The system's clock.
 * @param delayMs - In milliseconds, ≥ 0; 0 is still asynchronous (OTP TMR-001).
 * @param fn - What to run. It must not throw.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for a negative delay or one that is no number (TMR-006).
 */
export function startTimer(clock: Clock, delayMs: number, fn: () => void): TimerRef {
  const fault = delayFault('the delay of a timer', delayMs);
  if (fault !== undefined) throw fault;
  const timer = new TimerRef(clock.now() + delayMs);
  timer.handle = clock.setTimeout(() => {
    timer.armed = false;
    fn();
  }, delayMs);
  return timer;
}

/**
 * Stops a timer.
 *
 * @returns The milliseconds that were left, or `false` when it had fired or was cancelled (TMR-002).
 */
export function cancelTimer(clock: Clock, timer: TimerRef): number | false {
  if (!timer.armed) return false;
  timer.armed = false;
  clock.clearTimeout(timer.handle);
  return Math.max(0, timer.atMs - clock.now());
}

/** What is wrong with a duration, if anything. @internal */
export function delayFault(argument: string, delayMs: number): SnakepitError | undefined {
  if (delayMs >= 0) return undefined;
  return coreError('INVALID_ARGUMENT', {
    argument,
    value: delayMs,
    fault: 'it must be 0 or more milliseconds',
    remedy: 'Give milliseconds from 0 on; Infinity waits for ever where a time limit is meant.',
  });
}
