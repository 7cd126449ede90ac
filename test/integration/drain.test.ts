import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Snakepit } from '@snakepit/python-bridge';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Calls in flight when something is to end: of one worker, of all, with and without patience.

jest.setTimeout(90_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

describe('a drain', () => {
  test('[I4.4] [R6.1] [R6.2] with the default of 30 s a call of 20 s survives: stop, restart, `await using`', async () => {
    const long = (snakepit: Snakepit, mark: string): Promise<unknown> =>
      snakepit.execute('slow', { seconds: 20, mark: bench.path(mark) });

    const stopped = async (): Promise<unknown> => {
      const snakepit = await bench.start();
      const call = long(snakepit, 'stop');
      await bench.marked('stop');
      await snakepit.stop();
      return call;
    };
    const restarted = async (): Promise<unknown> => {
      const snakepit = await bench.start({ size: 2, startupBatchSize: 1 });
      const osPid = osPidOf(snakepit, 0);
      const ended = new Set<string>();
      const call = long(snakepit, 'restart').finally(() => ended.add('restart'));
      await bench.marked('restart');
      const restart = snakepit.restartWorker('default_worker_1');
      // The other serves all the while.
      let served = 0;
      while (!ended.has('restart')) {
        expect(await snakepit.execute('slow', { seconds: 0.5 })).toBe('done');
        served += 1;
        // It is told to end only after this process has heard of the end of its call.
        expect(isAlive(osPid) || ended.has('restart')).toBe(true);
      }
      expect(served).toBeGreaterThan(5);
      await restart;
      expect(isAlive(osPid)).toBe(false);
      await snakepit.stop();
      return call;
    };
    const disposed = async (): Promise<unknown> => {
      let call: Promise<unknown>;
      {
        await using snakepit = await Snakepit.start(bench.config([{}]));
        call = long(snakepit, 'using');
        await bench.marked('using');
      }
      return call;
    };
    expect(await Promise.all([stopped(), restarted(), disposed()])).toEqual([
      'done',
      'done',
      'done',
    ]);
    expect(bench.leftovers()).toEqual([]);
    expect(bench.reports).toEqual([]);
  });

  test('[I4.4] [R6.1] pools drain at the same time, each by its own limit', async () => {
    const snakepit = await bench.startAll(
      [
        { name: 'patient', gracefulShutdownTimeout: 60_000 },
        { name: 'hasty', gracefulShutdownTimeout: 5_000 },
        { name: 'calm', gracefulShutdownTimeout: 60_000 },
      ],
      { termTimeout: 300 },
    );
    const call = (pool: string): Promise<unknown> => {
      const args = { until: bench.path(`${pool} released`), mark: bench.path(pool) };
      return snakepit.execute('stay', args, { pool });
    };
    const [patient, calm] = [call('patient'), call('calm')];
    const hasty = errorOf(call('hasty'));
    await Promise.all(['patient', 'hasty', 'calm'].map((pool) => bench.marked(pool)));
    const stopped = snakepit.stop();
    const states = (): unknown => Object.values(snakepit.stats().pools).map(({ state }) => state);
    const draining = 'draining.awaitingCalls';
    await until(
      () => isDeepStrictEqual(states(), [draining, draining, draining]),
      'all to drain at once',
    );
    expect((await hasty).message).toContain('it was stopped before the call had ended');
    expect(states()).toEqual([draining, 'drained', draining]);
    writeFileSync(bench.path('calm released'), '');
    expect(await calm).toBe('done');
    expect(snakepit.stats().pools['patient']?.state).toBe(draining);
    writeFileSync(bench.path('patient released'), '');
    expect(await patient).toBe('done');
    await stopped;
    expect(bench.leftovers()).toEqual([]);
  });

  test.each<[string, (snakepit: Snakepit) => void]>([
    ['stop({ timeout: 0 })', (snakepit) => void snakepit.stop({ timeout: 0 })],
    ['hurry()', (snakepit) => snakepit.hurry()],
  ])('[I4.4] [R6.3] %s cuts a drain short that is under way', async (_, hurry) => {
    const snakepit = await bench.start({ adapter: 'mortal.Mortal' });
    const call = errorOf(snakepit.execute('hold_gil', { seconds: 100, mark: bench.path('begun') }));
    await bench.marked('begun');
    const stopped = snakepit.stop();
    await until(
      () => snakepit.stats().pools['default']?.state === 'draining.awaitingCalls',
      'the drain to begin',
    );
    hurry(snakepit);
    await stopped;
    expect((await call).code).toBe('WORKER_UNAVAILABLE');
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.4] [R6.1] a worker that dies while it drains: its call fails at once, the stop goes on', async () => {
    const snakepit = await bench.start();
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    const waiting = snakepit.execute('add', { a: 1, b: 2 });
    await bench.marked('begun');
    const stopped = snakepit.stop();
    process.kill(osPidOf(snakepit), 'SIGKILL');
    expect((await call).code).toBe('WORKER_CRASHED');
    // It was taken, so it is served: by the successor.
    expect(await waiting).toBe(3);
    await stopped;
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.4] [R6.5] [R3.3] a stop is over when children and escapees are gone, too', async () => {
    const snakepit = await bench.start();
    const children = await Promise.all([
      snakepit.execute<number>('child'),
      snakepit.execute<number>('escapee'),
    ]);
    expect(children.every(isAlive)).toBe(true);
    await snakepit.stop();
    expect(children.some(isAlive)).toBe(false);
    expect(bench.leftovers()).toEqual([]);
  });
});
