/** How much later than its timeout an answer may come on a busy machine, in milliseconds. */
const LATE_MS = 4_000;
const LOOK_MS = 200;
/** A look that comes so late says that this program was stopped or blocked, and nothing about its calls. */
const STALLED_MS = 3 * LOOK_MS;

/** The calls that have no answer yet, and an eye on each: one that has none long after its timeout is lost. */
export class PendingCalls {
  #calls = new Map();
  #ids = 0;
  #onLost;
  #lookedAtMs = performance.now();
  #waiting = [];

  constructor(onLost) {
    this.#onLost = onLost;
    setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get size() {
    return this.#calls.size;
  }

  /** Keeps a call in mind until the function that it gives is called. */
  begin(tool, timeoutMs) {
    const id = (this.#ids += 1);
    this.#calls.set(id, { tool, sinceMs: performance.now(), timeoutMs });
    return () => this.#forget(id);
  }

  /** Waits until each call is answered or lost. */
  async settled() {
    if (this.size > 0) await new Promise((resolve) => this.#waiting.push(resolve));
  }

  #forget(id) {
    this.#calls.delete(id);
    if (this.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  #look() {
    const nowMs = performance.now();
    const isStalled = nowMs - this.#lookedAtMs > STALLED_MS;
    this.#lookedAtMs = nowMs;
    if (isStalled) return;
    for (const [id, { tool, sinceMs, timeoutMs }] of this.#calls) {
      const afterMs = nowMs - sinceMs;
      if (afterMs < timeoutMs + LATE_MS) continue;
      this.#forget(id);
      this.#onLost({ tool, afterMs });
    }
  }
}
