import type { PendingTimer } from '../observation/process-details.ts';
import type { Process } from '../process/process.ts';
import type { ScheduledEvent } from './xstate-internals.ts';

interface Delay {
  handle: unknown;
  cancelled: boolean;
  readonly delayMs: number;
  readonly dueMs: number;
  /** Those that run are in a row, so that they can be looked at; most processes have one at most. */
  older: Delay | undefined;
  newer: Delay | undefined;
}

/**
 * The clock that the delays of one process's XState actor run on: what falls due is a turn of that process, like a
 * message, not a callback in the middle of somebody else's.
 */
export class ProcessClock {
  readonly #process: Process;
  #newest: Delay | undefined;

  /** @param process - Whose. */
  constructor(process: Process) {
    this.#process = process;
  }

  /** Runs `fn` in a turn of the process, not earlier than `delayMs` from now. */
  setTimeout(fn: () => void, delayMs: number): Delay {
    const process = this.#process;
    const { clock } = process.runtime;
    const older = this.#newest;
    const dueMs = clock.now() + delayMs;
    const delay: Delay = {
      handle: undefined,
      cancelled: false,
      delayMs,
      dueMs,
      older,
      newer: undefined,
    };
    if (older !== undefined) older.newer = delay;
    this.#newest = delay;
    delay.handle = clock.setTimeout(() => {
      process.interject(() => {
        if (delay.cancelled) return;
        this.#over(delay);
        fn();
      });
    }, delayMs);
    return delay;
  }

  /** Cancels it, also when it is due but its turn has not come. */
  clearTimeout(delay: Delay): void {
    if (!delay.cancelled) this.#over(delay);
    this.#process.runtime.clock.clearTimeout(delay.handle);
  }

  /** With what XState knows of its delays: what each brings, and when. */
  pending(scheduled: readonly ScheduledEvent[]): PendingTimer[] {
    const running: Delay[] = [];
    for (let delay = this.#newest; delay !== undefined; delay = delay.older) running.push(delay);
    running.reverse();
    const nowMs = this.#process.runtime.clock.now();
    return scheduled.flatMap(({ event, delay: delayMs }) => {
      // Both are in the order in which they began.
      const at = running.findIndex((delay) => delay.delayMs === delayMs);
      const [found] = at < 0 ? [] : running.splice(at, 1);
      if (found === undefined) return [];
      const leftMs = Math.max(0, found.dueMs - nowMs);
      const { type } = event;
      return [{ kind: 'after', event: type, state: stateOf(type), delayMs, leftMs } as const];
    });
  }

  #over(delay: Delay): void {
    delay.cancelled = true;
    if (delay.older !== undefined) delay.older.newer = delay.newer;
    if (delay.newer !== undefined) delay.newer.older = delay.older;
    else this.#newest = delay.older;
  }
}

/** `xstate.after.<delay>.<state id>`; a delay may have a name, which has no dots. */
function stateOf(eventType: string): string | undefined {
  return /^xstate\.after\.[^.]*\.(.*)$/s.exec(eventType)?.[1];
}
