import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { createMemoryCgroup } from '../fixtures/memory-cgroup.ts';
import {
  errorOf,
  isAlive,
  osPidOf,
  SnakepitBench,
  until,
  type BenchPool,
} from '../fixtures/snakepit-bench.ts';
import { StallMeter } from '../fixtures/stall-meter.ts';

// Every way in which a worker can end, by itself or by others: what is told of it, and to whom.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

interface Told {
  readonly measurements: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Keeps what telemetry tells of workers. */
function listen({ system }: Snakepit, event: 'started' | 'terminated'): Told[] {
  const told: Told[] = [];
  system.telemetry.on(`snakepit.worker.${event}`, (measurements, metadata) => {
    told.push({
      measurements: measurements,
      metadata: metadata as unknown as Told['metadata'],
    });
  });
  return told;
}

const mortal: BenchPool = { adapter: 'mortal.Mortal' };

interface Death {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly cause: string;
  readonly text: string;
  /** What it printed last. */
  readonly lastWords?: string;
}

/** A call ends its worker: the call, the waiting one, telemetry, report and successor. */
async function expectDeath(snakepit: Snakepit, how: string, death: Death): Promise<void> {
  const { exitCode, signal, cause, text } = death;
  const lastWords = [death.lastWords ?? `the end: ${how}`];
  const [started, terminated] = [listen(snakepit, 'started'), listen(snakepit, 'terminated')];
  const osPid = osPidOf(snakepit);
  const call = errorOf(
    how === 'from outside'
      ? snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') })
      : snakepit.execute('end', { how, mark: bench.path('begun') }),
  );
  const waiting = snakepit.execute<number>('pid');
  await bench.marked('begun');
  if (how === 'from outside') process.kill(osPid, 'SIGKILL');

  const error = await call;
  expect(error).toMatchObject({
    code: 'WORKER_CRASHED',
    details: { pool: 'default', worker: 'default_worker_1', exitCode, signal, failure: cause },
  });
  expect(error.message).toContain(text);
  if (how !== 'from outside') {
    expect(error.details['lastOutput']).toEqual(expect.arrayContaining(lastWords));
  }

  const successor = await waiting;
  expect(successor).not.toBe(osPid);
  expect(isAlive(osPid)).toBe(false);
  expect(terminated).toMatchObject([
    {
      metadata: {
        ...{ pool: 'default', workerId: 'default_worker_1', osPid, exitCode, signal, cause },
        ...{ reason: 'WORKER_CRASHED', confirmed: true },
      },
    },
  ]);
  const [{ measurements, metadata } = { measurements: {}, metadata: {} }] = terminated;
  expect(metadata['lastOutput']).toEqual(error.details['lastOutput']);
  expect(measurements['uptimeMs']).toBeGreaterThan(0);
  expect(measurements['cleanupMs']).toBeGreaterThanOrEqual(0);
  expect(started).toMatchObject([
    {
      metadata: {
        osPid: successor,
        osStartTime: expect.stringMatching(/^\d+$/),
        configuration: { adapter: 'mortal.Mortal', concurrency: 1, maxRestarts: 3 },
      },
    },
  ]);
  expect(Math.abs(Date.now() - Number(started[0]?.metadata['startedAtMs']))).toBeLessThan(60_000);
  // What its starter reports.
  const report = bench.reports.find((one) => one.includes('WORKER_CRASHED'));
  expect(report).toContain(text);
  expect(snakepit.workers()).toMatchObject([{ restarts: 1, failure: undefined }]);
}

describe('a worker that dies', () => {
  test.each<[string, Death]>([
    ['from outside', { signal: 'SIGKILL', cause: 'killed', text: 'ended by SIGKILL (9)' }],
    ['kill', { signal: 'SIGKILL', cause: 'killed', text: 'ended by SIGKILL (9)' }],
    [
      'segfault',
      {
        signal: 'SIGSEGV',
        cause: 'nativeCrash',
        text: 'a crash in native code',
        lastWords: 'Fatal Python error: Segmentation fault',
      },
    ],
    [
      'abort',
      {
        signal: 'SIGABRT',
        cause: 'nativeCrash',
        text: 'native code gave up',
        lastWords: 'Fatal Python error: Aborted',
      },
    ],
    ['7', { exitCode: 7, cause: 'exited', text: 'exited with code 7' }],
    ['0', { exitCode: 0, cause: 'exited', text: 'exited with code 0' }],
  ])(
    '[I4.2] [R2.5] [R5.1] [R5.3] %s: the call, telemetry and the report tell how; another takes its place',
    async (how, death) => {
      const snakepit = await bench.start(mortal);
      await expectDeath(snakepit, how, death);
      await snakepit.stop();
      expect(bench.leftovers()).toEqual([]);
    },
  );

  test.each(['kill', 'segfault', 'abort', '7'])(
    '[I4.2] [R2.5] %s: an idempotent call is tried again, by the successor if there is no other worker',
    async (how) => {
      const snakepit = await bench.start(mortal);
      const call = snakepit.execute(
        'end_once',
        { how, mark: bench.path('first') },
        { idempotent: true, timeout: 30_000 },
      );
      expect(await call).toBe('again');
      expect(snakepit.stats()).toMatchObject({ succeeded: 1, failed: 0, retried: 1 });
    },
  );

  test('[I4.2] a call that ends every worker is not tried for ever, nor beyond its limit', async () => {
    const snakepit = await bench.start({ ...mortal, restart: { backoff: { initial: 10 } } });
    const poison = { how: 'kill', mark: bench.path('runs') };
    const error = await errorOf(snakepit.execute('end', poison, { idempotent: true }));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(await bench.marked('runs', 3)).toHaveLength(3);
    const meter = new StallMeter();
    const begunAtMs = performance.now();
    const late = await errorOf(
      snakepit.execute('end', { how: 'kill', seconds: 0.2 }, { idempotent: true, timeout: 600 }),
    );
    expect(['TIMEOUT', 'WORKER_CRASHED']).toContain(late.code);
    // Its own limit, and the time that a busy machine may take to say so.
    expect(performance.now() - begunAtMs - meter.stalledMs).toBeLessThan(3_000);
    meter.stop();
    await snakepit.awaitReady();
  });

  test('[R3.3] [I4.2] its children go with it, also those that hold its output open', async () => {
    const snakepit = await bench.start(mortal);
    const child = await snakepit.execute<number>('child');
    const error = await errorOf(snakepit.execute('end', { how: 'segfault' }));
    expect(error.details).toMatchObject({ signal: 'SIGSEGV' });
    expect(isAlive(child)).toBe(false);
  });
});

describe('memory', () => {
  test('[I4.2] what Python itself refuses is an exception, and the worker lives on', async () => {
    const snakepit = await bench.start(mortal);
    const osPid = osPidOf(snakepit);
    const error = await errorOf(
      snakepit.execute('allocate', { limit_mib: 2_048, wanted_mib: 4_096 }),
    );
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION', details: { type: 'MemoryError' } });
    expect(await snakepit.execute('pid')).toBe(osPid);
  });

  test('[I4.2] [I4.6] what the kernel kills for lack of memory is told apart from any other SIGKILL', async () => {
    const { python = '' } = bench.pool();
    const cgroup = createMemoryCgroup(bench.base, python, 160 << 20);
    if (cgroup === undefined) {
      process.stderr.write('no cgroup can be made here: a kill for lack of memory is not tested\n');
      return;
    }
    try {
      const orders = bench.path('orders');
      const snakepit = await bench.start({
        ...mortal,
        ...{ python: cgroup.python, env: { MORTAL_ORDERS: orders } },
      });
      const osPid = osPidOf(snakepit);
      process.kill(osPid, 'SIGKILL');
      const [byHand] = listen(snakepit, 'terminated');
      expect(byHand).toBeUndefined();
      await until(() => snakepit.health().status === 'down', 'the crash to be seen');
      await snakepit.awaitReady();
      expect(cgroup.kills()).toBe(0);
      const error = await errorOf(snakepit.execute('end', { how: 'memory' }));
      expect(cgroup.kills()).toBe(1);
      expect(error).toMatchObject({
        code: 'WORKER_CRASHED',
        details: { signal: 'SIGKILL', failure: 'outOfMemory' },
      });
      expect(error.message).toContain('it was killed by the kernel for lack of memory');
      expect(error.message).toContain('raise the memory limit of its cgroup');
      await snakepit.awaitReady();
      await snakepit.stop();
    } finally {
      await bench.close();
      await cgroup.close();
    }
  });
});
