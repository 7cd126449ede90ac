import { availableParallelism } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  exitReason,
  Task,
  type ProcessContext,
  type TaskResult,
} from '../index.ts';
import { all, Bench, tasksOf } from './task-stream.fixture.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const forever = (): Promise<never> => new Promise(() => undefined);

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settled) => {
    resolve = settled;
  });
  return { promise, resolve };
}

const value = (n: number): TaskResult<string> => ({ ok: true, value: `value ${String(n)}` });

describe('asyncStream', () => {
  test('[TSK-008] gives the results in the order of the input', async () => {
    const system = quietSystem();
    const stream = Task.asyncStream(
      system,
      [3, 1, 2],
      async (n) => {
        await settle(n);
        return n * 10;
      },
      { maxConcurrency: 3 },
    );
    await expect(all(stream)).resolves.toEqual([
      { ok: true, value: 30 },
      { ok: true, value: 10 },
      { ok: true, value: 20 },
    ]);
    await expect(all(Task.asyncStream(system, [], () => 1))).resolves.toEqual([]);
    expect(tasksOf(system)).toBe(0);
    await system.stop();
  });

  test('[TSK-008] unordered: as they are there', async () => {
    const system = quietSystem();
    const bench = new Bench(3);
    const stream = Task.asyncStream(system, bench.items(), bench.work, {
      maxConcurrency: 3,
      ordered: false,
    });
    const results = all(stream);
    await settle();
    await bench.end(2, 0, 1);
    await expect(results).resolves.toEqual([value(2), value(0), value(1)]);
    await system.stop();
  });

  test('[TSK-008] nothing begins before it is read; then at most maxConcurrency at once', async () => {
    const system = quietSystem();
    const bench = new Bench(5);
    const stream = Task.asyncStream(system, bench.items(), bench.work, { maxConcurrency: 2 });
    await settle();
    expect(bench.taken).toEqual([]);
    const first = stream.next();
    await settle();
    expect(bench.taken).toEqual([0, 1]);
    await bench.end(1);
    // The result of 1 waits for that of 0: nothing more is taken in.
    expect(bench.taken).toEqual([0, 1]);
    await bench.end(0);
    await expect(first).resolves.toEqual({ done: false, value: value(0) });
    expect(bench.taken).toEqual([0, 1]);
    const rest = all(stream);
    await settle();
    await bench.end(2, 3, 4);
    await expect(rest).resolves.toEqual([1, 2, 3, 4].map(value));
    expect([bench.highest, bench.closed]).toEqual([2, 1]);
    await system.stop();
  });

  test('[TSK-008] as many at once as there are cores, unless told otherwise', async () => {
    const system = quietSystem();
    const bench = new Bench(1_000);
    const stream = Task.asyncStream(system, bench.items(), bench.work);
    const first = stream.next();
    await settle();
    expect(bench.running.size).toBe(availableParallelism());
    await bench.end(0);
    await first;
    await stream.return();
    await system.stop();
  });

  test('[TSK-008] an input that is slow does not hold back results, nor does a reader the input', async () => {
    const system = quietSystem();
    let give: (element: IteratorResult<number>) => void = () => undefined;
    const slow: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (give = resolve)) }),
    };
    const bench = new Bench(0);
    const stream = Task.asyncStream(system, slow, bench.work, { maxConcurrency: 2 });
    const first = stream.next();
    give({ value: 7, done: false });
    await settle();
    await bench.end(7);
    await expect(first).resolves.toEqual({ done: false, value: value(7) });
    // Nobody reads now, and yet the next begins as soon as it is there.
    give({ value: 8, done: false });
    await settle();
    expect([...bench.running]).toEqual([8]);
    give({ value: undefined, done: true });
    await bench.end(8);
    await expect(all(stream)).resolves.toEqual([value(8)]);
    await system.stop();
  });

  test('[TSK-008] reads an async input no further ahead', async () => {
    const system = quietSystem();
    const bench = new Bench(5);
    const stream = Task.asyncStream(system, bench.later(), bench.work, { maxConcurrency: 2 });
    const results = all(stream);
    await settle(20);
    expect(bench.taken).toEqual([0, 1]);
    await bench.end(0, 1, 2, 3, 4);
    await expect(results).resolves.toEqual([0, 1, 2, 3, 4].map(value));
    expect([bench.highest, bench.closed]).toEqual([2, 1]);
    await system.stop();
  });

  test('[TSK-008] leaving the loop ends the tasks that run, and closes the input', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, { trapExit: true });
    const bench = new Bench(100);
    const seen = owner.call.run(async (self) => {
      const stubborn = async (n: number, own: ProcessContext): Promise<string> => {
        own.trapExit(true);
        return bench.work(n);
      };
      for await (const result of Task.asyncStream(self, bench.items(), stubborn, {
        maxConcurrency: 3,
      })) {
        expect(tasksOf(system)).toBeGreaterThan(0);
        return result;
      }
      return undefined;
    });
    await settle();
    await bench.end(0);
    await expect(seen).resolves.toEqual(value(0));
    expect(tasksOf(system)).toBe(0);
    expect(bench.closed).toBe(1);
    // The owner traps exits, and yet nothing of it is in its mailbox.
    await expect(owner.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('[TSK-008] leaving it waits until the last of many is gone', async () => {
    const system = quietSystem();
    const work = (n: number): Promise<number> => (n === 0 ? Promise.resolve(n) : forever());
    const bench = new Bench(5_000);
    const stream = Task.asyncStream(system, bench.items(), work, { maxConcurrency: 5_000 });
    await stream.next();
    expect(tasksOf(system)).toBe(4_999);
    await stream.return();
    expect(tasksOf(system)).toBe(0);
    await system.stop();
  });

  test('[TSK-008] what the input gives after that is not worked on', async () => {
    const system = quietSystem();
    const { promise, resolve } = deferred<IteratorResult<number>>();
    const answers = [Promise.resolve({ value: 1, done: false }), promise];
    const input: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => answers.shift() ?? forever() }),
    };
    const seen: number[] = [];
    const stream = Task.asyncStream(system, input, (n) => seen.push(n), { maxConcurrency: 3 });
    await stream.next();
    await stream.return();
    resolve({ value: 2, done: false });
    await settle();
    expect(seen).toEqual([1]);
    await system.stop();
  });

  test('[TSK-008] leaving it while the input is asked for an element does not wait for that', async () => {
    const system = quietSystem();
    const silent = async function* (): AsyncGenerator<number> {
      yield 1;
      await forever();
    };
    for await (const result of Task.asyncStream(system, silent(), (n) => n)) {
      expect(result).toEqual({ ok: true, value: 1 });
      break;
    }
    expect(tasksOf(system)).toBe(0);
    await system.stop();
  });

  test('[TSK-008] onTimeout killTask: the result of that element is timeout', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const bench = new Bench(3);
    const results = all(
      Task.asyncStream(system, bench.items(), bench.work, {
        maxConcurrency: 3,
        timeout: 100,
        onTimeout: 'killTask',
      }),
    );
    await settle();
    await bench.end(1);
    await clock.advance(99);
    expect(tasksOf(system)).toBe(2);
    await clock.advance(1);
    const timeout = { ok: false, reason: exitReason.timeout };
    await expect(results).resolves.toEqual([timeout, value(1), timeout]);
    expect([tasksOf(system), clock.pending]).toEqual([0, 0]);
    await system.stop();
  });

  test('[TSK-008] onTimeout exit, the default: the reader fails with timeout after 5,000 ms', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const owner = await system.start(probe, {});
    const gone = reasonOf(
      owner.call.run(
        (self) => all(Task.asyncStream(self, [1, 2], forever, { maxConcurrency: 2 })),
        { timeout: Infinity },
      ),
    );
    await clock.advance(4_999);
    expect(tasksOf(system)).toBe(2);
    await clock.advance(1);
    await expect(gone).resolves.toMatchObject({ error: { reason: exitReason.timeout } });
    expect([tasksOf(system), clock.pending]).toEqual([0, 0]);
    await system.stop();
  });

  test('[TSK-008] each task has its own time, from its own start', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const results = all(
      Task.asyncStream(
        system,
        [1, 2, 3],
        (n) =>
          new Promise((resolve) =>
            clock.setTimeout(() => {
              resolve(n);
            }, 80),
          ),
        { maxConcurrency: 1, timeout: 100 },
      ),
    );
    await clock.advance(240);
    await expect(results).resolves.toEqual([1, 2, 3].map((n) => ({ ok: true, value: n })));
    await system.stop();
  });
});
