/**
 * Two pools of four workers each, saturated for minutes, while workers are recycled and killed and calls are cancelled:
 * nothing may grow, and no call may be lost.
 *
 * Usage: npm run soak -- [--minutes M] [--json]
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isSnakepitError, silentLogger } from '@snakepit/core';
import { Snakepit } from 'snakepit';
import { collectGarbage } from './collect-garbage.mjs';
import { payload } from './load.mjs';
import { benchAdapter, python } from './settings.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 120)) {
  console.error(`--minutes is ${values.minutes}; give minutes above 0, 120 at most`);
  process.exit(2);
}

/** What a kill, a cancel or a stop may do to a call that is not repeated; anything else would be a fault of ours. */
const expected = new Set(['CANCELLED', 'WORKER_CRASHED', 'WORKER_UNAVAILABLE']);
const pools = ['left', 'right'];
const lanes = 16;
const sampleMs = 10_000;

const counts = { begun: 0, succeeded: 0, cancelled: 0, crashed: 0, wrong: 0, kills: 0 };
const samples = [];
const faults = [];
let isOver = false;

const snakepit = await Snakepit.start({
  logger: silentLogger,
  pools: pools.map((name) => ({
    ...{ name, size: 4, concurrency: 4, python, ...benchAdapter },
    recycle: { maxRequests: 20_000, maxAge: 60_000 },
    restart: { backoff: { initial: 0, max: 100 } },
  })),
});
const startMs = performance.now();
const endMs = startMs + minutes * 60_000;
const work = pools.flatMap((pool) => Array.from({ length: lanes }, () => keepCalling(pool)));
await Promise.all([keepKilling(), keepSampling()]);
isOver = true;
await Promise.all(work);
const { begun, succeeded, cancelled, crashed, wrong } = counts;
const stats = snakepit.stats();
await snakepit.stop();
const report = {
  minutes,
  ...counts,
  lost: begun - succeeded - cancelled - crashed - wrong,
  growth: growthOf(samples),
  samples,
  faults,
  stats,
};
if (values.json) console.log(JSON.stringify(report, null, 2));
else console.log(toText(report));
process.exitCode = report.lost === 0 && wrong === 0 ? 0 : 1;

async function keepCalling(pool) {
  while (!isOver) {
    counts.begun += 1;
    // One of fifty is given up; the others may be repeated, so that a kill loses none of them.
    const gives = counts.begun % 50 === 0 ? new AbortController() : undefined;
    const call = snakepit.execute(
      'echo',
      { text: payload },
      { pool, ...(gives === undefined ? { idempotent: true } : { signal: gives.signal }) },
    );
    if (gives !== undefined) setImmediate(() => gives.abort());
    try {
      if ((await call) === payload) counts.succeeded += 1;
      else throw new Error('the echo is not what was sent');
    } catch (error) {
      note(error, gives !== undefined);
    }
  }
}

function note(error, mayFail) {
  if (isSnakepitError(error) && error.code === 'CANCELLED') counts.cancelled += 1;
  else if (mayFail && isSnakepitError(error) && expected.has(error.code)) counts.crashed += 1;
  else {
    counts.wrong += 1;
    if (faults.length < 10) faults.push(String(error.stack));
  }
}

async function keepKilling() {
  while (performance.now() < endMs) {
    await sleep(2_000);
    const running = snakepit.workers().filter(({ osPid }) => osPid !== undefined);
    const victim = running[Math.floor(Math.random() * running.length)];
    if (victim === undefined) continue;
    try {
      process.kill(victim.osPid, 'SIGKILL');
      counts.kills += 1;
    } catch {
      // It has ended by itself meanwhile.
    }
  }
}

async function keepSampling() {
  while (performance.now() < endMs) {
    await sleep(sampleMs);
    collectGarbage();
    const { heapUsed, rss } = process.memoryUsage();
    samples.push({
      atS: Math.round((performance.now() - startMs) / 1000),
      heapMB: Math.round(heapUsed / 1e4) / 100,
      rssMB: Math.round(rss / 1e6),
      handles: process.getActiveResourcesInfo().length,
      fds: readdirSync('/proc/self/fd').length,
      perSecond: Math.round(counts.succeeded / ((performance.now() - startMs) / 1000)),
    });
  }
}

/** Medians of the last third of the samples against those of the third before. */
function growthOf(all) {
  const third = Math.max(1, Math.floor(all.length / 3));
  const median = (part, key) =>
    part.map((sample) => sample[key]).sort((a, b) => a - b)[part.length >> 1];
  const before = all.slice(-2 * third, -third);
  const last = all.slice(-third);
  if (before.length === 0) return undefined;
  const keys = ['heapMB', 'rssMB', 'handles', 'fds'];
  return Object.fromEntries(keys.map((key) => [key, median(last, key) - median(before, key)]));
}

function toText({ samples: all, ...rest }) {
  const rows = all.map((sample) => Object.values(sample).join('\t'));
  return [JSON.stringify(rest, null, 2), Object.keys(all[0] ?? {}).join('\t'), ...rows].join('\n');
}
