import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import type { RecycleReason, Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Workers that are replaced while they serve: by age, calls, memory, and because somebody asks.

jest.setTimeout(240_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

interface Recycled {
  readonly workerId: string;
  readonly reason: RecycleReason;
  readonly requestCount: number;
  readonly memoryBytes: number | undefined;
}

function recycledOf({ system }: Snakepit): Recycled[] {
  const told: Recycled[] = [];
  system.telemetry.on('snakepit.worker.recycled', (measured, { workerId, reason }) => {
    const { requestCount, memoryBytes } = measured;
    told.push({ workerId, reason, requestCount, memoryBytes });
  });
  return told;
}

const ids = (snakepit: Snakepit): string[] => snakepit.workers().map(({ id }) => id);
const osPids = (snakepit: Snakepit): (number | undefined)[] =>
  snakepit.workers().map(({ osPid }) => osPid);

/** So many callers call one after the other until there were so many calls; what they got. */
async function callers(
  count: number,
  calls: number,
  call: (index: number) => Promise<unknown>,
): Promise<{ readonly values: unknown[]; readonly failures: unknown[] }> {
  let made = 0;
  const values: unknown[] = [];
  const failures: unknown[] = [];
  const caller = async (): Promise<void> => {
    while (made < calls) {
      made += 1;
      await call(made).then(
        (value) => values.push(value),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: count }, caller));
  return { values, failures };
}

describe.each(callPaths)('at full load not one call fails, %s', (path) => {
  test('[I5.8] maxRequests: 2 workers, 16 callers, 500 calls, and ids and sizes stay', async () => {
    const snakepit = await bench.start({
      ...{ size: 2, ...poolOf(path) },
      recycle: { maxRequests: 5 },
    });
    const told = recycledOf(snakepit);
    let most = 0;
    const { values, failures } = await callers(16, 500, async (index) => {
      most = Math.max(most, bench.processes().length);
      // Long enough for several recyclings while these calls are made.
      return snakepit.execute('slow', { seconds: index % 5 === 0 ? 0.05 : 0.01 });
    });
    expect(failures).toEqual([]);
    expect(values).toHaveLength(500);
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['max_requests']));
    for (const { requestCount } of told) expect(requestCount).toBeGreaterThanOrEqual(4);
    // At most one of two is replaced at a time: two that serve, and one that comes or goes.
    expect(most).toBeLessThanOrEqual(3);
    await until(() => snakepit.workers().every(({ state }) => state.startsWith('ready')), 'rest');
    expect(ids(snakepit)).toEqual(['default_worker_1', 'default_worker_2']);
    expect(snakepit.health()).toMatchObject({ status: 'ok', pools: { default: { size: 2 } } });
    expect(snakepit.stats()).toMatchObject({
      accepted: 500,
      succeeded: 500,
      failed: 0,
      retried: 0,
    });
    expect(bench.reports).toEqual([]);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I5.8] maxAge, with jitter; a call that is longer than the age of its worker is not cut', async () => {
    const snakepit = await bench.start({
      ...{ size: 2, ...poolOf(path) },
      recycle: { maxAge: 1_500, jitter: 0.5 },
    });
    const told = recycledOf(snakepit);
    const long = snakepit.execute('slow', { seconds: 5 });
    const { failures } = await callers(8, 600, () => snakepit.execute('slow', { seconds: 0.02 }));
    expect(failures).toEqual([]);
    expect(await long).toBe('done');
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['ttl_expired']));
    expect(snakepit.stats()).toMatchObject({ succeeded: 601, failed: 0, retried: 0 });
    expect(bench.reports).toEqual([]);
  });

  test('[I5.8] streams: none is cut, and none is served by two', async () => {
    const snakepit = await bench.start({
      ...{ size: 2, ...poolOf(path) },
      adapter: 'streamers.Streamers',
      recycle: { maxRequests: 5 },
    });
    const told = recycledOf(snakepit);
    const { values, failures } = await callers(8, 80, async () => {
      const pids: unknown[] = [];
      for await (const pid of snakepit.stream('pids', { count: 10, seconds: 0.02 })) pids.push(pid);
      return [pids.length, new Set(pids).size];
    });
    expect(failures).toEqual([]);
    expect(new Set(values.map(String))).toEqual(new Set(['10,1']));
    expect(values).toHaveLength(80);
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(bench.reports).toEqual([]);
  });

  test('[I5.8] recycle(): all are replaced, first the new one, then the old one', async () => {
    const snakepit = await bench.start({ size: 3, ...poolOf(path) });
    const before = osPids(snakepit);
    const told = recycledOf(snakepit);
    const ready: number[] = [];
    snakepit.system.telemetry.on('snakepit.worker.terminated', () => {
      ready.push(snakepit.workers().filter(({ state }) => state.startsWith('ready')).length);
    });
    let isOver = false;
    const calling = callers(8, Infinity, () =>
      isOver ? new Promise(() => undefined) : snakepit.execute('slow', { seconds: 0.02 }),
    );
    void calling;
    const pool = snakepit.pool('default');
    const both = [pool.recycle(), pool.recycle()];
    await Promise.all(both);
    isOver = true;
    // Whenever one ended, as many served as ever.
    expect(ready).toEqual([3, 3, 3]);
    expect(told.map(({ reason, workerId }) => [reason, workerId])).toEqual([
      ['manual', 'default_worker_1'],
      ['manual', 'default_worker_2'],
      ['manual', 'default_worker_3'],
    ]);
    expect(before.filter((osPid) => isAlive(osPid ?? 0))).toEqual([]);
    expect(new Set([...before, ...osPids(snakepit)]).size).toBe(6);
    expect(ids(snakepit)).toEqual(['default_worker_1', 'default_worker_2', 'default_worker_3']);
    expect(snakepit.workers()).toMatchObject(Array(3).fill({ restarts: 1 }));
    // Once more: the places that became free are taken again.
    await pool.recycle();
    expect(snakepit.workers()).toMatchObject(Array(3).fill({ restarts: 2 }));
    expect(snakepit.stats().failed).toBe(0);
    expect(bench.reports).toEqual([]);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('memory', () => {
  test('[I5.8] what the whole group has counts, children of the worker included', async () => {
    const limit = 160 * 1024 * 1024;
    const snakepit = await bench.startAll([
      {
        name: 'hoarder',
        adapter: 'mortal.Mortal',
        recycle: { maxMemoryBytes: limit, checkInterval: 200 },
      },
      { name: 'modest', recycle: { maxMemoryBytes: limit, checkInterval: 200 } },
    ]);
    const told = recycledOf(snakepit);
    const [hoarder, modest] = osPids(snakepit);
    await snakepit.execute('hoard_in_child', { mib: 200 }, { pool: 'hoarder' });
    await until(() => told.length > 0, 'the hoarder to be recycled');
    expect(told).toMatchObject([{ workerId: 'hoarder_worker_1', reason: 'memory_threshold' }]);
    expect(told[0]?.memoryBytes).toBeGreaterThan(limit);
    await until(() => !isAlive(hoarder ?? 0), 'the old one to end');
    expect(osPids(snakepit)[1]).toBe(modest);
    expect(bench.reports).toEqual([]);
  });
});

describe('a replacement', () => {
  test('[I5.8] that does not start: the old one is kept, reported, and tried again later', async () => {
    const snakepit = await bench.start({
      ...bench.mortal({ restart: { maxRestarts: 1, backoff: { initial: 10 } } }),
      recycle: { maxRequests: 2, jitter: 0, checkInterval: 1_000 },
    });
    const told = recycledOf(snakepit);
    const failed: string[] = [];
    snakepit.system.telemetry.on('snakepit.worker.recycling_failed', (_, { error, reason }) => {
      failed.push(`${reason} ${error.name} ${error.message.slice(0, 21)}`);
    });
    const osPid = osPidOf(snakepit);
    writeFileSync(bench.path('orders'), '5');
    await snakepit.execute('pid');
    expect(await snakepit.execute('pid')).toBe(osPid);
    await until(() => failed.length > 0, 'the recycling to fail');
    expect(failed[0]).toBe('max_requests SnakepitError [WORKER_START_FAILED]');
    expect(await snakepit.execute('pid')).toBe(osPid);
    expect(snakepit.health().status).toBe('ok');
    expect(snakepit.workers()).toMatchObject([{ restarts: 0, failure: undefined }]);
    expect(bench.reports.join()).toContain(
      'worker default_worker_1 of pool default is kept, because its replacement (max_requests) did not start',
    );
    const error = await errorOf(snakepit.pool('default').recycle());
    expect(error.code).toBe('WORKER_START_FAILED');
    writeFileSync(bench.path('orders'), '');
    await until(() => told.length > 0, 'the next try');
    expect(told).toMatchObject([{ reason: 'max_requests' }]);
    expect(await snakepit.execute('pid')).not.toBe(osPid);
    await until(() => bench.processes().length === 1, 'one process to be left');
  });

  test.each([
    [
      'the old process is killed',
      (snakepit: Snakepit) => process.kill(osPidOf(snakepit), 'SIGKILL'),
    ],
    ['the old actor is killed', killed('snakepit.worker.default.default_worker_1')],
    ['the new actor is killed', killed('snakepit.worker.default.default_worker_1#2')],
    ['the starter is killed', killed('snakepit.starter.default.default_worker_1')],
    ['the worker supervisor is killed', killed('snakepit.workerSupervisor.default')],
    ["the pool's process is killed", killed('snakepit.pool.default')],
    ['the lifecycle manager is killed', killed('snakepit.lifecycleManager.default')],
  ])('[I5.8] meanwhile %s: it ends, and one worker serves', async (_, attack) => {
    const snakepit = await bench.start();
    const { system } = snakepit;
    const recycle = snakepit
      .pool('default')
      .recycle()
      .catch(() => undefined);
    await until(
      () => system.whereis('snakepit.worker.default.default_worker_1#2') !== undefined,
      'a replacement',
    );
    attack(snakepit);
    await recycle;
    await snakepit.awaitReady();
    await until(async () => {
      const pid = await snakepit.execute('pid');
      return String(bench.processes()) === String(pid);
    }, 'one process to be left, which serves');
    // And everything works as before.
    await snakepit.pool('default').recycle();
    await snakepit.restartWorker('default_worker_1');
    expect(await snakepit.execute('pid')).toBe(osPidOf(snakepit));
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I5.8] restarts and recyclings of the same worker are one; stop() ends them all', async () => {
    const snakepit = await bench.start({ size: 2 });
    const pool = snakepit.pool('default');
    await Promise.all([
      pool.recycle(),
      pool.restartWorker('default_worker_1'),
      snakepit.restartPool('default'),
      pool.recycle(),
    ]);
    for (const { restarts } of snakepit.workers()) expect(restarts).toBeLessThanOrEqual(2);
    const call = snakepit.execute('slow', { seconds: 0.5, mark: bench.path('begun') });
    await bench.marked('begun');
    const ends = [pool.recycle(), pool.restartWorker('default_worker_2'), pool.resize(4)].map(
      errorOf,
    );
    await snakepit.stop();
    expect(await call).toBe('done');
    for (const end of ends) expect((await end).code).toBe('SHUTTING_DOWN');
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('restartWorker', () => {
  test('[I5.8] a worker that pauses between two crashes starts at once when somebody asks', async () => {
    const snakepit = await bench.start({
      ...bench.mortal({ restart: { backoff: { initial: 60_000, jitter: 0 } } }),
    });
    for (let i = 0; i < 2; i++) {
      await errorOf(snakepit.execute('end', { how: String(i + 3) }));
      if (i === 0) await snakepit.awaitReady();
    }
    // The second crash in a row waits for a minute; asked while it is still being cleaned up, and while it pauses.
    const begunAtMs = performance.now();
    await snakepit.restartWorker('default_worker_1');
    expect(performance.now() - begunAtMs).toBeLessThan(20_000);
    expect(await snakepit.execute('pid')).toBe(osPidOf(snakepit));
  });
});

function killed(name: string): (snakepit: Snakepit) => void {
  return ({ system }) => {
    const pid = system.whereis(name);
    if (pid === undefined) throw new Error(`nobody is called ${name}`);
    system.exit(pid, exitReason.kill);
  };
}
