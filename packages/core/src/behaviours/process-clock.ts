import type { Process } from '../process/process.ts';

interface Delay {
  handle: unknown;
  cancelled: boolean;
}

/** The clock that an XState actor's delays run on. */
export interface ProcessClock {
  /** Runs `fn` in a turn of the process, not earlier than `delayMs` from now. */
  setTimeout(fn: () => void, delayMs: number): Delay;
  /** Cancels it, also when it is due but its turn has not come. */
  clearTimeout(id: Delay): void;
}

/**
 * Makes the clock of one process: what falls due is a turn of that process, like a message, not a callback in the
 * middle of somebody else's.
 */
export function createProcessClock(process: Process): ProcessClock {
  const { clock } = process.runtime;
  return {
    setTimeout(fn, delayMs) {
      const delay: Delay = { handle: undefined, cancelled: false };
      delay.handle = clock.setTimeout(() => {
        process.interject(() => {
          if (!delay.cancelled) fn();
        });
      }, delayMs);
      return delay;
    },
    clearTimeout(delay) {
      delay.cancelled = true;
      clock.clearTimeout(delay.handle);
    },
  };
}
