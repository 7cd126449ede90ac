import { silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { openBareHost } from '../bare-worker.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** From SIGSTOP of an idle worker until its replacement has answered, with defaults, against Python's own start. */
export async function detection({ rounds }) {
  const host = await openBareHost();
  const snakepit = await Snakepit.start({
    logger: silentLogger,
    // The pause before a second crash in a row is there on purpose; what is measured is everything else.
    restart: { backoff: { initial: 0, max: 0 } },
    pools: [{ name: 'bench', size: 1, python, ...benchAdapter }],
  });
  try {
    const most = Math.min(rounds, 5);
    const figures = await inTurn(most, {
      ours: { measure: () => stopAndAwait(snakepit), rounds: most },
      peer: { measure: () => startBare(host), rounds: most },
    });
    const isMet = ({ ours, peer }) => ours <= 10_000 + peer;
    return [
      toRow('SIGSTOP of an idle worker → replacement answers', 'ms', figures.elapsed, {
        against: 'a bare start',
        goal: { text: '≤ 10 s and a start', isMet },
      }),
    ];
  } finally {
    await snakepit.stop();
    await host.close();
  }
}

async function stopAndAwait(snakepit) {
  const [{ osPid }] = snakepit.workers();
  const startMs = performance.now();
  process.kill(osPid, 'SIGSTOP');
  try {
    // Goes to the stopped worker, and is tried again when that is found out.
    await snakepit.execute('echo', { text: 'again' }, { idempotent: true });
  } finally {
    resume(osPid);
  }
  return { elapsed: performance.now() - startMs };
}

function resume(pid) {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It is gone, as it should be.
  }
}

async function startBare(host) {
  const startMs = performance.now();
  const worker = await host.start();
  const elapsed = performance.now() - startMs;
  await worker.handle.signal('kill');
  await worker.handle.exited;
  return { elapsed };
}
