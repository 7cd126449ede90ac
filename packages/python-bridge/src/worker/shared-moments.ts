import type { Clock } from '@snakepit/core';

/** A timer may be late by this much before our own loop is held responsible, in milliseconds. */
export const tolerableLatenessMs = 500;

/** Who waits for a moment, and for one at a time only. */
export interface Sleeper {
  /**
   * The moment has come, and what had arrived by then was read. Must not throw.
   *
   * @param isLate - Whether our own event loop came late, so that nothing can be concluded about others.
   */
  wake(isLate: boolean): void;
}

/** Wakes many at few moments: there are as many timers as moments, however many wait. */
export interface SharedMoments {
  /** Has it woken once, not before this time of the clock, in milliseconds; it does not wait for another any more. */
  wait(sleeper: Sleeper, atMs: number): void;
  /** It does not wait any more. */
  leave(sleeper: Sleeper): void;
}

interface Moment {
  readonly atMs: number;
  readonly sleepers: Set<Sleeper>;
  /** What the clock gave for it; `undefined` once it has come. */
  timer: unknown;
}

/**
 * Makes moments without anybody who waits.
 *
 * @param clock - Time.
 */
export function createSharedMoments(clock: Clock): SharedMoments {
  return new Moments(clock);
}

class Moments implements SharedMoments {
  readonly #clock: Clock;
  /** Those that have not come yet. */
  readonly #coming = new Map<number, Moment>();
  readonly #momentOf = new Map<Sleeper, Moment>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(sleeper: Sleeper, atMs: number): void {
    this.leave(sleeper);
    const moment = this.#coming.get(atMs) ?? this.#begin(atMs);
    moment.sleepers.add(sleeper);
    this.#momentOf.set(sleeper, moment);
  }

  leave(sleeper: Sleeper): void {
    const moment = this.#momentOf.get(sleeper);
    if (moment === undefined) return;
    this.#momentOf.delete(sleeper);
    moment.sleepers.delete(sleeper);
    if (moment.sleepers.size > 0 || this.#coming.get(moment.atMs) !== moment) return;
    this.#coming.delete(moment.atMs);
    this.#clock.clearTimeout(moment.timer);
  }

  #begin(atMs: number): Moment {
    const moment: Moment = { atMs, sleepers: new Set(), timer: undefined };
    const delayMs = Math.max(0, atMs - this.#clock.now());
    moment.timer = this.#clock.setTimeout(() => {
      this.#come(moment);
    }, delayMs);
    this.#coming.set(atMs, moment);
    return moment;
  }

  #come(moment: Moment): void {
    const isLate = this.#clock.now() - moment.atMs > tolerableLatenessMs;
    // Who comes from now on waits for a timer of its own.
    this.#coming.delete(moment.atMs);
    // Timers come before input in a turn of the event loop: an answer that is there already is heard first.
    setImmediate(() => {
      for (const sleeper of moment.sleepers) {
        // Whom one of the others has let go of is not among them any more.
        this.#momentOf.delete(sleeper);
        moment.sleepers.delete(sleeper);
        sleeper.wake(isLate);
      }
    });
  }
}
