import type { Process } from '../process/process.ts';

interface Delay {
  handle: unknown;
  cancelled: boolean;
}

/**
 * The clock that the delays of one process's XState actor run on: what falls due is a turn of that process, like a
 * message, not a callback in the middle of somebody else's.
 */
export class ProcessClock {
  readonly #process: Process;

  /** @param process - Whose. */
  constructor(process: Process) {
    this.#process = process;
  }

  /** Runs `fn` in a turn of the process, not earlier than `delayMs` from now. */
  setTimeout(fn: () => void, delayMs: number): Delay {
    const process = this.#process;
    const delay: Delay = { handle: undefined, cancelled: false };
    delay.handle = process.runtime.clock.setTimeout(() => {
      process.interject(() => {
        if (!delay.cancelled) fn();
      });
    }, delayMs);
    return delay;
  }

  /** Cancels it, also when it is due but its turn has not come. */
  clearTimeout(delay: Delay): void {
    delay.cancelled = true;
    this.#process.runtime.clock.clearTimeout(delay.handle);
  }
}
