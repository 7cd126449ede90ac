import { Snakepit } from 'snakepit';
import { createBareClient, openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { load, payload } from '../load.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** `execute` through the pool against the bare grpc-js client, one Python server of the same make each. */
export async function execute({ rounds, scale }) {
  const host = await openBareHost();
  const snakepit = await Snakepit.start({
    pools: [{ name: 'bench', size: 1, concurrency: 64, python, ...benchAdapter }],
  });
  try {
    const client = createBareClient(await host.start());
    const rows = [];
    for (const inFlight of [1, 16, 64]) {
      const calls = Math.round((inFlight === 1 ? 600 : 3000) * scale);
      const measure = (call) => () => load(calls, inFlight, () => call('echo', { text: payload }));
      const figures = await inTurn(rounds, {
        ours: { measure: measure((tool, args) => snakepit.execute(tool, args)) },
        peer: { measure: measure((tool, args) => client.call(tool, args)) },
      });
      const name = `execute, ${inFlight} in flight`;
      rows.push(
        toRow(`${name}: throughput`, 'calls/s', figures.perSecond, { against: 'bare grpc-js' }),
        toRow(`${name}: latency p50`, 'ms', figures.p50, { against: 'bare grpc-js' }),
        toRow(`${name}: latency p99`, 'ms', figures.p99, { against: 'bare grpc-js' }),
      );
    }
    client.close();
    return rows;
  } finally {
    await snakepit.stop();
    await host.close();
  }
}
