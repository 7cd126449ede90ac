import { quantile } from '../harness.mjs';

/**
 * A promise that is fulfilled when so many have arrived.
 *
 * @param {number} wanted
 * @returns {{ arrive: () => void, open: () => void, opened: Promise<void> }} `open` is for the first who comes.
 */
export function latch(wanted = 1) {
  let open = () => undefined;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  let arrived = 0;
  const arrive = () => {
    arrived += 1;
    if (arrived === wanted) open();
  };
  return { arrive, open: () => open(), opened };
}

/** Microseconds since `startMs` for each of so many. */
export function microsecondsPer(count, startMs) {
  return ((performance.now() - startMs) * 1000) / count;
}

/** Work that was not done in full gives no figure. */
export function check(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: ${found} instead of ${wanted}`);
}

/** Bytes in use on the heap, garbage left out. */
export function heapAfterCollection() {
  // Twice: what a finaliser lets go of in the first is taken in the second.
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** The median of latencies. */
export function p50(latencies) {
  return quantile(latencies, 0.5);
}
