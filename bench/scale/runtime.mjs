/**
 * A runtime with many workers, in a process of its own: it does what its parent says, and can be killed by it.
 *
 * Started by openRuntime; the first argument is what it starts, as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { collectGarbage } from '../collect-garbage.mjs';
import { load, payload } from '../load.mjs';
import { benchAdapter, python } from '../settings.mjs';

const { workers, launch, token, restart } = JSON.parse(process.argv[2]);
/** As many sessions on few workers as on many: the load is the same. */
const mostSessions = 1_000;
const counts = { verdicts: 0, misses: 0, ends: 0 };

// Loaded and begun once for nothing: what is made once for all is no part of a start.
await start({ size: 1, name: 'warm' }).then((warm) => warm.stop());
const beganMs = performance.now();
const snakepit = await start({ size: workers, name: 'bench' });
const readyMs = performance.now() - beganMs;
const { telemetry } = snakepit.system;
// All are seldom: to count them costs a heartbeat nothing.
telemetry.on('snakepit.worker.heartbeat.failed', () => (counts.verdicts += 1));
telemetry.on('snakepit.worker.heartbeat.missed', () => (counts.misses += 1));
telemetry.on('snakepit.worker.terminated', () => (counts.ends += 1));

const commands = {
  counts: () => ({ ...counts, health: snakepit.health().status }),
  async memory({ settleMs }) {
    // As in use: each connection has had a call.
    await Promise.all(Array.from({ length: workers }, toCall()));
    await sleep(settleMs);
    collectGarbage();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heapUsed, external, rss };
  },
  load: ({ calls, inFlight, milliseconds }) => load(calls, inFlight, toCall(milliseconds)),
  /** By sessions that each keep to a worker, one after the other, so that every call is on another one. */
  async spread({ calls, inFlight, milliseconds }) {
    const length = Math.min(mostSessions, calls);
    const sessions = Array.from({ length }, (_, at) =>
      snakepit.session(`spread-${at}`, { affinity: 'strictQueue' }),
    );
    let next = 0;
    const call = toCall(milliseconds, () => sessions[next++ % length]);
    await load(length, inFlight, call);
    const figures = await load(calls, inFlight, call);
    await Promise.all(sessions.map((session) => session.end()));
    return figures;
  },
  async crash() {
    const [{ osPid }] = snakepit.workers();
    const startMs = performance.now();
    process.kill(osPid, 'SIGKILL');
    await snakepit.execute('echo', { text: 'again' }, { idempotent: true });
    return { elapsedMs: performance.now() - startMs };
  },
  async stop() {
    const startMs = performance.now();
    await snakepit.stop();
    return { elapsedMs: performance.now() - startMs };
  },
};

process.on('message', ({ id, command, args }) => {
  Promise.resolve(commands[command](args)).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: String(error.stack) }),
  );
});
// Whose parent is gone, however, ends with all its workers.
process.on('disconnect', () => process.exit(1));
process.send({ ready: { readyMs } });

function toCall(milliseconds, choose = () => snakepit) {
  return milliseconds === undefined
    ? () => choose().execute('echo', { text: payload })
    : () => choose().execute('work', { text: payload, milliseconds });
}

function start(pool) {
  const [name, value] = token.split('=');
  return Snakepit.start({
    logger: silentLogger,
    ...(restart === undefined ? {} : { restart }),
    pools: [{ ...pool, launch, python, ...benchAdapter, env: { [name]: value } }],
  });
}
