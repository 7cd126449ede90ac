import { Snakepit } from 'snakepit';
import { inTurn, toRow } from '../harness.mjs';
import { load, payload } from '../load.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** What heartbeats, as many as the configuration allows, add to a call. */
export async function overhead({ rounds, scale }) {
  const pool = { size: 1, concurrency: 16, python, ...benchAdapter };
  const snakepit = await Snakepit.start({
    pools: [
      { name: 'watched', heartbeat: { pingInterval: 1000 }, ...pool },
      { name: 'unwatched', heartbeat: { enabled: false }, ...pool },
    ],
  });
  try {
    const rows = [];
    for (const inFlight of [1, 16]) {
      const calls = Math.round((inFlight === 1 ? 2000 : 8000) * scale);
      const side = (name) => ({
        measure: () =>
          load(calls, inFlight, () => snakepit.execute('echo', { text: payload }, { pool: name })),
      });
      const figures = await inTurn(rounds, { ours: side('watched'), peer: side('unwatched') });
      const name = `a call, ${inFlight} in flight, pinged every second`;
      const against = 'ours without heartbeats';
      const addsLittle = {
        text: '< 1 ms more',
        isMet: ({ ours, peer }) => ours - peer < 1,
      };
      rows.push(
        toRow(`${name}: latency p99`, 'ms', figures.p99, { against, goal: addsLittle }),
        toRow(`${name}: throughput`, 'calls/s', figures.perSecond, { against }),
      );
    }
    return rows;
  } finally {
    await snakepit.stop();
  }
}
