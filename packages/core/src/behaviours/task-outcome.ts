import type { ExitReason } from '../process/exit-reason.ts';

/** How a task ended: with a value, or with the exit reason of its process. */
export type TaskResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: ExitReason };

/** How a task ends, once it has ended; what waits for it listens. */
export interface Outcome<T> {
  /** The result, once it is there. */
  readonly result: TaskResult<T> | undefined;
  /** Calls a listener once with the result: at once, or when it comes. Returns what stops that. */
  listen(listener: (result: TaskResult<T>) => void): () => void;
}

/** Makes an outcome and what settles it; the first result counts. */
export function createOutcome<T>(): {
  readonly outcome: Outcome<T>;
  readonly settle: (result: TaskResult<T>) => void;
} {
  // Not a promise: what has waited in vain must leave nothing on a task that runs for days.
  const listeners = new Set<(result: TaskResult<T>) => void>();
  let settled: TaskResult<T> | undefined;
  return {
    outcome: {
      get result() {
        return settled;
      },
      listen(listener) {
        if (settled === undefined) listeners.add(listener);
        else listener(settled);
        return () => {
          listeners.delete(listener);
        };
      },
    },
    settle(result) {
      if (settled !== undefined) return;
      settled = result;
      for (const listener of listeners) listener(result);
      listeners.clear();
    },
  };
}
