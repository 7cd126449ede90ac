import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { HealthCheck, ProcessFacts } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { PythonView, workerNamed as worker } from '../fixtures/python-view.ts';
import { until as untilInSomeTurn } from '../fixtures/supervised.ts';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What whoever looks at a system sees of pools and workers; one Snakepit for all of it.

jest.setTimeout(60_000);

let bench: SnakepitBench;
let snakepit: Snakepit;
let view: PythonView;
beforeAll(async () => {
  bench = new SnakepitBench();
  snakepit = await bench.startAll([
    { name: 'good', size: 2, heartbeat: { pingInterval: 1_000 } },
    {
      ...bench.mortal(),
      name: 'mortal',
      restart: { maxRestarts: 1, backoff: { initial: 10 } },
    },
  ]);
  view = new PythonView(snakepit);
});
afterAll(() => bench.close());

const facts = (name: string): ProcessFacts | undefined => view.facts(name);
const check = (name: string, part?: string): HealthCheck => view.check(name, part);
const act = (name: string, action: string): Promise<string> => view.act(name, action);
interface Panels {
  readonly pools: readonly { readonly name: string; readonly [key: string]: unknown }[];
  readonly calls: Record<'slowest' | 'failing', readonly Record<string, unknown>[]>;
  readonly sessions: { readonly count: number; readonly shown: readonly Record<string, unknown>[] };
}
const panels = (): Panels => view.source.panels?.() as unknown as Panels;

describe('facts', () => {
  test('[I6.6] of a worker: its process and memory, heartbeat, calls, restarts, what it printed', async () => {
    const name = worker('good_worker_1');
    const found = await until(() => {
      const told = facts(name);
      const isHeard = told?.heartbeatMs !== undefined && told.missedHeartbeats === 0;
      return told?.rssBytes === undefined || !isHeard ? undefined : told;
    }, 'memory and a heartbeat');
    const [{ osPid } = { osPid: 0 }] = snakepit.workers();
    expect(found).toMatchObject({
      role: 'worker',
      osPid,
      missedHeartbeats: 0,
      inFlight: 0,
      restarts: 0,
    });
    // A Python with gRPC: more than 15 MB, and less than 1 GB.
    expect(found.rssBytes).toBeGreaterThan(15e6);
    expect(found.rssBytes).toBeLessThan(1e9);
    expect(found.details).toMatchObject({
      pool: 'good',
      workerId: 'good_worker_1',
      phase: 'ready.idle',
      adapter: 'workbench.Workbench',
      failures: 0,
      beats: { missed: 0 },
    });
    const monitor = [...snakepit.system.processes()].find(({ label, linkedPids }) => {
      return label === 'heartbeatMonitor' && linkedPids.includes(view.process(name).pid);
    });
    if (monitor === undefined) throw new Error('no monitor');
    expect(view.source.describe?.(monitor)).toMatchObject({
      role: 'heartbeat',
      missedHeartbeats: 0,
      details: { workerId: 'good_worker_1', pingIntervalMs: 1_000, maxMissed: 3 },
    });
    expect(facts('snakepit.pool.good')).toMatchObject({
      role: 'pool',
      details: { state: 'running.serving', workers: { size: 2, ready: 2 }, oldestWaitMs: 0 },
    });
    expect(view.source.describe?.(view.process('snakepit.sessions'))).toBeUndefined();
    // All of it is plain data.
    expect(JSON.parse(JSON.stringify(found))).toMatchObject({ role: 'worker' });
  });
});

describe('panels', () => {
  test('[I6.6] latencies and the slowest calls from the first look on, and those that failed before it', async () => {
    const failed = await errorOf(
      snakepit.execute('fail', { message: 'it was password=hunter2' }, { pool: 'good' }),
    );
    expect(failed.code).toBe('PYTHON_EXCEPTION');
    const first = panels();
    expect(first.pools[0]).toMatchObject({
      name: 'good',
      size: 2,
      ready: 2,
      latency: { count: 0, p50Ms: undefined },
    });
    const [call] = first.calls.failing;
    expect(call).toMatchObject({
      tool: 'fail',
      pool: 'good',
      code: 'PYTHON_EXCEPTION',
      attempts: 1,
    });
    expect(call?.['worker']).toMatch(/^good_worker_[12]$/);
    expect(call?.['traceback']).toMatch(/raise ValueError\(message\)/);
    expect(JSON.stringify(call)).not.toContain('hunter2');

    let longestMs = 0;
    for (let i = 0; i < 50; i++) {
      const beganMs = performance.now();
      await snakepit.execute('add', { a: 1, b: 2 }, { pool: 'good' });
      longestMs = Math.max(longestMs, performance.now() - beganMs);
    }
    // Slower than the slowest of them, however busy this machine is.
    const slowMs = longestMs + 300;
    await snakepit.execute('slow', { seconds: slowMs / 1_000 }, { pool: 'good' });
    const [pool] = panels().pools;
    expect(pool).toMatchObject({ latency: { count: 51 } });
    const { p50Ms, p99Ms } = pool?.['latency'] as {
      readonly p50Ms: number;
      readonly p99Ms: number;
    };
    expect(p50Ms).toBeLessThan(p99Ms);
    expect(p99Ms).toBeGreaterThanOrEqual(300);
    const { slowest } = panels().calls;
    expect(slowest).toHaveLength(20);
    expect(slowest[0]).toMatchObject({ tool: 'slow', pool: 'good', code: undefined });
  });

  test('[I6.6] how long calls wait, and who has sessions', async () => {
    const session = snakepit.session('s-1', { pool: 'good', affinity: 'strictQueue' });
    await session.execute('add', { a: 1, b: 2 });
    expect(panels().sessions).toMatchObject({
      count: 1,
      shown: [{ id: 's-1', affinity: 'strictQueue', pending: 0, phase: 'open' }],
    });
    const gate = bench.path('released');
    const running = [1, 2, 3].map(() => snakepit.execute('hold', { gate }, { pool: 'good' }));
    const waited = await until(() => {
      const [pool] = panels().pools;
      const oldest = Number(pool?.['oldestWaitMs']);
      return oldest > 50 ? { oldest, queued: pool?.['queued'] } : undefined;
    }, 'one to wait');
    expect(waited.queued).toBe(1);
    writeFileSync(gate, '');
    await Promise.all(running);
    await session.end();
    expect(panels().sessions.count).toBe(0);
  });
});

describe('checks', () => {
  test('[T4.3] all is well: a pool with its workers, and what was left behind', async () => {
    const isHeard = (): boolean => {
      const { heartbeat } = check('pool good', 'worker good_worker_1').details ?? {};
      return JSON.stringify(heartbeat).includes('"missed":0');
    };
    await until(() => isHeard() && check('pool good').status === 'ok', 'all to be well');
    expect(check('pool good')).toMatchObject({
      status: 'ok',
      isStarted: true,
      message: '2 of 2 workers are ready',
      parts: [{ name: 'worker good_worker_1', status: 'ok' }, { status: 'ok' }],
    });
    expect(check('pool good', 'worker good_worker_1').details).toMatchObject({
      heartbeat: { beats: { missed: 0 } },
    });
    expect(check('leftovers').status).toBe('ok');
  });

  test('[T4.3] [I6.6] a worker that cannot start again: why, its last words, and what to do; then it is revived', async () => {
    writeFileSync(bench.path('orders'), '7');
    await snakepit.execute('end', { how: '3' }, { pool: 'mortal' }).catch(() => undefined);
    const down = await until(
      () => {
        const told = check('pool mortal', 'worker mortal_worker_1');
        return told.message.includes('given up') ? told : undefined;
      },
      'it to be given up',
      30_000,
    );
    expect(down).toMatchObject({ status: 'down', isStarted: true });
    expect(down.remedy).toMatch(/snakepit doctor.*revive\('mortal_worker_1'\)/);
    expect(down.details).toMatchObject({
      lastEnd: { exitCode: 7, cause: 'exited', lastOutput: ['the end: 7'] },
    });
    expect(check('pool mortal')).toMatchObject({
      status: 'down',
      isStarted: true,
      message: '0 of 1 workers are ready',
    });
    writeFileSync(bench.path('orders'), '');
    expect(await act('snakepit.starter.mortal.mortal_worker_1', 'revive')).toBe(
      'worker mortal_worker_1 serves again',
    );
    expect(check('pool mortal').status).toBe('ok');
    expect(facts(worker('mortal_worker_1'))?.details).toMatchObject({ failures: 3 });
  });

  test('[T4.3] a worker that was killed: its pool is degraded until it is back', async () => {
    const killed = osPidOf(snakepit, 0);
    expect(await act(worker('good_worker_1'), 'kill')).toContain(`process ${String(killed)}`);
    // It is back soon: it is looked for in each turn, for a timer may be late.
    await untilInSomeTurn(() => check('pool good').status === 'degraded', 15_000);
    expect(check('pool good').message).toBe('1 of 2 workers are ready');
    await snakepit.awaitReady();
    expect([isAlive(killed), check('pool good').status]).toEqual([false, 'ok']);
    expect(facts(worker('good_worker_1'))).toMatchObject({
      restarts: 1,
      details: { lastEnd: { signal: 'SIGKILL', cause: 'killed', osPid: killed } },
    });
    expect(panels().pools[0]).toMatchObject({ name: 'good', failures: 1 });
  });
});

test('[I6.6] it goes with its Snakepit', async () => {
  await snakepit.stop();
  expect(snakepit.system.observation.sources.map(({ name }) => name)).not.toContain('python');
  expect(bench.leftovers()).toEqual([]);
});
