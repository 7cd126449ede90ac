import { Fifo } from './process/fifo.ts';

/** What the scheduler runs: one turn at a time. */
export interface Schedulable {
  /** Whether it waits in the run queue; the scheduler's own mark. */
  queued: boolean;
  /** Does one turn: one message to completion, or one step of starting or ending. Never throws. */
  runTurn(): void;
}

/** Limits of a stretch of turns before timers and I/O get their chance. */
export interface SchedulerOptions {
  /** Turns before the event loop is let through; default 1,000. */
  readonly maxTurns?: number;
  /** Time before the event loop is let through, in milliseconds; default 4. */
  readonly maxStretchMs?: number;
}

/** The run queue: round robin, one turn each, never hogging the event loop (OTP MSG-003, MSG-007). */
export interface Scheduler {
  /** Puts a process into the run queue unless it is there. */
  schedule(process: Schedulable): void;
  /** How many processes wait for a turn. */
  readonly length: number;
}

/** Looking at the clock costs more than a turn, so it is done once in so many turns (a power of two). */
const turnsPerClockLook = 64;

/**
 * Makes a run queue.
 *
 * The first stretch after quiet starts in a microtask, so a call is answered at once; once the budget is used
 * up the next one starts in a macrotask, which renews it. So a message costs no hop of its own, and processes
 * that message each other for ever still let timers and I/O through.
 */
export function createScheduler(options: SchedulerOptions = {}): Scheduler {
  const { maxTurns = 1_000, maxStretchMs = 4 } = options;
  const queue = new Fifo<Schedulable>();
  let pending = false;
  let turns = 0;
  let stretchStartMs = 0;

  function wake(): void {
    pending = true;
    if (turns < maxTurns) queueMicrotask(drain);
    else setImmediate(renew);
  }

  function renew(): void {
    turns = 0;
    drain();
  }

  function drain(): void {
    if (turns === 0) stretchStartMs = performance.now();
    while (turns < maxTurns) {
      const process = queue.shift();
      if (process === undefined) {
        pending = false;
        return;
      }
      process.queued = false;
      turns += 1;
      process.runTurn();
      if (turns % turnsPerClockLook === 0 && performance.now() - stretchStartMs > maxStretchMs) {
        turns = maxTurns;
      }
    }
    if (queue.length > 0) wake();
    else pending = false;
  }

  return {
    schedule(process) {
      if (process.queued) return;
      process.queued = true;
      queue.push(process);
      if (!pending) wake();
    },
    get length() {
      return queue.length;
    },
  };
}
