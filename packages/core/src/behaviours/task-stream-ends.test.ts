import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  exitReason,
  silentLogger,
  Task,
  type ProcessContext,
  type TaskStreamOptions,
} from '../index.ts';
import { probe, quietSystem, settle } from '../probe.fixture.ts';
import { all, Bench, tasksOf } from './task-stream.fixture.ts';

const boom = exitReason.custom('boom');
const forever = (): Promise<never> => new Promise(() => undefined);

describe('asyncStream and its owner', () => {
  test('[TSK-008] one that traps exits gets failures as results, and no EXIT', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, { trapExit: true });
    const results = owner.call.run((self) =>
      all(Task.asyncStream(self, [1, 2], (n, own) => (n === 1 ? own.exit(boom) : n))),
    );
    await expect(results).resolves.toEqual([
      { ok: false, reason: boom },
      { ok: true, value: 2 },
    ]);
    await expect(owner.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('[TSK-008] one that does not trap dies with a task that fails, and the others with it', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const gone = system.awaitExit(owner.pid);
    const bench = new Bench(100);
    const failing = (n: number, own: ProcessContext): Promise<string> =>
      n === 1 ? own.exit(boom) : bench.work(n);
    void owner.call
      .run((self) => all(Task.asyncStream(self, bench.items(), failing, { maxConcurrency: 3 })))
      .catch(() => undefined);
    await expect(gone).resolves.toEqual(boom);
    await settle();
    expect(tasksOf(system)).toBe(0);
    expect(bench.closed).toBe(1);
    await system.stop();
  });

  test.each([boom, exitReason.normal, exitReason.kill])(
    'its end (%j) ends the tasks and the reading, while it handles a result too',
    async (reason) => {
      const clock = createTestClock();
      const system = quietSystem({ clock });
      const owner = await system.start(probe, {});
      const bench = new Bench(100);
      void owner.call
        .run(async (self) => {
          const stream = Task.asyncStream(self, bench.items(), bench.work, { maxConcurrency: 3 });
          await stream.next();
          // From here on, nobody asks for a result.
          if (reason.kind === 'normal') self.exit(reason);
          await forever();
        })
        .catch(() => undefined);
      await settle();
      expect(tasksOf(system)).toBe(3);
      await bench.end(0);
      system.exit(owner.pid, reason);
      await system.awaitExit(owner.pid);
      await settle();
      expect(tasksOf(system)).toBe(0);
      expect(bench.closed).toBe(1);
      expect(clock.pending).toBe(0);
      expect(bench.taken).toEqual([0, 1, 2]);
      await system.stop();
    },
  );

  test('[TSK-001] only it may read', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const other = await system.start(probe, {});
    const stream = (await owner.call.runNow((self) =>
      Task.asyncStream(self, [1], forever),
    )) as AsyncGenerator;
    await other.call.run(() =>
      expect(stream.next()).rejects.toThrow(`only its owner ${owner.pid.toString()} may wait`),
    );
    await system.stop();
  });
});

describe('what can go wrong with an input', () => {
  test.each(['sync', 'async'])(
    'it throws (%s): so does the reading, and the tasks end',
    async (kind) => {
      const system = quietSystem();
      const bench = new Bench(2);
      function* failing(): Generator<number> {
        yield* bench.items();
        throw new RangeError('no more');
      }
      // eslint-disable-next-line @typescript-eslint/require-await -- its input is not
      async function* failingLater(): AsyncGenerator<number> {
        yield* failing();
      }
      const input = kind === 'sync' ? failing() : failingLater();
      const stream = Task.asyncStream(system, input, bench.work, { maxConcurrency: 3 });
      await expect(all(stream)).rejects.toThrow(new RangeError('no more'));
      expect(tasksOf(system)).toBe(0);
      await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
      await system.stop();
    },
  );

  test.each(['sync', 'async', 'asked'])(
    'its end fails (%s): that is reported, no more',
    async (kind) => {
      const errors: string[] = [];
      const error = (message: string): void => void errors.push(message);
      const system = quietSystem({ logger: { ...silentLogger, error } });
      const broken = (): never => {
        throw new Error('cannot close');
      };
      const element = { value: 1, done: false };
      const elements = kind === 'asked' ? [Promise.resolve(element), forever()] : [];
      const input =
        kind === 'sync'
          ? { [Symbol.iterator]: () => ({ next: () => element, return: broken }) }
          : {
              [Symbol.asyncIterator]: () => ({
                next: () => elements.shift() ?? Promise.resolve(element),
                return: () => Promise.reject(new Error('cannot close')),
              }),
            };
      const stream = Task.asyncStream(system, input as Iterable<number>, (n) => n);
      await stream.next();
      await expect(stream.return()).resolves.toMatchObject({ done: true });
      await settle();
      expect(errors).toEqual(['closing the input of a stream of tasks failed']);
      await system.stop();
    },
  );

  test.each<[TaskStreamOptions, string]>([
    [
      { maxConcurrency: 0 },
      'the option maxConcurrency "0" cannot be used: it must be a whole number ≥ 1',
    ],
    [{ maxConcurrency: 1.5 }, 'maxConcurrency "1.5"'],
    [{ maxConcurrency: Infinity }, 'maxConcurrency "Infinity"'],
    [{ timeout: -1 }, 'the timeout of a stream of tasks -1'],
    [{ ordered: 'yes' as never }, 'ordered "yes" cannot be used: it must be true or false'],
    [
      { onTimeout: 'kill' as never },
      "onTimeout \"kill\" cannot be used: it must be 'exit' or 'killTask'",
    ],
  ])('%j is refused at once', (options, message) => {
    const system = quietSystem();
    expect(() => Task.asyncStream(system, [1], forever, options)).toThrow(message);
  });

  test.each([[7], [undefined], [null], [{}], [Promise.resolve([1])]])('%p is no input', (input) => {
    const system = quietSystem();
    expect(() => Task.asyncStream(system, input as never, forever)).toThrow(
      'a stream of tasks reads something iterable',
    );
  });
});
