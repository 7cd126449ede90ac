import { inTurn, toRow } from '../harness.mjs';
import { bestBatchSize, startBare } from '../scale/bare-start.mjs';
import { visitStart } from '../scale/visit.mjs';

/** Each round starts hundreds of interpreters. */
const mostRounds = 3;
const hundred = 100;

/** The start of a hundred workers that are spawned, against Python's own, as many at a time as is best there. */
export async function spawning({ rounds: asked, workers = hundred }) {
  const start = Math.min(hundred, workers);
  const rounds = Math.min(asked, mostRounds);
  const batchSize = await bestBatchSize(Math.max(1, Math.round(start / 3)));
  const figures = await inTurn(rounds, {
    ours: { measure: () => visitStart(start, 'spawn'), rounds },
    peer: { measure: async () => ({ ready: await startBare(start, batchSize) }), rounds },
  });
  const against = `bare cold starts, ${batchSize} at a time`;
  const goal = { text: '≤ 1.1 ×', isMet: ({ ratio }) => ratio <= 1.1 };
  return [toRow(`${start} workers ready, spawned`, 'ms', figures.ready, { against, goal })];
}
