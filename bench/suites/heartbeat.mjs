import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapCodeStatistics } from 'node:v8';
import { silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { collectGarbage } from '../collect-garbage.mjs';
import { inTurn, toRow } from '../harness.mjs';
import { benchAdapter, python } from '../settings.mjs';

/** Each round starts as many Python processes, which takes most of its time. */
const MOST_ROUNDS = 3;
/** Length of a clock tick of `/proc`, in milliseconds; Linux tells programs the same on every machine. */
const TICK_MS = 10;

/** What 100 idle workers cost, with heartbeats every 2 s against without. */
export async function heartbeat({ rounds, scale }) {
  const size = Math.max(2, Math.round(100 * scale));
  const windowMs = Math.max(3_000, 20_000 * scale);
  const most = Math.min(rounds, MOST_ROUNDS);
  const measure = (enabled) => () => watch({ size, windowMs, enabled });
  const figures = await inTurn(most, {
    ours: { measure: measure(true), rounds: most },
    peer: { measure: measure(false), rounds: most },
  });
  const name = `${size} idle workers, pinged every 2 s`;
  const against = 'ours without heartbeats';
  return [
    toRow(`${name}: the runtime's CPU`, '% of a core', figures.runtime, {
      against,
      goal: { text: '≤ 3 % of a core for all', isMet: ({ ours }) => ours <= 3 },
    }),
    toRow(`${name}: each worker's CPU`, '% of a core', figures.worker, {
      against,
      goal: { text: '< 1 % of a core more', isMet: ({ ours, peer }) => ours - peer < 1 },
    }),
    toRow(`${name}: heap of Node, a worker`, 'KB', figures.heap, {
      against,
      goal: { text: '≤ 50 KB a worker', isMet: ({ ours }) => ours <= 50 },
    }),
  ];
}

/** How much less few workers need than many, and what all of them use while nothing is asked of them. */
async function watch({ size, windowMs, enabled }) {
  const less = Math.ceil(size / 5);
  // Twice, and the first time for nothing: what is made once for all is no part of the growth.
  await heapOf(less, enabled, settle);
  let used;
  const many = await heapOf(size, enabled, async (snakepit) => {
    used = await cpuOf(
      snakepit.workers().map(({ osPid }) => osPid),
      windowMs,
    );
  });
  const few = await heapOf(less, enabled, settle);
  return { ...used, heap: (many - few) / 1024 / (size - less) };
}

/** Long enough for a few heartbeats. */
const settle = () => sleep(5_000);

async function heapOf(size, enabled, look) {
  const snakepit = await Snakepit.start({
    logger: silentLogger,
    pools: [{ name: 'bench', size, python, heartbeat: { enabled }, ...benchAdapter }],
  });
  try {
    // As in use: each connection has had a call.
    await Promise.all(Array.from({ length: size }, () => snakepit.execute('echo', { text: 'x' })));
    await look(snakepit);
    collectGarbage();
    // Compiled code is no worker's; V8 makes more of it, and throws some away, as it likes.
    const { code_and_metadata_size: machine, bytecode_and_metadata_size: byte } =
      getHeapCodeStatistics();
    return process.memoryUsage().heapUsed - machine - byte;
  } finally {
    await snakepit.stop();
  }
}

async function cpuOf(osPids, windowMs) {
  const before = { runtime: process.cpuUsage(), ticks: ticksOf(osPids), atMs: performance.now() };
  await sleep(windowMs);
  const { user, system } = process.cpuUsage(before.runtime);
  const elapsedMs = performance.now() - before.atMs;
  const workersMs = (ticksOf(osPids) - before.ticks) * TICK_MS;
  return {
    runtime: ((user + system) / 1000 / elapsedMs) * 100,
    worker: (workersMs / osPids.length / elapsedMs) * 100,
  };
}

/** Clock ticks that these processes have used so far, in user and in system mode. */
function ticksOf(osPids) {
  let ticks = 0;
  for (const pid of osPids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}
