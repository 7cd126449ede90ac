/**
 * How many workers of a pool may be starting at the same time, learnt from how long their starts take. Plain data.
 *
 * A start that has the machine to itself takes as long as it takes. With more starts than processors each takes longer, and
 * nothing is won; while starts wait for something else (a disk, a network, a lock) more of them at a time cost nothing. So
 * it is measured, as TCP Vegas does: as many at a time as make a start take about twice as long as the fastest one did.
 */
export interface StartPace {
  /** How many may be starting at the same time. */
  readonly limit: number;
  /** Never fewer once something was measured. */
  readonly least: number;
  /** Never more. */
  readonly most: number;
  /** The fastest start, in milliseconds; `undefined` before the first. */
  readonly fastestMs: number | undefined;
  /** What starts take by now, in milliseconds: each new one counts for a quarter. */
  readonly usualMs: number | undefined;
}

/** While a start takes less than so many times as long as the fastest, one more at a time is tried. */
const spareRatio = 1.6;
/** From so many times as long on, it is one less. */
const crowdedRatio = 2.6;
/** How much each new start says about what starts take. */
const newestShare = 0.25;
/** Nobody makes a process in so short a time, in milliseconds: it was there already. */
const tooFastMs = 2;

/**
 * The pace before anything was measured: one start for each processor, which disturb each other least. From then on it is two
 * for each at the least: while one waits, another computes.
 *
 * @param processors - How many there are.
 * @param most - The limit that somebody has set.
 */
export function firstPace(processors: number, most: number): StartPace {
  const atMost = (wanted: number): number => Math.max(1, Math.min(wanted, most));
  const [limit, least] = [atMost(processors), atMost(2 * processors)];
  return { limit, least, most, fastestMs: undefined, usualMs: undefined };
}

/** The pace after one more start. */
export function paceAfter(pace: StartPace, startMs: number): StartPace {
  if (startMs < tooFastMs) return pace;
  const { fastestMs: fastest = startMs, usualMs: usual = startMs, least, most } = pace;
  const fastestMs = Math.min(fastest, startMs);
  const usualMs = usual + (startMs - usual) * newestShare;
  const ratio = usualMs / fastestMs;
  const change = ratio < spareRatio ? 1 : ratio > crowdedRatio ? -1 : 0;
  const limit = Math.min(most, Math.max(least, pace.limit + change));
  return { limit, least, most, fastestMs, usualMs };
}
