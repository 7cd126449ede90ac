import type { Clock } from '@snakepit/core';
import type { WorkerBeats } from '../hosts/worker-host.ts';
import type { CallListener } from './call-path.ts';

/** The first question comes after this time, so that the worker has heard of the call and of its end; in milliseconds. */
const firstAskMs = 5;

/** The pause doubles up to this, in milliseconds. */
const longestPauseMs = 200;

/** Beats are numbered from here, where the heartbeat never comes. */
const firstSeq = 2 ** 40;

/** What {@link AbandonedCalls} is made of. */
export interface AbandonedCallsParts {
  /** Where the worker says how many calls it executes. */
  readonly beats: WorkerBeats;
  /** Time. */
  readonly clock: Clock;
  /** How many calls the worker executes for callers that still wait. */
  readonly running: () => number;
}

/**
 * The unary calls of one worker whose callers have given up, while a thread may still execute them.
 *
 * gRPC tells nothing of a cancelled call, but the worker counts what it executes and says so with every beat.
 */
export class AbandonedCalls {
  readonly #parts: AbandonedCallsParts;
  /** Who is told, oldest first. */
  readonly #listeners: Pick<CallListener, 'released'>[] = [];
  #seq = firstSeq;
  /** Only answers to this question or to a later one are of after the last call was given up. */
  #askedFromSeq = firstSeq;
  #pauseMs = firstAskMs;
  #timer: unknown;
  #stopListening: (() => void) | undefined;

  constructor(parts: AbandonedCallsParts) {
    this.#parts = parts;
  }

  /** One more; its listener is told when the worker has let go of it. */
  add(listener: Pick<CallListener, 'released'>): void {
    this.#listeners.push(listener);
    this.#stopListening ??= this.#parts.beats.onPong(({ seq, inFlight }) => {
      if (seq >= this.#askedFromSeq) this.#hear(inFlight);
    });
    this.#askedFromSeq = this.#seq + 1;
    this.#pauseMs = firstAskMs;
    this.#askLater();
  }

  /** The worker is gone, and with it what it executed. */
  close(): void {
    this.#releaseAllBut(0);
  }

  #askLater(): void {
    const { clock, beats } = this.#parts;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => {
      this.#seq += 1;
      beats.ping(this.#seq);
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
      // An answer that is lost or late is asked for again.
      this.#askLater();
    }, this.#pauseMs);
  }

  #hear(inFlight: number): void {
    this.#releaseAllBut(Math.max(0, inFlight - this.#parts.running()));
  }

  #releaseAllBut(left: number): void {
    const told = this.#listeners.splice(0, Math.max(0, this.#listeners.length - left));
    if (this.#listeners.length === 0) {
      this.#parts.clock.clearTimeout(this.#timer);
      this.#stopListening?.();
      this.#stopListening = undefined;
    }
    for (const listener of told) listener.released();
  }
}
