import { quantile } from './harness.mjs';

/** What calls carry there and back. */
export const payload = 'x'.repeat(200);

/** Keeps so many calls in flight until so many are done. Each gives the payload back. */
export async function load(calls, inFlight, call) {
  const latencies = [];
  let begun = 0;
  const lane = async () => {
    while (begun < calls) {
      begun += 1;
      const startMs = performance.now();
      if ((await call()) !== payload) throw new Error('the echo is not what was sent');
      latencies.push(performance.now() - startMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  const elapsedMs = performance.now() - startMs;
  return {
    perSecond: (calls / elapsedMs) * 1000,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}
