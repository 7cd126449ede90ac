import { Snakepit } from 'snakepit';
import { createBareClient, openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** A stream of small chunks through the pool, against the bare server stream of the same tool. */
export async function streams({ rounds, scale }) {
  const host = await openBareHost();
  const snakepit = await Snakepit.start({
    pools: [{ name: 'bench', size: 1, python, ...benchAdapter }],
  });
  const client = createBareClient(await host.start());
  try {
    const to = Math.max(10, Math.round(20_000 * scale));
    const measure = (open) => async () => {
      const startMs = performance.now();
      let next = 0;
      for await (const number of open()) if (number !== next++) throw new Error('out of order');
      if (next !== to) throw new Error(`${next} chunks of ${to} came`);
      return { perSecond: (to / (performance.now() - startMs)) * 1000 };
    };
    const { perSecond } = await inTurn(rounds, {
      ours: { measure: measure(() => snakepit.stream('count', { to })) },
      peer: { measure: measure(() => client.stream('count', { to })) },
    });
    const goal = { text: '≥ 0.9 ×', isMet: ({ ratio }) => ratio >= 0.9 };
    const against = 'bare grpc-js server stream';
    return [toRow('a stream of small chunks', 'chunks/s', perSecond, { against, goal })];
  } finally {
    client.close();
    await snakepit.stop();
    await host.close();
  }
}
