/** What looks wrong, in numbers and words. */
export interface Finding {
  /** What was measured; its unit is that of the kind. */
  readonly value: number;
  /** What it is usually, or what it may be at most. */
  readonly baseline: number;
  /** What is the case, as a sentence without a subject. */
  readonly message: string;
}

/** A number at a time. */
export interface Point {
  /** When, in milliseconds. */
  readonly atMs: number;
  /** How much. */
  readonly value: number;
}

/** Restarts are counted over so many milliseconds. */
const restartWindowMs = 300_000;
/** So many in that time are suspicious, in a small pool. */
const suspiciousRestarts = 3;

/** Latencies are compared with so many before them, at least. */
const latencyWarmUp = 30;
/** So many of the last are compared. */
const latencyRecent = 6;
/** The usual spread, in parts of a doubling of e, is at least this. */
const leastSpread = 0.05;
/** How many spreads beyond the usual are no chance, and by which factor and amount (ms) it must be worth a word. */
const driftSpreads = 4;
const driftFactor = 1.5;
const driftLeastMs = 5;

/** Memory is judged by so many points at least. */
const memoryPoints = 20;
/** Growth over the window that matters: this part of what there was, and so many bytes. */
const growthPart = 0.2;
const growthBytes = 32 * 2 ** 20;
/** Of all pairs of points so many must rise: noise around a level rises in half of them. */
const risingPart = 0.9;

/** So many heartbeats missed in a row, or so many looks of the last that found one missed. */
const missedInARow = 2;
const missedLooks = 5;

/**
 * Whether workers fail too often.
 *
 * @param failures - How many had failed in all, at each look; oldest first.
 * @param size - How many workers there are.
 */
export function restartRate(failures: readonly Point[], size: number): Finding | undefined {
  const last = failures.at(-1);
  if (last === undefined) return undefined;
  const since = last.atMs - restartWindowMs;
  const before = failures.findLast(({ atMs }) => atMs <= since) ?? failures[0] ?? last;
  const value = last.value - before.value;
  const baseline = Math.max(suspiciousRestarts, Math.ceil(size / 2));
  if (value < baseline) return undefined;
  return { value, baseline, message: `lost workers ${String(value)} times in 5 minutes` };
}

/** Whether things take longer than they used to; oldest first, in milliseconds. */
export function latencyDrift(latenciesMs: readonly number[]): Finding | undefined {
  const usual = latenciesMs.slice(0, -latencyRecent).map(toLog);
  if (usual.length < latencyWarmUp) return undefined;
  const middle = median(usual);
  const spread = Math.max(
    leastSpread,
    1.4826 * median(usual.map((each) => Math.abs(each - middle))),
  );
  const recent = median(latenciesMs.slice(-latencyRecent).map(toLog));
  const [baseline, value] = [Math.exp(middle), Math.exp(recent)];
  if (recent - middle < driftSpreads * spread) return undefined;
  if (value < baseline * driftFactor || value - baseline < driftLeastMs) return undefined;
  const message = `takes ${value.toFixed(1)} ms, where ${baseline.toFixed(1)} ms were usual`;
  return { value, baseline, message };
}

/** Whether memory keeps growing; oldest first, in bytes. */
export function memorySlope(points: readonly Point[]): Finding | undefined {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < memoryPoints) return undefined;
  // First what costs little: nearly always it is the answer.
  if (risingPairs(points) < ((points.length * (points.length - 1)) / 2) * risingPart) {
    return undefined;
  }
  const bytesPerMs = median(
    points.flatMap((a, index) =>
      points.slice(index + 1).map((b) => (b.value - a.value) / (b.atMs - a.atMs)),
    ),
  );
  const growth = bytesPerMs * (last.atMs - first.atMs);
  const baseline = median(points.map(({ value }) => value)) - growth / 2;
  if (growth < growthBytes || growth < baseline * growthPart) return undefined;
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  const message = `grows by ${mib(bytesPerMs * 60_000)} MiB a minute, from ${mib(baseline)} to ${mib(last.value)} MiB so far`;
  return { value: last.value, baseline, message };
}

/** Of how many pairs the later one is higher. */
function risingPairs(points: readonly Point[]): number {
  let rising = 0;
  for (let later = 1; later < points.length; later++) {
    const value = points[later]?.value ?? 0;
    for (let earlier = 0; earlier < later; earlier++) {
      if (value > (points[earlier]?.value ?? 0)) rising += 1;
    }
  }
  return rising;
}

/** Whether heartbeats are missed; how many in a row at each look, oldest first. */
export function missedHeartbeats(missed: readonly number[]): Finding | undefined {
  const now = missed.at(-1) ?? 0;
  const looks = missed.filter((each) => each > 0).length;
  if (now >= missedInARow) {
    const message = `has missed ${String(now)} heartbeats in a row`;
    return { value: now, baseline: missedInARow, message };
  }
  if (looks < missedLooks) return undefined;
  const message = `had missed a heartbeat at ${String(looks)} of the last ${String(missed.length)} looks`;
  return { value: looks, baseline: missedLooks, message };
}

/**
 * Whether calls wait too long for a worker.
 *
 * @param waitedMs - How long the oldest had waited at each look, oldest first.
 * @param limitMs - How long is too long.
 */
export function queueAge(waitedMs: readonly number[], limitMs: number): Finding | undefined {
  const value = waitedMs.length < 3 ? 0 : median(waitedMs.slice(-3));
  if (value < limitMs) return undefined;
  const message = `lets calls wait ${(value / 1_000).toFixed(1)} s for a worker`;
  return { value, baseline: limitMs, message };
}

function toLog(ms: number): number {
  return Math.log(Math.max(ms, 0.01));
}

/** The middle of some numbers; 0 without any. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}
