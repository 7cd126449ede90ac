import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { errorOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

let bench: SnakepitBench;

beforeEach(() => {
  bench = new SnakepitBench();
});

afterEach(async () => {
  await bench.close();
});

const threaded = { adapter: 'threaded.Threaded', profile: 'thread' } as const;

describe('profile "thread"', () => {
  test('[I5.7] one process runs several calls at once: four pass a barrier that only four together pass', async () => {
    const snakepit = await bench.start({ ...threaded, threadsPerWorker: 4 });
    const met = (await Promise.all(
      Array.from({ length: 4 }, () => snakepit.execute('meet')),
    )) as readonly (readonly [pid: number, thread: number])[];
    expect(new Set(met.map(([pid]) => pid))).toEqual(new Set([snakepit.workers()[0]?.osPid]));
    expect(new Set(met.map(([, thread]) => thread)).size).toBe(4);
  });

  test('[I5.7] a worker gets as many calls as it has threads, and the rest wait', async () => {
    const snakepit = await bench.start({ ...threaded, threadsPerWorker: 3 });
    const calls = Promise.allSettled(Array.from({ length: 4 }, () => snakepit.execute('meet')));
    // Three are in the tool, which waits for a fourth; that one waits for room, and both for ever.
    await until(() => snakepit.stats().inFlight === 3 || undefined, 'three calls to be in flight');
    expect(snakepit.stats()).toMatchObject({ accepted: 4, inFlight: 3, queued: 1 });
    await snakepit.stop({ timeout: 0 });
    expect((await calls).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
  });

  test('[I5.7] sensitive tools share one thread, in which they run one after the other', async () => {
    const snakepit = await bench.start({ ...threaded, threadsPerWorker: 10 });
    const served = (await Promise.all(
      Array.from({ length: 20 }, () => snakepit.execute('alone')),
    )) as readonly (readonly [thread: number, count: number])[];
    expect(new Set(served.map(([thread]) => thread)).size).toBe(1);
    const counts = served.map(([, count]) => count);
    expect([...counts].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test('[I5.7] threads that compute all the time do not silence the heartbeat', async () => {
    const heartbeat = { pingInterval: 1000, timeoutThreshold: 5000, maxMissed: 2 };
    const snakepit = await bench.start({ ...threaded, threadsPerWorker: 4, heartbeat });
    const [before] = snakepit.workers();
    const busy = Array.from({ length: 4 }, () => snakepit.execute('compute', { seconds: 6 }));
    for (const turns of await Promise.all(busy)) expect(turns).toBeGreaterThan(0);
    const [after] = snakepit.workers();
    expect(after).toMatchObject({
      osPid: before?.osPid,
      restarts: 0,
      freeThreaded: expect.any(Boolean),
    });
    expect(bench.reports).toEqual([]);
  });

  test('[I5.7] an adapter that does not say that it is made for threads is refused at the start', async () => {
    const refused = bench.start({ adapter: 'threaded.Careless', profile: 'thread' });
    const error = await errorOf(refused);
    expect(error).toMatchObject({
      code: 'ADAPTER_FAILED',
      details: { reason: 'ADAPTER_NOT_THREAD_SAFE', adapter: 'threaded.Careless' },
    });
    expect(error.message).toContain('snakepit_bridge.ThreadSafeAdapter');
    expect(bench.processes()).toEqual([]);
  });

  test('[I5.7] numeric libraries get one thread in the process profile, unless the user says otherwise', async () => {
    const snakepit = await bench.startAll([
      { name: 'one', adapter: 'threaded.Careless' },
      { name: 'own', adapter: 'threaded.Careless', env: { OMP_NUM_THREADS: '3' } },
      { name: 'threads', ...threaded },
    ]);
    const limitIn = (pool: string): Promise<unknown> =>
      snakepit.execute('variable', { name: 'OMP_NUM_THREADS' }, { pool });
    expect(await Promise.all(['one', 'own', 'threads'].map(limitIn))).toEqual([
      '1',
      '3',
      process.env['OMP_NUM_THREADS'] ?? null,
    ]);
  });
});
