import type { Clock } from '@snakepit/core';
import type { WorkerFailure } from './failure-cause.ts';

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
  readonly givenUp: WorkerFailure | undefined;
  /** How often it was ready, in all. */
  readonly starts: number;
  /** Milliseconds to wait before the next start. */
  backoffMs(): number;
  /** It ended before it was ready. */
  startFailed(): void;
  /** There was no host to start it on; its next start waits a little, but that is not held against it. */
  couldNotStart(): void;
  /** It is ready. */
  becameReady(): void;
  /** It ended abnormally after it had been ready. */
  crashed(): void;
  /** Starting it again does not help. */
  gaveUp(failure: WorkerFailure): void;
  /** Somebody starts it anew: what was given up has its chances again. */
  startOver(): void;
}

/** What a history is made of. */
export interface HistoryParts {
  /** The pauses between restarts. */
  readonly backoff: BackoffMs;
  /** A worker that has served so many milliseconds starts over with a clean record. */
  readonly goodRunMs: number;
  /** Time. */
  readonly clock: Clock;
  /** For the jitter, 0 to 1; default `Math.random`. */
  readonly random?: () => number;
  /** Hears that it has become ready, or was given up. */
  readonly onNews?: () => void;
}

/**
 * The shortest pause while there is no host, in milliseconds: that of a run is there again, or supervision has given up,
 * before so many starts have failed that the starter gives up, too.
 */
const hostPauseMs = 200;

/** Makes the history of one worker. */
export function createWorkerHistory(parts: HistoryParts): WorkerHistory {
  return new History(parts);
}

/**
 * Makes the history of a replacement: what goes wrong before it is ready is not held against the worker that it is to
 * replace; from then on it is that worker, and writes into its history.
 */
export function createTrialHistory(
  worker: WorkerHistory,
  parts: HistoryParts,
): WorkerHistory & { readonly isOver: boolean } {
  return new TrialHistory(worker, parts);
}

class History implements WorkerHistory {
  readonly #parts: HistoryParts;
  #failedStarts = 0;
  #starts = 0;
  /** Ends in a row without a good run between them. */
  #endsInARow = 0;
  #readyAtMs = 0;
  #givenUp: WorkerFailure | undefined;
  #shortestPauseMs = 0;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  get failedStarts(): number {
    return this.#failedStarts;
  }

  get starts(): number {
    return this.#starts;
  }

  get givenUp(): WorkerFailure | undefined {
    return this.#givenUp;
  }

  backoffMs(): number {
    const { backoff, random = Math.random } = this.#parts;
    const { initialMs, maxMs, factor, jitter } = backoff;
    if (this.#endsInARow < 2) return this.#shortestPauseMs;
    const plainMs = Math.min(maxMs, initialMs * factor ** (this.#endsInARow - 2));
    return Math.max(this.#shortestPauseMs, plainMs * (1 - jitter * random()));
  }

  startFailed(): void {
    this.#failedStarts += 1;
    this.#endsInARow += 1;
    this.#shortestPauseMs = 0;
  }

  couldNotStart(): void {
    this.#shortestPauseMs = hostPauseMs;
  }

  becameReady(): void {
    this.#failedStarts = 0;
    this.#givenUp = undefined;
    this.#shortestPauseMs = 0;
    this.#starts += 1;
    this.#readyAtMs = this.#parts.clock.now();
    this.#parts.onNews?.();
  }

  crashed(): void {
    const { clock, goodRunMs } = this.#parts;
    const wasGood = clock.now() - this.#readyAtMs >= goodRunMs;
    this.#endsInARow = wasGood ? 1 : this.#endsInARow + 1;
  }

  gaveUp(failure: WorkerFailure): void {
    this.#givenUp = failure;
    this.#parts.onNews?.();
  }

  startOver(): void {
    this.#failedStarts = 0;
    this.#endsInARow = 0;
    this.#givenUp = undefined;
    this.#shortestPauseMs = 0;
  }
}

class TrialHistory implements WorkerHistory {
  readonly #worker: WorkerHistory;
  #current: WorkerHistory;

  constructor(worker: WorkerHistory, parts: HistoryParts) {
    this.#worker = worker;
    this.#current = new History(parts);
  }

  get isOver(): boolean {
    return this.#current === this.#worker;
  }

  get failedStarts(): number {
    return this.#current.failedStarts;
  }

  get starts(): number {
    return this.#current.starts;
  }

  get givenUp(): WorkerFailure | undefined {
    return this.#current.givenUp;
  }

  backoffMs(): number {
    return this.#current.backoffMs();
  }

  startFailed(): void {
    this.#current.startFailed();
  }

  couldNotStart(): void {
    this.#current.couldNotStart();
  }

  becameReady(): void {
    this.#current = this.#worker;
    this.#current.becameReady();
  }

  crashed(): void {
    this.#current.crashed();
  }

  gaveUp(failure: WorkerFailure): void {
    this.#current.gaveUp(failure);
  }

  startOver(): void {
    this.#current.startOver();
  }
}
