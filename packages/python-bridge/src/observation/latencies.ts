/** Buckets for each doubling: what is told is wrong by at most 1/8 of a doubling, 9 %. */
const perDoubling = 8;
/** The first bucket ends here, in milliseconds. */
const smallestMs = 1 / 64;
/** So many doublings above, 12 days, the last begins. */
const doublings = 36;
const buckets = perDoubling * doublings;

/** How long things took. */
export interface LatencySummary {
  /** How many. */
  readonly count: number;
  /** Half took at most so many milliseconds; `undefined` without any. */
  readonly p50Ms: number | undefined;
  /** The same for 90 of 100. */
  readonly p90Ms: number | undefined;
  /** The same for 99 of 100. */
  readonly p99Ms: number | undefined;
}

/** Remembers how long things took in about the last minute, in a fixed amount of memory. */
export class Latencies {
  readonly #windowMs: number;
  #current = new Uint32Array(buckets);
  #previous = new Uint32Array(buckets);
  #beganAtMs: number;

  /** @param windowMs - What is older than two of these is forgotten. */
  constructor(nowMs: number, windowMs = 30_000) {
    this.#beganAtMs = nowMs;
    this.#windowMs = windowMs;
  }

  /** One took so long. */
  add(durationMs: number, nowMs: number): void {
    this.#turn(nowMs);
    const bucket = bucketOf(durationMs);
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
  }

  /** How long they took. */
  summary(nowMs: number): LatencySummary {
    this.#turn(nowMs);
    const both = this.#current.map((count, bucket) => count + (this.#previous[bucket] ?? 0));
    const count = both.reduce((sum, each) => sum + each, 0);
    const at = (part: number): number | undefined =>
      count === 0 ? undefined : endOf(bucketAt(both, Math.ceil(count * part)));
    return { count, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99) };
  }

  #turn(nowMs: number): void {
    const passed = Math.floor((nowMs - this.#beganAtMs) / this.#windowMs);
    if (passed < 1) return;
    this.#beganAtMs += passed * this.#windowMs;
    [this.#previous, this.#current] = [this.#current, this.#previous];
    this.#current.fill(0);
    if (passed > 1) this.#previous.fill(0);
  }
}

function bucketOf(durationMs: number): number {
  if (!(durationMs > smallestMs)) return 0;
  return Math.min(buckets - 1, Math.ceil(Math.log2(durationMs / smallestMs) * perDoubling));
}

function bucketAt(counts: Uint32Array, rank: number): number {
  let seen = 0;
  return counts.findIndex((count) => (seen += count) >= rank);
}

function endOf(bucket: number): number {
  return smallestMs * 2 ** (bucket / perDoubling);
}
