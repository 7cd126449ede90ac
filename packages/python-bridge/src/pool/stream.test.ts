import { describe, expect, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import {
  anyCall,
  crashed,
  createBench,
  ScriptedWorker,
  settle,
  type Bench,
} from './dispatcher.fixture.ts';
import type { ChunkTaker, PendingCall } from './pool-call.ts';
import { createStream, type ToolStream } from './stream.ts';

interface StreamBench extends Bench {
  readonly worker: ScriptedWorker;
  readonly stream: ToolStream<number>;
  /** Has the tool yield, as far as it may. */
  readonly yields: (...values: readonly number[]) => void;
  /** How many more chunks the tool may yield. */
  readonly credit: () => number;
}

function benchOfStream(highWaterMark = 4, timeoutMs = 1_000): StreamBench {
  const bench = createBench();
  const worker = new ScriptedWorker('w1');
  bench.dispatcher.admit(worker);
  const call = { ...anyCall, tool: 'count', timeoutMs, stream: { credit: highWaterMark } };
  const stream = createStream<number>({
    tool: 'count',
    highWaterMark,
    open: (taker) => bench.dispatcher.open(call, taker),
  });
  let sent = 0;
  return {
    ...bench,
    worker,
    stream,
    yields: (...values) => {
      for (const value of values) {
        sent += 1;
        worker.calls[0]?.listener.chunk?.(value);
      }
    },
    credit: () => highWaterMark + (worker.calls[0]?.granted ?? 0) - sent,
  };
}

const codeOf = (error: unknown): unknown => (isSnakepitError(error) ? error.code : error);

describe('a stream', () => {
  test('[I5.4] begins with the first read, gives chunks in order, ends once', async () => {
    const { worker, stream, yields, dispatcher } = benchOfStream();
    await settle();
    expect(worker.tools).toEqual([]);
    const first = stream.next();
    expect(worker.tools).toEqual(['count']);
    yields(1, 2);
    worker.answer();
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await stream.next()).toEqual({ done: false, value: 2 });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(dispatcher.stats()).toMatchObject({ accepted: 1, succeeded: 1, inFlight: 0 });
  });

  test('[I5.4] lets the tool go on only as far as was read', async () => {
    const { stream, yields, credit } = benchOfStream(4);
    const first = stream.next();
    yields(1, 2, 3, 4);
    await first;
    expect(credit()).toBe(0);
    await stream.next();
    expect(credit()).toBe(2);
    yields(5, 6);
    for (let read = 0; read < 4; read++) {
      await stream.next();
      expect(credit()).toBeLessThanOrEqual(read + 1);
    }
    expect(credit()).toBe(4);
  });

  test('chunks that came before a failure are read before it, and it is told once', async () => {
    const { worker, stream, yields } = benchOfStream();
    const first = stream.next();
    yields(1, 2);
    worker.fail(bridgeError('PROTOCOL', { problem: 'odd' }));
    expect([(await first).value, (await stream.next()).value]).toEqual([1, 2]);
    await expect(stream.next()).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('[I5.2] its time is over: what has come is dropped, the worker is told', async () => {
    const { worker, stream, yields, clock, dispatcher } = benchOfStream(4, 500);
    const first = stream.next();
    yields(1, 2);
    await first;
    await clock.advance(500);
    expect(await stream.next().catch(codeOf)).toBe('TIMEOUT');
    expect([worker.tools, worker.lingering.length]).toEqual([[], 1]);
    expect(dispatcher.stats()).toMatchObject({ failed: 1, lingering: 1 });
  });

  test('[I5.4] leaving the loop ends the tool', async () => {
    const { worker, stream, yields, dispatcher, clock } = benchOfStream();
    const read: number[] = [];
    const reading = (async () => {
      for await (const value of stream) {
        read.push(value);
        if (value === 2) break;
      }
    })();
    yields(1, 2, 3);
    await reading;
    expect(read).toEqual([1, 2]);
    expect([worker.tools, worker.lingering.length]).toEqual([[], 1]);
    worker.letGo();
    expect(dispatcher.stats()).toMatchObject({ cancelled: 1, lingering: 0 });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });

  test('an error in the loop ends the tool, and is told', async () => {
    const { worker, stream, yields } = benchOfStream();
    const first = stream.next();
    yields(1);
    await first;
    await expect(stream.throw(new RangeError('mine'))).rejects.toThrow('mine');
    expect(worker.lingering).toHaveLength(1);
  });

  test('[I5.4] given up while a read waits: that ends, and nothing comes any more', async () => {
    for (const leave of ['return', 'dispose'] as const) {
      const { worker, stream, dispatcher } = benchOfStream();
      const reads = [stream.next(), stream.next()];
      await (leave === 'return' ? stream.return() : stream[Symbol.asyncDispose]());
      const end = { done: true, value: undefined };
      expect(await Promise.all(reads)).toEqual([end, end]);
      worker.lingering[0]?.listener.chunk?.(1);
      expect(await stream.next()).toEqual(end);
      expect(dispatcher.stats()).toMatchObject({ cancelled: 1, inFlight: 0, lingering: 1 });
    }
  });

  test('left before it was read it has never begun', async () => {
    const { stream, dispatcher } = benchOfStream();
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(dispatcher.stats().accepted).toBe(0);
  });

  test('several reads at once are served in order; what remains of them ends with it', async () => {
    const { worker, stream, yields } = benchOfStream();
    const reads = [stream.next(), stream.next(), stream.next()];
    yields(1);
    worker.fail(bridgeError('PROTOCOL', { problem: 'odd' }));
    const ends = await Promise.all(reads.map((read) => read.catch(codeOf)));
    expect(ends).toEqual([{ done: false, value: 1 }, 'PROTOCOL', { done: true, value: undefined }]);
  });

  test('its worker dies: it is tried again only before the first chunk', async () => {
    const bench = createBench();
    const call = { ...anyCall, idempotent: true, stream: { credit: 4 } };
    const open = (taker: ChunkTaker): PendingCall => bench.dispatcher.open(call, taker);
    const stream = createStream<number>({ tool: 'any', highWaterMark: 4, open });
    const first = stream.next();
    const workers = ['w1', 'w2', 'w3'].map((id) => new ScriptedWorker(id));
    for (const [index, worker] of workers.slice(0, 2).entries()) {
      bench.dispatcher.admit(worker);
      expect(worker.tools).toEqual(['any']);
      if (index === 1) worker.calls[0]?.listener.chunk?.(1);
      bench.dispatcher.withdraw(worker);
      worker.die(crashed());
    }
    expect((await first).value).toBe(1);
    expect(await stream.next().catch(codeOf)).toBe('WORKER_CRASHED');
    expect(bench.dispatcher.stats()).toMatchObject({ retried: 1, failed: 1, queued: 0 });
  });

  test('it has one reader', () => {
    const { stream } = benchOfStream();
    stream[Symbol.asyncIterator]();
    expect(() => stream[Symbol.asyncIterator]()).toThrow('has a reader already');
  });

  test('[I5.1] it waits for a worker as any call; a full queue refuses it', async () => {
    const { dispatcher } = createBench({ maxQueueSize: 1 });
    const open = (): ToolStream<number> =>
      createStream<number>({
        tool: 'count',
        highWaterMark: 1,
        open: (taker) => dispatcher.open({ ...anyCall, stream: { credit: 1 } }, taker),
      });
    const waiting = open().next();
    expect(dispatcher.stats().queued).toBe(1);
    expect(await open().next().catch(codeOf)).toBe('QUEUE_FULL');
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    worker.calls[0]?.listener.chunk?.(7);
    expect((await waiting).value).toBe(7);
  });
});
