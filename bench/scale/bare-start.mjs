import { openBareHost } from '../bare-worker.mjs';

/** How many may be starting at a time; the fastest is what a pool is compared with. */
const batchSizes = [2, 3, 4, 6, 8];

/**
 * Starts so many of the very Python processes that pools run, without pool, supervisors or heartbeat around them.
 *
 * @returns {Promise<number>} Milliseconds until the last is ready.
 */
export async function startBare(count, batchSize) {
  const host = await openBareHost();
  try {
    let begun = 0;
    const startMs = performance.now();
    const lane = async () => {
      while (begun < count) {
        begun += 1;
        await host.start();
      }
    };
    await Promise.all(Array.from({ length: batchSize }, lane));
    return performance.now() - startMs;
  } finally {
    await host.close();
  }
}

/** With how many starting at a time the last is ready first. */
export async function bestBatchSize(count) {
  let best = { batchSize: 0, elapsedMs: Infinity };
  for (const batchSize of batchSizes) {
    const elapsedMs = await startBare(count, batchSize);
    if (elapsedMs < best.elapsedMs) best = { batchSize, elapsedMs };
  }
  return best.batchSize;
}
