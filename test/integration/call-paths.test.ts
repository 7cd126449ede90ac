import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { errorOf, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

describe.each(callPaths)('calls over %s', (path) => {
  let bench: SnakepitBench;
  let snakepit: Snakepit;
  beforeAll(async () => {
    bench = new SnakepitBench();
    snakepit = await bench.start({ ...poolOf(path), concurrency: 64 });
  });
  afterAll(() => bench.close());

  test('give what the tool returns', async () => {
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    const value = { deep: [{ er: 'é\u0000"𝒳' }, null, true, 1.5, -0], empty: {} };
    expect(await snakepit.execute('echo', { value })).toEqual(value);
  });

  test.each([0, 1, 65_536, 262_144, 262_145, 5_000_000])(
    '[I5.5] carry %i bytes there and back',
    async (length) => {
      const value = Buffer.alloc(length, 'abcdefg');
      const back = await snakepit.execute('echo', { value });
      expect(Buffer.isBuffer(back) && back.equals(value)).toBe(true);
    },
  );

  test('many at the same time are not mixed up, large and small', async () => {
    const calls = Array.from({ length: 300 }, (_, i) => {
      const value = i % 50 === 0 ? Buffer.alloc(700_000 + i, i) : { i, text: 'x'.repeat(i) };
      return snakepit.execute('echo', { value }).then((back) => ({ value, back }));
    });
    for (const { value, back } of await Promise.all(calls)) {
      if (Buffer.isBuffer(value)) expect(value.equals(back as Buffer)).toBe(true);
      else expect(back).toEqual(value);
    }
  });

  test('[I5.10] an exception has class, message and traceback', async () => {
    const error = await errorOf(snakepit.execute('fail', { message: 'nope' }));
    expect(error).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { type: 'ValueError', module: 'builtins', message: 'nope', tool: 'fail' },
    });
    expect(error.details).toMatchObject({ pool: 'default', worker: 'default_worker_1' });
    expect(error.stack).toContain('raise ValueError(message)');
  });

  test('[I5.10] the stack of an error shows the line that waited, of a call and of a stream', async () => {
    const source = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
    const pool = snakepit.pool('default');
    const session = snakepit.session('of-stacks');
    const asked: Record<string, () => Promise<unknown>> = {
      one: async () => await snakepit.execute('fail', { message: 'no\n\none' }),
      two: async () => await pool.execute('fail', { message: 'two' }),
      three: async () => await session.execute('fail', { message: 'three' }),
      four: async () => {
        for await (const n of snakepit.stream('fail', { message: 'four' })) expect(n).toBe(0);
      },
      five: async () => await session.stream('fail', { message: 'five' }).next(),
    };
    for (const [word, ask] of Object.entries(asked)) {
      const { stack = '' } = await errorOf(ask());
      const [javascript = '', python] = stack.split('\n\nPython traceback:\n');
      const frames = [...javascript.matchAll(/^ {4}at .*call-paths\.test\.ts:(\d+)/gm)];
      expect(source[Number(frames[0]?.[1]) - 1]).toContain(`${word}' })`);
      expect(frames).toHaveLength(2);
      expect(python).toContain('raise ValueError(message)');
    }
    await session.end();
  });

  test('[I5.10] an unknown tool and wrong arguments are told with what there is', async () => {
    const unknown = await errorOf(snakepit.execute('ad', {}));
    expect(unknown.code).toBe('TOOL_NOT_FOUND');
    expect(unknown.message).toContain('Did you mean "add"?');
    const wrong = await errorOf(snakepit.execute('add', { a: 1 }));
    expect(wrong.code).toBe('INVALID_ARGUMENT');
    expect(wrong.message).toContain('add({ a: ');
  });

  test('[I5.2] a time limit ends the call, there too', async () => {
    const cancelled = bench.path('late');
    // In this time the tool has to begin, too: one that has not cannot be told.
    const error = await errorOf(
      snakepit.execute('wait', { seconds: 60, cancelled }, { timeout: 1_500 }),
    );
    expect(error).toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 1_500, tool: 'wait' } });
    expect(error.message).toContain('worker "default_worker_1" of pool "default"');
    await bench.marked('late');
  });

  test('[I5.2] an AbortSignal ends the call, there too', async () => {
    const controller = new AbortController();
    const args = { seconds: 60, mark: bench.path('begun'), cancelled: bench.path('gone') };
    const error = errorOf(snakepit.execute('wait', args, { signal: controller.signal }));
    await bench.marked('begun');
    controller.abort(new Error('enough'));
    expect(await error).toMatchObject({ code: 'CANCELLED', cause: { message: 'enough' } });
    await bench.marked('gone');
    await until(() => snakepit.stats().lingering === 0, 'the worker to let go');
  });
});

describe.each(callPaths)('workers called over %s', (path) => {
  let bench: SnakepitBench;
  beforeEach(() => {
    bench = new SnakepitBench();
  });
  afterEach(() => bench.close());

  test('[I5.2] a sync tool keeps its place until its thread is over, not its caller', async () => {
    const snakepit = await bench.start({ adapter: 'streams.Streams', ...poolOf(path) });
    const ended = bench.path('ended');
    const args = { until: bench.path('released'), mark: bench.path('begun'), ended };
    const error = await errorOf(snakepit.execute('stay', args, { timeout: 1_500 }));
    expect(error.code).toBe('TIMEOUT');
    await bench.marked('begun');
    expect(snakepit.stats()).toMatchObject({ inFlight: 0, lingering: 1 });
    const next = snakepit.execute('pid');
    expect(snakepit.stats()).toMatchObject({ queued: 1, inFlight: 0 });
    writeFileSync(bench.path('released'), '');
    await next;
    expect(existsSync(ended)).toBe(true);
  });

  test('[I5.2] a tool knows how long its caller will wait', async () => {
    const snakepit = await bench.start({ adapter: 'streams.Streams', ...poolOf(path) });
    const seconds = await snakepit.execute<number>('remaining', {}, { timeout: 20_000 });
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThanOrEqual(20);
    expect(await snakepit.execute('remaining', {}, { timeout: Infinity })).toBeNull();
  });

  test('[R2.5] its death fails the call in flight at once, with what is known of it', async () => {
    const snakepit = await bench.start(poolOf(path));
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    await bench.marked('begun');
    process.kill(osPidOf(snakepit), 'SIGKILL');
    expect(await call).toMatchObject({
      code: 'WORKER_CRASHED',
      details: { signal: 'SIGKILL', tool: 'slow' },
    });
    expect(await snakepit.execute('add', { a: 1, b: 1 })).toBe(2);
  });

  test('[R2.5] an idempotent call whose worker dies is executed by another', async () => {
    const snakepit = await bench.start(poolOf(path));
    const args = { mark: bench.path('begun'), seconds: 60 };
    const call = snakepit.execute('once', args, { idempotent: true });
    await bench.marked('begun');
    process.kill(osPidOf(snakepit), 'SIGKILL');
    expect(await call).toBe('again');
    expect(snakepit.stats()).toMatchObject({ retried: 1, succeeded: 1 });
  });

  test('[I5.4] streams are in order, wait for their reader, end at a break, and tell what broke', async () => {
    const snakepit = await bench.start({ adapter: 'streams.Streams', ...poolOf(path) });
    const numbers: number[] = [];
    for await (const n of snakepit.stream<number>('count', { to: 500 })) numbers.push(n);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i));

    // Python's processes and ours may be held up by others; of three times the shortest is that of the runtime.
    const tookMs: number[] = [];
    for (const round of ['first', 'second', 'third']) {
      const [mark, closed] = [bench.path(`${round}.progress`), bench.path(`${round}.closed`)];
      const stream = snakepit.stream<number>(
        'count',
        { to: 1e6, mark, closed },
        { highWaterMark: 8 },
      );
      for (let read = 0; read < 4; read++) await stream.next();
      const yielded = (): number =>
        existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n').length : 0;
      await until(() => yielded() >= 8, 'the tool to go as far as it may');
      await new Promise((resolve) => setTimeout(resolve, 200));
      // With unary calls gRPC has its own window, of 16 MiB, which these small chunks do not fill.
      expect(yielded()).toBeLessThan(path === 'frames' ? 4 + 8 + 8 : 500_000);
      const leftAtMs = performance.now();
      await stream.return();
      await bench.marked(`${round}.closed`);
      tookMs.push(performance.now() - leftAtMs);
    }
    expect(Math.min(...tookMs)).toBeLessThan(1_000);

    const seen: number[] = [];
    const reading = (async () => {
      for await (const n of snakepit.stream<number>('break_after', { count: 3 })) seen.push(n);
    })();
    const error = await errorOf(reading);
    expect(seen).toEqual([0, 1, 2]);
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION', details: { type: 'ValueError' } });
    expect(error.stack).toContain('raise ValueError("no more apples")');
  });
});

describe('what is of frames alone', () => {
  let bench: SnakepitBench;
  beforeEach(() => {
    bench = new SnakepitBench();
  });
  afterEach(() => bench.close());

  test('[I5.5] a value beyond maxValueBytes fails its own call, in both directions', async () => {
    const snakepit = await bench.start({ maxValueBytes: 1_000_000, concurrency: 4 });
    const large = Buffer.alloc(1_000_001);
    const bystander = snakepit.execute('wait', { seconds: 0.5 });
    const sent = await errorOf(snakepit.execute('echo', { value: large }));
    expect(sent).toMatchObject({ code: 'MESSAGE_TOO_LARGE', details: { what: 'arguments' } });
    const received = await errorOf(snakepit.execute('zeros', { count: 1_000_001 }));
    expect(received).toMatchObject({ code: 'MESSAGE_TOO_LARGE', details: { what: 'result' } });
    expect(await bystander).toBe('done');
    expect(await snakepit.execute('zeros', { count: 1_000_000 })).toHaveLength(1_000_000);
  });

  test('[R2.5] [R6.4] a worker that has lost its call socket gets no calls, is killed, and replaced', async () => {
    const snakepit = await bench.start({ adapter: 'mortal.Mortal', size: 2 });
    const before = snakepit.workers().map(({ osPid }) => osPid);
    const lost = errorOf(snakepit.execute('hang_up'));
    await until(() => snakepit.workers().some(({ osPid }) => !before.includes(osPid)), 'another');
    const error = await lost;
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.message).toContain('its connection broke: the worker has closed the connection');
    await until(() => snakepit.health().status === 'ok', 'all workers to serve');
    const served = await Promise.all([0, 1, 2, 3].map(() => snakepit.execute('pid')));
    for (const pid of served) expect(snakepit.workers().map(({ osPid }) => osPid)).toContain(pid);
    expect(snakepit.stats()).toMatchObject({ failed: 1, succeeded: 4 });
  });
});
