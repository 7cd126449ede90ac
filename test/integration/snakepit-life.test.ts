import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createTelemetry } from '@snakepit/core';
import { Snakepit } from '@snakepit/python-bridge';
import { errorOf, isAlive, osPidOf, SnakepitBench } from '../fixtures/snakepit-bench.ts';

// Real Python processes take their time on a busy machine.
jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

describe('what the user types', () => {
  test('[I2.6] [I2.7] start, execute, stats, workers, health, stop', async () => {
    const snakepit = await bench.start({ size: 2 });
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(await snakepit.execute<object>('echo', { value: { list: [1, null, 'ü'] } })).toEqual({
      list: [1, null, 'ü'],
    });
    await snakepit.awaitReady();
    const workers = snakepit.workers();
    expect(workers).toMatchObject([
      { id: 'default_worker_1', pool: 'default', restarts: 0, inFlight: 0 },
      { id: 'default_worker_2', pool: 'default', restarts: 0, inFlight: 0 },
    ]);
    for (const { state, osPid } of workers) {
      expect(state).toMatch(/^ready\./);
      expect(isAlive(osPid ?? 0)).toBe(true);
    }
    expect(snakepit.stats()).toMatchObject({
      ...{ accepted: 2, succeeded: 2, failed: 0, cancelled: 0, queued: 0, inFlight: 0 },
      pools: {
        default: { state: 'running.serving', workers: { size: 2, ready: 2, restarts: 0 } },
      },
    });
    expect(snakepit.health()).toEqual({
      status: 'ok',
      pools: { default: { status: 'ok', ready: 2, size: 2 } },
    });
    expect(JSON.stringify([snakepit.stats(), workers, snakepit.health()])).toContain('ready');
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
    expect(bench.reports).toEqual([]);
  });

  test('[R5.1] [R5.4] a bus of the user hears what happens during the start, too', async () => {
    const telemetry = createTelemetry();
    const heard: string[] = [];
    telemetry.on('snakepit.cleanup.swept', (_, { successful }) => {
      heard.push(`swept ${String(successful)}`);
    });
    telemetry.on('snakepit.worker.started', (_, { workerId }) => void heard.push(workerId));
    const snakepit = await bench.start({}, { telemetry: { bus: telemetry } });
    expect(heard).toEqual(['swept true', 'default_worker_1']);
    expect(snakepit.system.telemetry).toBe(telemetry);
  });

  test('[I2.6] calls go to all workers, those that find none wait in order', async () => {
    const snakepit = await bench.start({ size: 2 });
    const pids = await Promise.all(
      Array.from({ length: 12 }, () => snakepit.execute<number>('pid')),
    );
    expect(new Set(pids)).toEqual(new Set([osPidOf(snakepit, 0), osPidOf(snakepit, 1)]));
    expect(snakepit.stats()).toMatchObject({ accepted: 12, succeeded: 12 });
  });

  test('[I2.7] a call chooses its pool; the first is the default', async () => {
    const snakepit = await bench.startAll([
      { name: 'one', env: { WHERE: '1' } },
      { name: 'two', env: { WHERE: '2' } },
    ]);
    const where = (options = {}) => snakepit.execute('environment', { name: 'WHERE' }, options);
    expect([await where(), await where({ pool: 'two' })]).toEqual(['1', '2']);
    const error = await errorOf(where({ pool: 'three' }));
    expect(error.code).toBe('POOL_NOT_FOUND');
    expect(error.message).toContain('there is no pool "three"; there are "one", "two"');
  });

  test('[I2.7] a call is cancelled in Python, and one that waits leaves the queue', async () => {
    const snakepit = await bench.start();
    const controller = new AbortController();
    const { signal } = controller;
    const args = { seconds: 60, mark: bench.path('begun'), cancelled: bench.path('cancelled') };
    const running = errorOf(snakepit.execute('wait', args, { signal }));
    const waiting = errorOf(snakepit.execute('pid', {}, { signal }));
    await bench.marked('begun');
    controller.abort();
    expect([(await running).code, (await waiting).code]).toEqual(['CANCELLED', 'CANCELLED']);
    await bench.marked('cancelled');
    expect(snakepit.stats()).toMatchObject({ cancelled: 2, queued: 0, inFlight: 0 });
  });

  test('[I2.7] a call that takes too long is ended, and the error names its limit', async () => {
    const snakepit = await bench.start();
    const error = await errorOf(
      snakepit.execute('wait', { seconds: 60, cancelled: bench.path('gone') }, { timeout: 2_000 }),
    );
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('tool "wait"');
    expect(error.message).toContain('did not finish within 2000 ms');
    await bench.marked('gone');
    expect(await snakepit.execute('add', { a: 1, b: 1 })).toBe(2);
  });

  test('[I2.7] an exception keeps its class, message and traceback', async () => {
    const snakepit = await bench.start();
    const error = await errorOf(snakepit.execute('fail', { message: 'nope' }));
    expect(error).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { type: 'ValueError', message: 'nope', worker: 'default_worker_1' },
    });
    expect(error.stack).toContain('raise ValueError(message)');
  });
});

describe('stop', () => {
  test('[R6.1] [R6.5] lets calls in flight and those that wait finish, takes no more', async () => {
    const snakepit = await bench.start();
    const running = snakepit.execute('slow', { seconds: 1.5, mark: bench.path('begun') });
    const waiting = snakepit.execute('add', { a: 1, b: 2 });
    await bench.marked('begun');
    const stopped = snakepit.stop();
    expect((await errorOf(snakepit.execute('pid'))).code).toBe('SHUTTING_DOWN');
    expect((await errorOf(snakepit.awaitReady())).code).toBe('SHUTTING_DOWN');
    expect([await running, await waiting]).toEqual(['done', 3]);
    await stopped;
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.1] a call made in the same turn is finished, too', async () => {
    const snakepit = await bench.start();
    const call = snakepit.execute('slow', { seconds: 0.3 });
    await snakepit.stop();
    expect(await call).toBe('done');
  });

  test.each([Number.NaN, -1, '5' as never])(
    'what is no time (%p) stops nothing, and gives up no call',
    async (timeout) => {
      const snakepit = await bench.start();
      const call = snakepit.execute('slow', { seconds: 0.5, mark: bench.path('begun') });
      await bench.marked('begun');
      const error = await errorOf(snakepit.stop({ timeout }));
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.message).toContain('options.timeout is');
      expect((await errorOf(snakepit.awaitReady(timeout))).code).toBe('INVALID_ARGUMENT');
      expect(await call).toBe('done');
      expect(snakepit.health().status).toBe('ok');
    },
  );

  test('a second call waits for the same end', async () => {
    const snakepit = await bench.start();
    const first = snakepit.stop();
    expect(snakepit.stop()).toBe(first);
    await first;
    await snakepit.stop({ timeout: 1_000 });
    await snakepit[Symbol.asyncDispose]();
    expect([...snakepit.system.processes()]).toEqual([]);
    expect(() => snakepit.root).not.toThrow();
    expect(snakepit.workers()).toMatchObject([{ state: 'down', osPid: undefined }]);
    expect(snakepit.health().status).toBe('down');
  });

  test('[R6.5] `await using` stops', async () => {
    let pid: number;
    {
      await using snakepit = await Snakepit.start(bench.config([{}]));
      pid = await snakepit.execute<number>('pid');
      expect(isAlive(pid)).toBe(true);
    }
    expect(isAlive(pid)).toBe(false);
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.3] with a timeout it gives up what takes longer, kills, and says so', async () => {
    const snakepit = await bench.start();
    const running = errorOf(
      snakepit.execute('slow', { seconds: 100, mark: bench.path('begun') }, { idempotent: true }),
    );
    const waiting = errorOf(snakepit.execute('pid'));
    await bench.marked('begun');
    await snakepit.stop({ timeout: 200 });
    expect((await running).code).toBe('WORKER_UNAVAILABLE');
    expect((await running).message).toContain('it was stopped before the call had ended');
    expect((await waiting).code).toBe('SHUTTING_DOWN');
    expect(snakepit.stats()).toMatchObject({ accepted: 2, failed: 2, retried: 0, inFlight: 0 });
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R6.2] [R6.3] without one, what takes longer than gracefulShutdownTimeout is killed', async () => {
    // The shortest that is allowed (R9.3).
    const snakepit = await bench.start({ gracefulShutdownTimeout: 5_000, termTimeout: 300 });
    const ends: unknown[] = [];
    snakepit.system.telemetry.on('snakepit.worker.terminated', (_, { means, confirmed }) => {
      ends.push({ means, confirmed });
    });
    const running = errorOf(snakepit.execute('slow', { seconds: 100, mark: bench.path('begun') }));
    await bench.marked('begun');
    await snakepit.stop();
    expect((await running).message).toContain('it was stopped before the call had ended');
    expect(ends).toEqual([{ means: 'kill', confirmed: true }]);
    expect(bench.leftovers()).toEqual([]);
  });

  test("[R3.3] [R6.5] a worker's own children end with it", async () => {
    const snakepit = await bench.start();
    const child = await snakepit.execute<number>('child');
    expect(isAlive(child)).toBe(true);
    await snakepit.stop();
    expect(isAlive(child)).toBe(false);
  });
});

describe('several at once', () => {
  test('two Snakepits share a process and a state directory and end apart', async () => {
    const socketDir = bench.path('sockets');
    const [one, two] = await Promise.all([
      bench.start({}, { socketDir }),
      bench.start({}, { socketDir }),
    ]);
    expect(bench.runs()).toHaveLength(2);
    await one.stop();
    expect(bench.runs()).toHaveLength(1);
    expect(await two.execute('add', { a: 1, b: 1 })).toBe(2);
    const pid = osPidOf(two);
    const token = readFileSync(`/proc/${String(pid)}/environ`, 'utf8');
    expect(token).toContain('SNAKEPIT_WORKER=default/default_worker_1/');
    await two.stop();
    expect(bench.leftovers()).toEqual([]);
    expect(existsSync(socketDir)).toBe(true);
  });
});
