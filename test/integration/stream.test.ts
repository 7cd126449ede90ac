import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { liveHeap } from '../fixtures/collect-garbage.ts';
import { SnakepitBench, errorOf, until } from '../fixtures/snakepit-bench.ts';
import { StallMeter } from '../fixtures/stall-meter.ts';

jest.setTimeout(240_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** How many numbers the tool has yielded. */
function yielded(mark: string): number {
  return existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n').length : 0;
}

describe.each(callPaths)('stream() in %s', (path) => {
  const start = (pool: object = {}): Promise<Snakepit> =>
    bench.start({ adapter: 'streams.Streams', ...poolOf(path), ...pool });

  test('[I5.4] gives what a tool yields, in order', async () => {
    const snakepit = await start();
    const numbers: number[] = [];
    for await (const number of snakepit.stream<number>('count', { to: 100 })) numbers.push(number);
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(snakepit.stats()).toMatchObject({
      accepted: 1,
      succeeded: 1,
      inFlight: 0,
      lingering: 0,
    });
  });

  test('[I5.4] a tool that fails half-way is told with its traceback, after what it has yielded', async () => {
    const snakepit = await start();
    const numbers: number[] = [];
    const reading = (async () => {
      for await (const n of snakepit.stream<number>('break_after', { count: 3 })) numbers.push(n);
    })();
    const error = await errorOf(reading);
    expect(numbers).toEqual([0, 1, 2]);
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION', details: { type: 'ValueError' } });
    expect(error.stack).toContain('raise ValueError("no more apples")');
  });

  test('[I5.4] a reader that stops reading stops the tool', async () => {
    const snakepit = await start();
    const mark = bench.path('progress');
    const stream = snakepit.stream(
      'bulk',
      { to: 10_000, size: 65_536, mark },
      { highWaterMark: 8 },
    );
    for (let read = 0; read < 4; read++) await stream.next();
    // It goes on as far as it may, and then no further.
    await until(() => yielded(mark) >= 8, 'the tool to go as far as it may');
    let standsAt = -1;
    await until(async () => {
      const before = yielded(mark);
      await new Promise((resolve) => setTimeout(resolve, 400));
      standsAt = yielded(mark);
      return standsAt === before;
    }, 'the tool to stand still');
    // In frames: what was read, what has come, and one that waits to be sent. Plain gRPC counts bytes, 16 MiB at each end.
    expect(standsAt).toBeLessThanOrEqual(path === 'frames' ? 4 + 8 + 1 : 600);
    await stream.return();
  });

  test.each(['count', 'tick'])(
    '[I5.4] leaving the loop closes the generator %s within a second',
    async (tool) => {
      const snakepit = await start();
      const closed = bench.path('closed');
      const args = tool === 'count' ? { to: 1e9, closed } : { to: 1e9, seconds: 0.01, closed };
      let leftAtMs = 0;
      const meter = new StallMeter();
      for await (const number of snakepit.stream<number>(tool, args)) {
        if (number < 3) continue;
        leftAtMs = performance.now();
        break;
      }
      await bench.marked('closed');
      expect(performance.now() - leftAtMs - meter.stalledMs).toBeLessThan(1_000);
      meter.stop();
      await until(() => snakepit.stats().lingering === 0, 'the worker to let go');
      expect(snakepit.stats()).toMatchObject({ cancelled: 1, inFlight: 0 });
      // And is there for the next.
      expect(await snakepit.execute('pid')).toEqual(expect.any(Number));
    },
  );

  test('[I5.2] [I5.4] a signal, and the end of its time, end a stream', async () => {
    const snakepit = await start({ streamTimeout: 2_000 });
    const closed = bench.path('closed');
    const args = { to: 1e9, seconds: 0.02, closed };
    const late = await errorOf(readAll(snakepit.stream('tick', args)));
    expect(late.message).toContain('did not finish within 2000 ms');
    expect(late.remedy).toContain('streamTimeout');
    const controller = new AbortController();
    const { signal } = controller;
    const stream = snakepit.stream('tick', args, { signal, timeout: 30_000 });
    await stream.next();
    controller.abort();
    expect((await errorOf(readAll(stream))).code).toBe('CANCELLED');
    await bench.marked('closed', 2);
  });

  test('[I5.1] a stream waits for a worker as any call does', async () => {
    const snakepit = await start();
    const busy = snakepit.execute('slow', { seconds: 0.3 });
    const first = snakepit.stream<number>('count', { to: 1 }).next();
    expect(snakepit.stats()).toMatchObject({ inFlight: 1, queued: 1 });
    expect(await first).toEqual({ done: false, value: 0 });
    await busy;
  });

  test('[I5.4] one that nobody reads holds no worker', async () => {
    const snakepit = await start();
    snakepit.stream('count', { to: 10 });
    expect(snakepit.stats().accepted).toBe(0);
    expect(await snakepit.execute('pid')).toEqual(expect.any(Number));
  });

  test('[I5.4] memory stays flat over 100 000 chunks', async () => {
    const snakepit = await start();
    const step = 20_000;
    let sum = 0;
    const heaps: number[] = [];
    for await (const number of snakepit.stream<number>('count', { to: 5 * step })) {
      sum += number;
      if (number % step === step - 1) heaps.push(liveHeap());
    }
    expect(sum).toBe((100_000 * 99_999) / 2);
    // What is kept grows with each step. Beside the stream this process may take something, once: maps of sources, say.
    const growths = heaps.slice(1).map((heap, index) => heap - (heaps[index] ?? 0));
    const [, second] = growths.sort((a, b) => b - a);
    // The least that could stay of a chunk, an object in a list, takes 24 bytes.
    expect(second).toBeLessThan(step * 16);
  });

  test('the worker dies: the reader is told, and another one serves', async () => {
    const snakepit = await start();
    const stream = snakepit.stream('tick', { to: 1e9, seconds: 0.01 });
    await stream.next();
    const [{ osPid = 0 } = {}] = snakepit.workers();
    process.kill(osPid, 'SIGKILL');
    expect((await errorOf(readAll(stream))).code).toBe('WORKER_CRASHED');
    expect(await snakepit.execute('pid')).not.toBe(osPid);
  });
});

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of stream) values.push(value);
  return values;
}
