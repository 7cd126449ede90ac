import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { SnakepitError } from '@snakepit/core';
import type { Snakepit, WorkerInfo } from '@snakepit/python-bridge';
import { tolerableLatenessMs } from '../../packages/python-bridge/src/worker/shared-moments.ts';
import { callPaths, poolOf, type CallPath } from '../fixtures/call-paths.ts';
import {
  errorOf,
  isAlive,
  SnakepitBench,
  until,
  type BenchPool,
} from '../fixtures/snakepit-bench.ts';

// Real workers that fall ill, each in a way of its own, side by side, and what becomes of them with the defaults.

jest.setTimeout(60_000);

/** What became of one pool with one worker. */
interface Story {
  readonly osPid: number;
  /** From the moment in which it fell ill, or in which this process, which looks, ran again, in milliseconds. */
  readonly foundAfterMs: number;
  readonly fault: string;
  readonly error: SnakepitError;
  readonly sum: unknown;
  readonly after: WorkerInfo | undefined;
}

interface Illness {
  readonly pool: string;
  readonly fault: 'beats' | 'serving' | 'busy';
  readonly config?: BenchPool;
  /** The call that is in flight when it falls ill. */
  readonly call: readonly [tool: string, args?: Record<string, unknown>];
  /** Makes it ill; where there is nothing to do the call itself does. */
  readonly strike?: (osPid: number) => void;
}

const bench = new SnakepitBench();
const markOf = (pool: string): string => `${pool}.begun`;
/** One that swallows all calls, or answers none, as soon as there is a file. */
const servingNobody = (pool: string, variable: string, path: CallPath): Illness => ({
  pool,
  fault: 'serving',
  config: { ...poolOf(path), env: { [variable]: bench.path(pool) } },
  call: ['slow', { seconds: 1000 }],
  strike: () => {
    writeFileSync(bench.path(pool), '');
  },
});
const illnesses: readonly Illness[] = [
  { pool: 'hung-loop', fault: 'serving', call: ['hang_loop'] },
  { pool: 'lock-held', fault: 'beats', call: ['hold_lock'] },
  {
    pool: 'stopped',
    fault: 'beats',
    call: ['slow', { seconds: 1000 }],
    strike: (osPid) => process.kill(osPid, 'SIGSTOP'),
  },
  ...callPaths.flatMap((path) => [
    servingNobody(`black-hole-${path}`, 'SICK_BLACK_HOLE', path),
    servingNobody(`mute-${path}`, 'SICK_MUTE', path),
  ]),
  {
    pool: 'overdue',
    fault: 'busy',
    config: { heartbeat: { busyTimeout: 3_000 } },
    call: ['spin', { seconds: 1000 }],
  },
];

/** Lets the worker of a pool fall ill, and watches until another one serves in its place. */
async function watch(snakepit: Snakepit, illness: Illness): Promise<Story> {
  const { pool, call, strike } = illness;
  const workerOf = (): WorkerInfo | undefined =>
    snakepit.workers().find((worker) => worker.pool === pool);
  const osPid = workerOf()?.osPid ?? 0;
  // Somewhere between two pings of its server. The worst moment is shown with a clock that stands still.
  const beatsOf = (): Heard[] =>
    heard.filter(
      // Those of its fork server, where it has one, come at other moments.
      (one) => one.pool === pool && one.path === 'beats' && one.workerId !== 'fork-server',
    );
  await until(() => beatsOf().length >= 2, 'a second beat', 60_000);
  const [tool, args] = call;
  const inFlight = errorOf(
    snakepit.execute(
      tool,
      { ...args, mark: bench.path(markOf(pool)) },
      { pool, timeout: Infinity },
    ),
  );
  // A call that fails at once says more than one that is waited for in vain.
  await Promise.race([bench.marked(markOf(pool)), inFlight.then((error) => Promise.reject(error))]);
  const struckAtMs = performance.now();
  strike?.(osPid);
  const [fault, foundAfterMs] = await new Promise<[string, number]>((resolve) => {
    snakepit.system.telemetry.on('snakepit.worker.heartbeat.failed', (_, about) => {
      look();
      // After a stall of this process it begins to count anew: the verdict must be about the worker.
      const sinceMs = Math.max(struckAtMs, stalledUntilMs);
      if (about.pool === pool) resolve([about.fault, performance.now() - sinceMs]);
    });
  });
  // What made this one ill must not make its successor ill.
  rmSync(bench.path(pool), { force: true });
  const error = await inFlight;
  const sum = await snakepit.execute('add', { a: 2, b: 3 }, { pool });
  return { osPid, foundAfterMs, fault, error, sum, after: workerOf() };
}

interface Heard {
  readonly event: string;
  readonly pool: string;
  readonly workerId: string;
  readonly path: string;
  readonly latencyMs: number | undefined;
}

let snakepit: Snakepit;
const stories = new Map<string, Story>();
/** Moments in which this process was late, and by how much: that is no time of a worker. */
const stalls: { readonly endedAtMs: number; readonly lateMs: number }[] = [];
/** When it could go on after it had stood still for longer than heartbeats overlook. */
let stalledUntilMs = -Infinity;
let lookedAtMs = 0;
const lookEveryMs = 20;

/** Looks how late it is. */
function look(): void {
  const endedAtMs = performance.now();
  const lateMs = endedAtMs - lookedAtMs - lookEveryMs;
  lookedAtMs = endedAtMs;
  if (lateMs > lookEveryMs) stalls.push({ endedAtMs, lateMs });
  if (lateMs > tolerableLatenessMs) stalledUntilMs = endedAtMs;
}

/** How long this process has stood still in the last milliseconds. */
function stalledIn(lastMs: number): number {
  look();
  const sinceMs = performance.now() - lastMs;
  return stalls.reduce(
    (sum, { endedAtMs, lateMs }) => sum + Math.max(0, Math.min(lateMs, endedAtMs - sinceMs)),
    0,
  );
}
const heard: Heard[] = [];
let spun: { readonly rounds: number; readonly worker: WorkerInfo | undefined };
let healthy: WorkerInfo | undefined;

let watching: NodeJS.Timeout | undefined;
beforeAll(async () => {
  lookedAtMs = performance.now();
  watching = setInterval(look, lookEveryMs);
  const adapter = 'sick.Sick';
  const own = illnesses.map(({ pool, config }) => ({ name: pool, adapter, ...config }));
  const others = ['healthy', 'busy'].map((name) => ({ name, adapter }));
  snakepit = await bench.startAll([...own, ...others]);
  for (const name of ['received', 'missed'] as const) {
    snakepit.system.telemetry.on(`snakepit.worker.heartbeat.${name}`, (measured, about) => {
      const took = 'latencyMs' in measured ? measured.latencyMs : undefined;
      const latencyMs = took === undefined ? undefined : took - stalledIn(took);
      heard.push({ event: name, ...about, latencyMs });
    });
  }
  const spin = snakepit.execute<number>('spin', { seconds: 16 }, { pool: 'busy' });
  await errorOf(snakepit.execute('fail', {}, { pool: 'healthy' }));
  await snakepit.execute('add', { a: 1, b: 1 }, { pool: 'healthy' });
  await Promise.all(
    illnesses.map(async (illness) => {
      stories.set(illness.pool, await watch(snakepit, illness));
    }),
  );
  const rounds = await spin;
  const inPool = (name: string): WorkerInfo | undefined =>
    snakepit.workers().find(({ pool }) => pool === name);
  spun = { rounds, worker: inPool('busy') };
  // One that is well is heard again and again.
  healthy = await until(
    () => {
      const worker = inPool('healthy');
      const { beats, serving } = worker?.heartbeat ?? {};
      const isRecent =
        (beats?.lastSeenAgoMs ?? Infinity) < 3_000 && (serving?.lastSeenAgoMs ?? Infinity) < 5_000;
      return isRecent && beats?.missed === 0 && serving?.missed === 0 ? worker : undefined;
    },
    'the healthy one to be heard',
    30_000,
  );
}, 180_000);
afterAll(async () => {
  clearInterval(watching);
  await bench.close();
});

describe('a worker that falls ill', () => {
  test.each(illnesses.map(({ pool, fault }) => ({ pool, fault })))(
    '[I4.3] [R2.2] [R2.5] $pool: it is found within 10 s, its call fails, and its successor serves',
    ({ pool, fault }) => {
      const story = stories.get(pool);
      expect(story).toMatchObject({
        fault,
        sum: 5,
        after: { state: expect.stringMatching(/^ready\./), restarts: 1 },
      });
      expect(story?.foundAfterMs).toBeLessThanOrEqual(10_000);
      expect(story?.after?.osPid).not.toBe(story?.osPid);
      expect(isAlive(story?.osPid ?? 0)).toBe(false);
      const worker = `${pool}_worker_1`;
      expect(story?.error).toMatchObject({ code: 'WORKER_CRASHED', details: { pool, worker } });
      const sentence = {
        beats: 'no pong on its beat channel',
        serving: 'no answer where its calls go',
        busy: 'pools[].heartbeat.busyTimeout',
      }[fault];
      expect(story?.error.message).toContain(sentence);
    },
  );

  test('[I4.3] only what is ill has misses: the beats of a worker whose server is silent go on', () => {
    const missed = heard.filter(({ event }) => event === 'missed');
    const pathsOf = (pool: string): string[] =>
      missed.filter((one) => one.pool === pool).map(({ path }) => path);
    for (const { pool, fault } of illnesses) {
      if (fault === 'serving') expect([...new Set(pathsOf(pool))]).toEqual(['serving']);
      if (fault === 'busy') expect(pathsOf(pool)).toEqual([]);
      if (fault === 'beats') expect(pathsOf(pool)).toEqual(expect.arrayContaining(['beats']));
    }
  });
});

describe('a worker that is well', () => {
  test('[R2.1] answers within a second, on both paths, while it works as hard as it can', () => {
    for (const pool of ['healthy', 'busy']) {
      for (const path of ['beats', 'serving']) {
        const latencies = heard
          .filter((one) => one.event === 'received' && one.pool === pool && one.path === path)
          .map(({ latencyMs }) => latencyMs ?? Infinity);
        expect(latencies.length).toBeGreaterThan(1);
        expect(Math.max(...latencies)).toBeLessThan(1_000);
      }
    }
  });

  test('[I4.3] [R2.2] is kept, however long it is busy with pure Python', () => {
    expect(spun.rounds).toBeGreaterThan(0);
    expect(spun.worker).toMatchObject({ restarts: 0, state: expect.stringMatching(/^ready\./) });
    expect(healthy).toMatchObject({ restarts: 0, state: expect.stringMatching(/^ready\./) });
  });

  test('[R5.2] telemetry says which worker, which path, whether it answered, and how long that took', () => {
    for (const path of ['beats', 'serving']) {
      expect(heard).toContainEqual({
        ...{ event: 'received', pool: 'healthy', workerId: 'healthy_worker_1', path },
        latencyMs: expect.any(Number),
      });
    }
    expect(heard).toContainEqual({
      ...{
        event: 'missed',
        pool: 'mute-frames',
        workerId: 'mute-frames_worker_1',
        path: 'serving',
      },
      ...{ error: undefined, latencyMs: undefined },
    });
  });

  test('[T1.4] [T1.3] workers() shows its heartbeat and what it says of itself', () => {
    expect(healthy?.heartbeat).toEqual({
      beats: { latencyMs: expect.any(Number), missed: 0, lastSeenAgoMs: expect.any(Number) },
      serving: { latencyMs: expect.any(Number), missed: 0, lastSeenAgoMs: expect.any(Number) },
      statistics: {
        ...{ inFlight: 0, served: 1, failed: 1, oldestCallMs: 0 },
        uptimeMs: expect.any(Number),
        loopLagMs: expect.any(Number),
        delayMs: expect.any(Number),
      },
    });
    expect(healthy?.heartbeat?.statistics?.uptimeMs).toBeGreaterThan(5_000);
  });

  test('[T1.4] stopped with everybody else, it leaves no monitor behind', async () => {
    const labels = (): string[] => [...snakepit.system.processes()].map(({ label }) => label);
    const monitored = [...snakepit.system.processes()]
      .filter(({ label }) => label === 'heartbeatMonitor')
      .map(({ state }) => (state as { context: { workerId: string } }).context.workerId);
    expect(monitored.filter((id) => id !== 'fork-server')).toHaveLength(illnesses.length + 2);
    await snakepit.stop();
    expect(labels()).not.toContain('heartbeatMonitor');
    await until(() => bench.leftovers().length === 0, 'nothing to be left');
  });
});
