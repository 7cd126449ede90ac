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
  /** Who else knows of it, while it is armed. @internal */
  readonly kept: Set<TimerRef> | undefined;
  /** How long it runs in all, in milliseconds. @internal */
  readonly delayMs: number;
  /** What it will bring, if that is a message. @internal */
  readonly message: unknown;

  /** @internal */
  constructor(atMs: number, kept?: Set<TimerRef>, delayMs = 0, message?: unknown) {
    this.atMs = atMs;
    this.kept = kept;
    this.delayMs = delayMs;
    this.message = message;
  }
}

/**
 * Runs something once after a delay.
 *
 * @param clock - The system's clock.
 * @param delayMs - In milliseconds, ≥ 0; 0 is still asynchronous (OTP TMR-001).
 * @param fn - What to run. It must not throw.
 * @param kept - Has the timer in it for as long as it is armed.
 * @param message - What it will bring, if that is a message: for those who look.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for a delay that is negative, endless or no number (TMR-006).
 */
export function startTimer(
  clock: Clock,
  delayMs: number,
  fn: () => void,
  kept?: Set<TimerRef>,
  message?: unknown,
): TimerRef {
  const fault = delayFault('the delay of a timer', delayMs);
  if (fault !== undefined) throw fault;
  if (delayMs === Infinity) throw neverFault();
  const timer = new TimerRef(clock.now() + delayMs, kept, delayMs, message);
  kept?.add(timer);
  timer.handle = clock.setTimeout(() => {
    disarm(timer);
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
  disarm(timer);
  clock.clearTimeout(timer.handle);
  return Math.max(0, timer.atMs - clock.now());
}

/** Stops all of them. */
export function cancelTimers(clock: Clock, timers: ReadonlySet<TimerRef>): void {
  for (const timer of timers) cancelTimer(clock, timer);
}

function disarm(timer: TimerRef): void {
  timer.armed = false;
  timer.kept?.delete(timer);
}

function neverFault(): SnakepitError {
  return coreError('INVALID_ARGUMENT', {
    argument: 'the delay of a timer',
    value: Infinity,
    fault: 'it would never fire',
    remedy: 'Give a number of milliseconds, or start no timer.',
  });
}

/** What is wrong with a duration, if anything. @internal */
export function delayFault(argument: string, delayMs: number): SnakepitError | undefined {
  // Plain JavaScript callers can give anything, and '5' is more than 0 too.
  if (typeof delayMs === 'number' && delayMs >= 0) return undefined;
  return coreError('INVALID_ARGUMENT', {
    argument,
    value: delayMs,
    fault: 'it must be 0 or more milliseconds',
    remedy: 'Give milliseconds from 0 on; Infinity waits for ever where a time limit is meant.',
  });
}
