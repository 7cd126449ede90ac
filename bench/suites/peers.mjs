import { startNodeContestant } from '../actors/node-contestant.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { installPeers } from '../peers/install.mjs';

const directory = new URL('../peers/', import.meta.url);
/** Each in a Node process of its own, by the name of its module, and how many calls a round has. */
const contestants = {
  snakepit: { calls: 40_000 },
  lines: { against: 'JSON lines on stdio, hand-written', calls: 40_000 },
  'python-shell': { against: 'python-shell', calls: 20_000 },
  pythonia: { against: 'pythonia', calls: 6_000 },
  'node-calls-python': { against: 'node-calls-python', calls: 10_000 },
};

/** A call through a supervised pool beside other ways from Node to Python: one Python process each, the same function. */
export async function peers({ rounds, scale, note }) {
  const problem = installPeers();
  const names = Object.keys(contestants).filter(
    (name) => problem === undefined || ['snakepit', 'lines'].includes(name),
  );
  if (problem !== undefined) {
    note(`Other libraries could not be installed (${problem}): their rows are left out`);
  }
  const running = names.map((name) => [name, startNodeContestant(name, directory)]);
  try {
    const rows = [];
    for (const inFlight of [1, 16, 64]) {
      const side = ([name, contestant]) => {
        const share = inFlight === 1 ? 0.1 : 1;
        const calls = Math.max(1, Math.round(contestants[name].calls * scale * share));
        return [name, { measure: () => contestant.run('echo', calls, { inFlight }) }];
      };
      const { perSecond, p50 } = await inTurn(rounds, Object.fromEntries(running.map(side)));
      for (const peer of names.slice(1)) rows.push(...rowsOf(inFlight, peer, { perSecond, p50 }));
    }
    return rows;
  } finally {
    await Promise.all(running.map(([, contestant]) => contestant.close()));
  }
}

function rowsOf(inFlight, name, { perSecond, p50 }) {
  const { against } = contestants[name];
  const of = (figures) => ({ ours: figures.snakepit, peer: figures[name] });
  const title = `a call, ${inFlight} in flight`;
  // Alone in flight a call pays for HTTP/2: the distance is told, and no goal.
  if (inFlight === 1) return [toRow(`${title}: latency p50`, 'ms', of(p50), { against })];
  const goal = { text: 'ahead', isMet: ({ ratio }) => ratio > 1 };
  return [toRow(`${title}: throughput`, 'calls/s', of(perSecond), { against, goal })];
}
