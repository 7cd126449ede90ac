import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { bridgeEvents, type Snakepit } from '@snakepit/python-bridge';
import { EventRecorder } from '../fixtures/event-recorder.ts';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';
import { statOf } from '../fixtures/processes/census.mjs';

// Pools whose workers are forked, as their users see them.

// It is about forking, also where a whole suite is run with spawned workers.
delete process.env['SNAKEPIT_LAUNCH'];

jest.setTimeout(60_000);

/** An adapter that tells who has imported it, and which of its versions that was. */
const adapterOf = (version: number, first = ''): string => `
${first}
import os
import random
import time

from snakepit_bridge import BaseAdapter, tool

VERSION = ${String(version)}
IMPORTED_BY = os.getpid()


class Changing(BaseAdapter):
    fork_safe = True

    @tool
    def version(self, seconds: float = 0.01) -> int:
        time.sleep(seconds)
        return VERSION

    @tool
    def origin(self, seconds: float = 0.3) -> list:
        time.sleep(seconds)
        return [IMPORTED_BY, os.getpid(), os.getppid()]

    @tool
    def numbers(self, count: int):
        for number in range(count):
            yield number

    @tool
    def surroundings(self, name: str) -> list:
        time.sleep(0.3)
        return [os.getcwd(), os.environ.get(name), random.random()]

    @tool
    def leave(self, code: int) -> None:
        os._exit(code)
`;

/** What a worker says of its origin. */
interface Origin {
  readonly importer: number;
  readonly pid: number;
  readonly parent: number;
}

/** What the workers say that are asked at the same time; so many calls come to so many workers. */
async function originsOf(snakepit: Snakepit, count: number): Promise<readonly Origin[]> {
  const calls = Array.from({ length: count }, () =>
    snakepit.execute<[number, number, number]>('origin'),
  );
  const origins = await Promise.all(calls);
  return origins.map(([importer, pid, parent]) => ({ importer, pid, parent }));
}

const distinct = (values: readonly unknown[]): number => new Set(values).size;

/** Callers that call one after the other until they are told to end. */
function load(count: number, call: () => Promise<unknown>) {
  const values: unknown[] = [];
  const failures: unknown[] = [];
  let isOver = false;
  const caller = async (): Promise<void> => {
    while (!isOver) {
      await call().then(
        (value) => values.push(value),
        (error: unknown) => failures.push(error),
      );
    }
  };
  const all = Promise.all(Array.from({ length: count }, caller));
  const end = async (): Promise<{ values: unknown[]; failures: unknown[] }> => {
    isOver = true;
    await all;
    return { values, failures };
  };
  return { values, failures, end };
}

const codesOf = (failures: readonly unknown[]): string[] => [
  ...new Set(failures.map((error) => (isSnakepitError(error) ? error.code : String(error)))),
];

describe('a pool that forks its workers', () => {
  const bench = new SnakepitBench();
  const recorder = new EventRecorder();
  const size = 3;
  let snakepit: Snakepit;
  const write = (version: number, first?: string): void => {
    writeFileSync(bench.path('changing.py'), adapterOf(version, first));
  };
  const allReady = (): Promise<unknown> =>
    until(
      // One that has just ended may be told as it was.
      () =>
        snakepit
          .workers()
          .every(({ state, osPid = 0 }) => state.startsWith('ready') && isAlive(osPid)),
      'all workers',
      30_000,
    );
  const serverPid = async (): Promise<number> => (await originsOf(snakepit, 1))[0]?.parent ?? 0;

  beforeAll(async () => {
    write(1);
    snakepit = await bench.start(
      {
        ...{ size, adapter: 'changing.Changing', launch: 'fork', preload: ['decimal'] },
        pythonPath: [bench.base],
        // Files are changed within one second, which is all that a cache of bytecode looks at.
        env: { PYTHONDONTWRITEBYTECODE: '1', OWN_NAME: 'own value' },
        heartbeat: { pingInterval: 1000, timeoutThreshold: 5000, maxMissed: 2 },
        restart: { backoff: { initial: 10 } },
      },
      { telemetry: { bus: recorder.bus } },
    );
  });
  afterAll(() => bench.close());

  test('[I7.1] [I7.2] workers share what one process has imported, and each leads a group of its own', async () => {
    const origins = await originsOf(snakepit, size);
    expect(distinct(origins.map(({ pid }) => pid))).toBe(size);
    const [first] = origins;
    // Imported once, by the process that is the parent of all; and that is neither one of them nor this one.
    for (const { importer, parent } of origins) {
      expect([importer, parent]).toEqual([first?.parent, first?.parent]);
    }
    expect(first?.parent).not.toBe(process.pid);
    for (const { pid } of origins) expect(statOf(pid)?.groupId).toBe(pid);
    expect(snakepit.workers().map(({ launch }) => launch)).toEqual(['fork', 'fork', 'fork']);
    const pids = snakepit.workers().map(({ osPid }) => osPid);
    expect(new Set(pids)).toEqual(new Set(origins.map(({ pid }) => pid)));
    const { metadata } = await recorder.saw('snakepit.pool.launch', { pool: 'default' });
    expect(metadata).toEqual({
      ...{ pool: 'default', mode: 'fork', asked: 'fork', why: "launch is 'fork'" },
    });
    const started = await recorder.saw('snakepit.forkserver.started', { osPid: first?.parent });
    expect(started.measurements).toEqual({ count: 1, startupMs: expect.any(Number) });
    const { metadata: worker } = await recorder.saw('snakepit.worker.started');
    expect(worker).toMatchObject({ configuration: { launch: 'fork' } });
  });

  test('[I7.2] working directory and environment are those of the pool; random numbers are their own', async () => {
    const calls = Array.from({ length: size }, () =>
      snakepit.execute<[string, string, number]>('surroundings', { name: 'OWN_NAME' }),
    );
    const told = await Promise.all(calls);
    expect(distinct(told.map(([, , random]) => random))).toBe(size);
    for (const [cwd, value] of told) {
      expect(cwd.endsWith('test/fixtures/adapters')).toBe(true);
      expect(value).toBe('own value');
    }
  });

  test('[I7.2] streams and sessions work as ever', async () => {
    const chunks: unknown[] = [];
    for await (const chunk of snakepit.stream('numbers', { count: 5 })) chunks.push(chunk);
    expect(chunks).toEqual([0, 1, 2, 3, 4]);
    const session = snakepit.session('kept');
    const pids = new Set<unknown>();
    for (let i = 0; i < 6; i++) {
      pids.add((await session.execute<number[]>('origin', { seconds: 0 }))[1]);
    }
    expect(pids.size).toBe(1);
    await session.end();
  });

  test('[I7.2] [I6.1] Python tells of itself, though its modules were imported in another process', async () => {
    const about = { workerId: 'default_worker_1' };
    await recorder.saw('snakepit.python.heartbeat.answered', about);
  });

  test('[I7.2] a worker that ends is told with its exact status, and replaced; the others are not', async () => {
    const parent = await serverPid();
    const exited = await errorOf(snakepit.execute('leave', { code: 7 }));
    expect(exited).toMatchObject({ code: 'WORKER_CRASHED', details: { exitCode: 7 } });
    await allReady();
    const before = snakepit.workers().map(({ osPid }) => osPid);
    process.kill(osPidOf(snakepit, 1), 'SIGSEGV');
    await recorder.saw('snakepit.worker.crash', { signal: 'SIGSEGV', cause: 'nativeCrash' });
    await until(() => !isAlive(before[1] ?? 0), 'its end');
    await allReady();
    const after = snakepit.workers().map(({ osPid }) => osPid);
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    const origins = await originsOf(snakepit, size);
    expect(origins.map((origin) => origin.parent)).toEqual([parent, parent, parent]);
  });

  test('[I7.1] [I7.3] recycle() brings new code, and no call fails meanwhile', async () => {
    const parent = await serverPid();
    expect(await snakepit.execute('version')).toBe(1);
    write(2);
    // Whoever is restarted has the code of its fork server.
    await snakepit.restartWorker('default_worker_1');
    const { values, end } = load(8, () => snakepit.execute('version'));
    await until(() => values.length > 20, 'load');
    await snakepit.pool('default').recycle();
    const since = values.length;
    await until(() => values.length > since + 20, 'more load');
    const { failures } = await end();
    expect(failures).toEqual([]);
    expect(new Set(values)).toEqual(new Set([1, 2]));
    expect(values.lastIndexOf(1)).toBeLessThan(since + 8);
    const origins = await originsOf(snakepit, size);
    expect(distinct(origins.map((origin) => origin.parent))).toBe(1);
    expect(origins[0]?.parent).not.toBe(parent);
    await recorder.saw('snakepit.forkserver.replaced', {
      ...{ reason: 'manual', osPid: origins[0]?.parent },
    });
    await until(() => !isAlive(parent), 'the end of the old fork server');
    const ids = snakepit.workers().map(({ id }) => id);
    expect(ids).toEqual(['default_worker_1', 'default_worker_2', 'default_worker_3']);
    expect(
      bench.reports.filter((line) => !line.includes('SIGSEGV') && !line.includes('code 7')),
    ).toEqual([]);
  });

  test('[I7.3] the fork server is killed under load: every call is answered, the pool comes back', async () => {
    const parent = await serverPid();
    const before = snakepit.workers().map(({ osPid }) => osPid ?? 0);
    const { values, end } = load(8, () => snakepit.execute('version', { seconds: 0.02 }));
    await until(() => values.length > 20, 'load');
    process.kill(parent, 'SIGKILL');
    const died = await recorder.saw('snakepit.forkserver.died', { osPid: parent });
    expect(died.measurements).toEqual({ count: 1, uptimeMs: expect.any(Number), workers: size });
    await until(() => before.every((pid) => !isAlive(pid)), 'the end of its workers');
    await allReady();
    const since = values.length;
    await until(() => values.length > since + 20, 'load again');
    const { failures } = await end();
    expect(codesOf(failures).filter((code) => !code.startsWith('WORKER_'))).toEqual([]);
    // No more than those that its workers were executing.
    expect(failures.length).toBeLessThanOrEqual(size);
    const { accepted, succeeded, failed, inFlight, queued } = snakepit.stats();
    expect([accepted, inFlight, queued]).toEqual([succeeded + failed, 0, 0]);
    expect(snakepit.health().status).toBe('ok');
    expect(await serverPid()).not.toBe(parent);
    await recorder.saw('snakepit.forkserver.replaced', { reason: 'died' });
  });

  test('[I7.3] a stopped fork server is found by its heartbeat: workers go on, new ones come from another', async () => {
    const parent = await serverPid();
    process.kill(parent, 'SIGSTOP');
    const { failures, values, end } = load(4, () => snakepit.execute('version'));
    const hung = await recorder.saw('snakepit.forkserver.hung', { osPid: parent });
    expect(hung.measurements).toEqual({ count: 1, workers: size });
    expect(values.length).toBeGreaterThan(100);
    expect(failures).toEqual([]);
    await recorder.saw('snakepit.worker.recycled', { reason: 'fork_server' });
    await recorder.saw('snakepit.forkserver.replaced', { reason: 'hung' });
    await until(() => !isAlive(parent), 'the end of the stopped fork server', 20_000);
    await end();
    expect(failures).toEqual([]);
    const origins = await originsOf(snakepit, size);
    expect(distinct(origins.map((origin) => origin.parent))).toBe(1);
    expect(origins[0]?.parent).not.toBe(parent);
  });

  test('[I7.1] a fork server that does not start leaves the one before and its workers as they are', async () => {
    const parent = await serverPid();
    // As an adapter is imported only when it can be, it has to be one of the modules that must be.
    write(
      3,
      'import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()',
    );
    const error = await errorOf(snakepit.pool('default').recycle());
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.message).toContain('changing');
    const refused = await recorder.saw('snakepit.forkserver.unavailable', { served: true });
    expect(refused.metadata).toMatchObject({ code: 'PRELOAD_UNSAFE', permanent: true });
    expect(await snakepit.execute('version')).toBe(2);
    expect(await serverPid()).toBe(parent);
  });

  test('[I7.1] [T4.1] every event of fork servers has happened, and carried what is described', () => {
    const described = Object.entries(bridgeEvents).filter(([name]) =>
      /^snakepit\.(?:forkserver\.|pool\.launch$)/.test(name),
    );
    expect(described).toHaveLength(6);
    for (const [name, { measurements, metadata }] of described) {
      const times = recorder.happened.get(name) ?? [];
      expect([name, times.length > 0]).toEqual([name, true]);
      for (const time of times) {
        expect(Object.keys(time.measurements).sort()).toEqual(Object.keys(measurements).sort());
        expect(Object.keys(time.metadata).sort()).toEqual(Object.keys(metadata).sort());
      }
    }
  });

  test('[I7.3] stop() leaves nobody', async () => {
    await until(() => bench.processes().length === size, 'nobody but the workers');
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});
