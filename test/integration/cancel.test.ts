import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createTelemetry } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { SnakepitBench, errorOf, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

describe.each(callPaths)('a call in %s that is given up', (path) => {
  const start = (pool: object = {}, options: object = {}): Promise<Snakepit> =>
    bench.start({ adapter: 'streams.Streams', ...poolOf(path), ...pool }, options);
  /** Lets the tool end that holds its worker. */
  const release = (): void => {
    writeFileSync(bench.path('released'), '');
  };
  /** Arguments of a tool that does not look whether its caller has given up. */
  const held = () => ({
    until: bench.path('released'),
    mark: bench.path('mark'),
    ended: bench.path('ended'),
  });

  test('[I5.2] settles at once; its worker is busy until the tool is over', async () => {
    const snakepit = await start();
    const controller = new AbortController();
    const given = errorOf(snakepit.execute('stay', held(), { signal: controller.signal }));
    let isSettled = false;
    void given.then(() => {
      isSettled = true;
    });
    await bench.marked('mark');
    controller.abort(new Error('enough'));
    // Before the event loop turns: nobody is waited for, neither Python nor a timer.
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
    expect(isSettled).toBe(true);
    expect(await given).toMatchObject({ code: 'CANCELLED', cause: { message: 'enough' } });
    expect(snakepit.stats()).toMatchObject({ cancelled: 1, inFlight: 0, lingering: 1 });
    expect(snakepit.workers()).toMatchObject([{ inFlight: 1 }]);
    // The next call waits for the tool, not for its result only.
    const next = snakepit.execute('pid');
    expect(snakepit.stats()).toMatchObject({ queued: 1, inFlight: 0 });
    release();
    expect(await next).toEqual(expect.any(Number));
    expect(existsSync(bench.path('ended'))).toBe(true);
    expect(snakepit.stats()).toMatchObject({ lingering: 0, succeeded: 1 });
  });

  test('[I5.2] a tool that looks stops, and its worker is free', async () => {
    const snakepit = await start();
    const [mark, stopped] = [bench.path('mark'), bench.path('stopped')];
    const error = await errorOf(
      // In this time it has to begin, too.
      snakepit.execute('polite', { seconds: 60, mark, stopped }, { timeout: 1_500 }),
    );
    expect(error.message).toContain('tool "polite"');
    expect(error).toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 1_500 } });
    await bench.marked('stopped');
    expect(await snakepit.execute('pid', {}, { timeout: 20_000 })).toEqual(expect.any(Number));
    expect(snakepit.workers()).toMatchObject([{ restarts: 0 }]);
  });

  test('[I5.2] a signal may be shared by any number of calls', async () => {
    const snakepit = await start();
    const warnings: string[] = [];
    const hear = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', hear);
    try {
      const controller = new AbortController();
      const { signal } = controller;
      const calls = Array.from({ length: 50 }, () =>
        errorOf(snakepit.execute('polite', { seconds: 30 }, { signal })),
      );
      controller.abort();
      const codes = (await Promise.all(calls)).map(({ code }) => code);
      expect(new Set(codes)).toEqual(new Set(['CANCELLED']));
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
      expect(snakepit.stats()).toMatchObject({ cancelled: 50, queued: 0, inFlight: 0 });
    } finally {
      process.off('warning', hear);
    }
  });

  test('[I5.2] in the queue it leaves at once and is never executed', async () => {
    const snakepit = await start();
    const mark = bench.path('mark');
    const busy = snakepit.execute('stay', { until: bench.path('released') });
    const controller = new AbortController();
    const cancelled = snakepit.execute('slow', { seconds: 0, mark }, { signal: controller.signal });
    const late = snakepit.execute('slow', { seconds: 0, mark }, { timeout: 50 });
    controller.abort();
    expect((await errorOf(cancelled)).code).toBe('CANCELLED');
    expect((await errorOf(late)).message).toContain('which still waited for a worker');
    expect(snakepit.stats()).toMatchObject({ queued: 0, inFlight: 1, cancelled: 1, failed: 1 });
    release();
    await busy;
    await snakepit.execute('pid');
    expect(existsSync(mark)).toBe(false);
  });

  test('[I5.2] after cancelGrace its worker is killed and replaced; with the default it is not', async () => {
    const telemetry = createTelemetry();
    const stuck: unknown[] = [];
    telemetry.on('snakepit.pool.call.stuck', (measurements, metadata) => {
      stuck.push({ ...measurements, ...metadata });
    });
    const snakepit = await start({ cancelGrace: 300 }, { telemetry: { bus: telemetry } });
    const pid = await snakepit.execute<number>('pid');
    const controller = new AbortController();
    const given = errorOf(snakepit.execute('stay', held(), { signal: controller.signal }));
    await bench.marked('mark');
    controller.abort();
    expect((await given).code).toBe('CANCELLED');
    expect(await snakepit.execute('pid', {}, { timeout: 20_000 })).not.toBe(pid);
    await until(() => snakepit.workers()[0]?.restarts === 1, 'the worker to be replaced');
    expect(existsSync(bench.path('ended'))).toBe(false);
    expect(stuck).toEqual([
      expect.objectContaining({
        graceMs: 300,
        pool: 'default',
        workerId: 'default_worker_1',
        tool: 'stay',
      }),
    ]);
    expect(snakepit.stats()).toMatchObject({ lingering: 0, cancelled: 1, succeeded: 2 });
  });

  test('[I5.2] its other calls fail with WORKER_CRASHED then', async () => {
    const snakepit = await start({ cancelGrace: 200, concurrency: 2 });
    const bystander = errorOf(snakepit.execute('slow', { seconds: 60 }));
    const controller = new AbortController();
    const given = errorOf(snakepit.execute('stay', held(), { signal: controller.signal }));
    await bench.marked('mark');
    controller.abort();
    await given;
    expect(await bystander).toMatchObject({ code: 'WORKER_CRASHED' });
    expect((await bystander).message).toContain('stay');
  });
});
