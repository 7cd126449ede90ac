/** How much of what happens somebody is shown. */
export interface WatchLimit {
  /** Records a second; a quarter of that at once. A whole number from 1. */
  readonly perSecond: number;
  /** Told for each message that is not shown, by the number of the pid that handled it. */
  readonly missed: (pid: number) => void;
}

/** So much of a second may be used up at once. */
const burstSeconds = 0.25;

/**
 * What one who watches may still be shown: so much at once, and from then on as time goes by.
 *
 * @internal
 */
export class WatchBudget {
  readonly #perMs: number;
  readonly #most: number;
  readonly #nowMs: () => number;
  #left: number;
  #filledMs: number;

  /**
   * @param perSecond - Records a second.
   * @param nowMs - The time in milliseconds, coarse: this is asked for each message.
   */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(1, perSecond * burstSeconds);
    this.#nowMs = nowMs;
    this.#left = this.#most;
    this.#filledMs = nowMs();
  }

  /**
   * Whether there is any left.
   *
   * @param kept - The part that is kept for what matters more, from 0 to 1.
   */
  has(kept: number): boolean {
    this.#fill();
    return this.#left >= Math.min(this.#most, 1 + this.#most * kept);
  }

  /** Uses up one, if there is any. Not all that is taken was asked for before: somebody else may have wanted it. */
  take(): boolean {
    this.#fill();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    if (nowMs === this.#filledMs) return;
    this.#left = Math.min(this.#most, this.#left + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
  }
}
