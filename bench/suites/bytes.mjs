import { randomBytes } from 'node:crypto';
import { Snakepit } from 'snakepit';
import { createBareClient, openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { benchAdapter, python } from '../settings.mjs';

const data = randomBytes(16 * 1024 * 1024);

/** 16 MiB to Python and back, one after the other, against the bytes field of a bare unary call. */
export async function bytes({ rounds, scale }) {
  const host = await openBareHost();
  const snakepit = await Snakepit.start({
    pools: [{ name: 'bench', size: 1, python, ...benchAdapter }],
  });
  const client = createBareClient(await host.start());
  try {
    const trips = Math.max(1, Math.round(10 * scale));
    const measure = (send) => async () => {
      const startMs = performance.now();
      for (let trip = 0; trip < trips; trip++) {
        const back = await send();
        if (back.length !== data.length) throw new Error('not all bytes came back');
      }
      return { perSecond: (trips / (performance.now() - startMs)) * 1000 };
    };
    const { perSecond } = await inTurn(rounds, {
      ours: { measure: measure(() => snakepit.execute('blob', { data })) },
      peer: { measure: measure(() => client.sendBytes('blob', 'data', data)) },
    });
    const goal = { text: '≥ 0.8 ×', isMet: ({ ratio }) => ratio >= 0.8 };
    const against = 'bare grpc-js, unary';
    return [toRow('16 MiB there and back', 'calls/s', perSecond, { against, goal })];
  } finally {
    client.close();
    await snakepit.stop();
    await host.close();
  }
}
