import type { Clock } from '@snakepit/core';

/** The pauses between restarts, in milliseconds. */
export interface BackoffMs {
  /** Before the second restart in a row; the first is immediate. */
  readonly initialMs: number;
  /** Longest. */
  readonly maxMs: number;
  /** Each further one is longer by this factor. */
  readonly factor: number;
  /** Part that is left to chance, 0 to 1. */
  readonly jitter: number;
}

/**
 * What is remembered of one worker through all its restarts, so that a worker that cannot start is given up and one
 * that keeps crashing is not started in a loop (R10.2).
 */
export interface WorkerHistory {
  /** Starts in a row that ended before the worker was ready. */
  readonly failedStarts: number;
  /** Why it is given up, if it is. */
  readonly givenUp: Error | undefined;
  /** How often it was ready, in all. */
  readonly starts: number;
  /** Milliseconds to wait before the next start. */
  backoffMs(): number;
  /** It ended before it was ready. */
  startFailed(): void;
  /** It is ready. */
  becameReady(): void;
  /** It ended abnormally after it had been ready. */
  crashed(): void;
  /** Starting it again does not help. */
  gaveUp(error: Error): void;
  /** Somebody starts it anew: what was given up has its chances again. */
  startOver(): void;
}

/**
 * Makes the history of one worker.
 *
 * @param goodRunMs - A worker that has served this long starts over with a clean record.
 * @param random - For the jitter, 0 to 1.
 */
export function createWorkerHistory(
  backoff: BackoffMs,
  goodRunMs: number,
  clock: Clock,
  random: () => number = Math.random,
): WorkerHistory {
  let failedStarts = 0;
  let starts = 0;
  let endsInARow = 0;
  let readyAtMs = 0;
  let givenUp: Error | undefined;
  return {
    get failedStarts() {
      return failedStarts;
    },
    get givenUp() {
      return givenUp;
    },
    get starts() {
      return starts;
    },
    backoffMs() {
      if (endsInARow < 2) return 0;
      const plainMs = Math.min(
        backoff.maxMs,
        backoff.initialMs * backoff.factor ** (endsInARow - 2),
      );
      return plainMs * (1 - backoff.jitter * random());
    },
    startFailed() {
      failedStarts += 1;
      endsInARow += 1;
    },
    becameReady() {
      failedStarts = 0;
      givenUp = undefined;
      starts += 1;
      readyAtMs = clock.now();
    },
    crashed() {
      endsInARow = clock.now() - readyAtMs >= goodRunMs ? 1 : endsInARow + 1;
    },
    gaveUp(error) {
      givenUp = error;
    },
    startOver() {
      failedStarts = 0;
      endsInARow = 0;
      givenUp = undefined;
    },
  };
}
