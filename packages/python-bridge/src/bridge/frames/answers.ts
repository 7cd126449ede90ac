import type { Clock } from '@snakepit/core';

interface Waiter<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: Error) => void;
  readonly timer: unknown;
}

/** What is waited for, by key, each for its time. */
export class Answers<K, T> {
  readonly #clock: Clock;
  readonly #waiting = new Map<K, Waiter<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for an answer.
   *
   * @param deadlineMs - How long, in milliseconds.
   * @param late - Makes the error for when it has not come by then.
   */
  wait(key: K, deadlineMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer =
        deadlineMs === Infinity
          ? undefined
          : this.#clock.setTimeout(() => {
              if (this.#waiting.delete(key)) reject(late());
            }, deadlineMs);
      this.#waiting.set(key, { resolve, reject, timer });
    });
  }

  /** The answer is there. One that nobody waits for any more is dropped. */
  give(key: K, answer: T): void {
    const waiter = this.#waiting.get(key);
    if (waiter === undefined) return;
    this.#waiting.delete(key);
    this.#clock.clearTimeout(waiter.timer);
    waiter.resolve(answer);
  }

  /** No answer will come any more. */
  fail(error: Error): void {
    for (const { reject, timer } of this.#waiting.values()) {
      this.#clock.clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}
