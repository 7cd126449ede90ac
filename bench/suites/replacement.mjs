import { silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { createBareClient, openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** From SIGKILL of an idle worker until its replacement has answered, against Python's own start and first answer. */
export async function replacement({ rounds }) {
  const host = await openBareHost();
  const snakepit = await Snakepit.start({
    logger: silentLogger,
    // The pause before a second crash in a row is there on purpose; what is measured is everything else.
    restart: { backoff: { initial: 0, max: 0 } },
    pools: [{ name: 'bench', size: 1, python, ...benchAdapter }],
  });
  try {
    const figures = await inTurn(rounds, {
      ours: { measure: () => killAndCall(snakepit) },
      peer: { measure: () => startAndCall(host) },
    });
    const name = 'SIGKILL of an idle worker → replacement answers';
    const goal = { text: '≤ 1.3 ×', isMet: ({ ratio }) => ratio <= 1.3 };
    return [toRow(name, 'ms', figures.elapsed, { against: 'a bare start and first answer', goal })];
  } finally {
    await snakepit.stop();
    await host.close();
  }
}

async function killAndCall(snakepit) {
  const [{ osPid }] = snakepit.workers();
  const startMs = performance.now();
  process.kill(osPid, 'SIGKILL');
  // Until the death is known a call would go to the dead worker and come back.
  await snakepit.execute('echo', { text: 'again' }, { idempotent: true });
  return { elapsed: performance.now() - startMs };
}

async function startAndCall(host) {
  const startMs = performance.now();
  const worker = await host.start();
  const client = createBareClient(worker);
  await client.call('echo', { text: 'again' });
  const elapsed = performance.now() - startMs;
  client.close();
  await worker.handle.signal('kill');
  await worker.handle.exited;
  return { elapsed };
}
