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
  return new History(backoff, goodRunMs, clock, random);
}

class History implements WorkerHistory {
  readonly #backoff: BackoffMs;
  readonly #goodRunMs: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  #failedStarts = 0;
  #starts = 0;
  /** Ends in a row without a good run between them. */
  #endsInARow = 0;
  #readyAtMs = 0;
  #givenUp: Error | undefined;

  constructor(backoff: BackoffMs, goodRunMs: number, clock: Clock, random: () => number) {
    this.#backoff = backoff;
    this.#goodRunMs = goodRunMs;
    this.#clock = clock;
    this.#random = random;
  }

  get failedStarts(): number {
    return this.#failedStarts;
  }

  get starts(): number {
    return this.#starts;
  }

  get givenUp(): Error | undefined {
    return this.#givenUp;
  }

  backoffMs(): number {
    const { initialMs, maxMs, factor, jitter } = this.#backoff;
    if (this.#endsInARow < 2) return 0;
    const plainMs = Math.min(maxMs, initialMs * factor ** (this.#endsInARow - 2));
    return plainMs * (1 - jitter * this.#random());
  }

  startFailed(): void {
    this.#failedStarts += 1;
    this.#endsInARow += 1;
  }

  becameReady(): void {
    this.#failedStarts = 0;
    this.#givenUp = undefined;
    this.#starts += 1;
    this.#readyAtMs = this.#clock.now();
  }

  crashed(): void {
    const wasGood = this.#clock.now() - this.#readyAtMs >= this.#goodRunMs;
    this.#endsInARow = wasGood ? 1 : this.#endsInARow + 1;
  }

  gaveUp(error: Error): void {
    this.#givenUp = error;
  }

  startOver(): void {
    this.#failedStarts = 0;
    this.#endsInARow = 0;
    this.#givenUp = undefined;
  }
}
