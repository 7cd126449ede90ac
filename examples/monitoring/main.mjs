// A Snakepit under load, with a worker that is killed now and then, for Prometheus and Grafana to look at.
//
//   npm run example -- monitoring                 until Ctrl-C
//   npm run example -- monitoring --seconds 60    for a minute
//   npm run example -- monitoring --port 0        on any free port; else 9568, as in prometheus.yml
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { silentLogger } from '@snakepit/core';
import { observe } from '@snakepit/observer';
import { isSnakepitError, Snakepit } from 'snakepit';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9568' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});

const snakepit = await Snakepit.start({
  // Otherwise it reports the killed workers.
  logger: silentLogger,
  pools: [{ name: 'default', size: 2, adapter: 'busy_adapter.BusyAdapter' }],
});
const observer = await observe(snakepit.system, {
  port: Number(values.port),
  metrics: { open: true },
});
const metrics = `http://127.0.0.1:${observer.port}/metrics`;
console.log(`metrics: ${metrics}`);
console.log(
  'in this folder: prometheus --config.file=prometheus.yml --storage.tsdb.path=/tmp/prom',
);
console.log('then in Grafana: import snakepit-processes.json and snakepit-calls.json');

const over = new AbortController();
process.once('SIGINT', () => over.abort());
const end = Number(values.seconds);
if (end < Infinity) setTimeout(() => over.abort(), end * 1_000);

try {
  await Promise.all([callOften(), callBadly(), killSeldom()]);
  const counted = await (await fetch(metrics)).text();
  console.log(counted.match(/^snakepit_pool_calls_total\{.*succeeded.*\} \d+$/m)?.[0]);
} catch (error) {
  if (!over.signal.aborted) throw error;
} finally {
  await observer.close();
  await snakepit.stop();
}

async function callOften() {
  while (!over.signal.aborted) {
    // In waves, so that there is something to see in the queue.
    const many = 3 + Math.round(3 * Math.sin(performance.now() / 10_000));
    await Promise.all(
      Array.from({ length: many }, () => attempt('work', { milliseconds: 100 * Math.random() })),
    );
  }
}

async function callBadly() {
  while (!over.signal.aborted) {
    await attempt('fail', {});
    await rest(1_000);
  }
}

async function killSeldom() {
  for (;;) {
    await rest(20_000);
    if (over.signal.aborted) return;
    const osPid = snakepit.workers()[0]?.osPid;
    if (osPid !== undefined) process.kill(osPid, 'SIGKILL');
  }
}

/** @param {string} tool @param {Record<string, unknown>} args */
async function attempt(tool, args) {
  try {
    await snakepit.execute(tool, args);
  } catch (error) {
    // Some of them are to fail, and some have a worker that is killed.
    if (!isSnakepitError(error)) throw error;
  }
}

/** @param {number} milliseconds */
function rest(milliseconds) {
  return sleep(milliseconds, undefined, { signal: over.signal }).catch(() => undefined);
}
