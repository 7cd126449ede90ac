import { describe, expect, test } from '@jest/globals';
import { createTestClock, type ProcessContext } from '@snakepit/core';
import { TaskSupervisor } from '@snakepit/supervisor';
import { boom, rest, until, withBench } from '../fixtures/supervised.ts';
import { all, forever, occupy, startOwner } from '../fixtures/tasks.ts';

describe('asyncStream', () => {
  test('[TSK-008] [TSK-010] under the supervisor, results in order; left in the middle nothing stays', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system, true);
      let highest = 0;
      const work = async (n: number): Promise<number> => {
        highest = Math.max(highest, (await TaskSupervisor.children(tree)).length);
        return n * 10;
      };
      const options = { maxConcurrency: 2 };
      const results = process.call.run((self) =>
        all(TaskSupervisor.asyncStream(self, tree, [1, 2, 3, 4], work, options)),
      );
      expect(await results).toEqual([10, 20, 30, 40].map((value) => ({ ok: true, value })));
      expect(highest).toBe(2);
      await process.call.run(async (self) => {
        const slow = (n: number): Promise<number> => (n === 1 ? Promise.resolve(n) : forever());
        for await (const result of TaskSupervisor.asyncStream(
          self,
          tree,
          [1, 2, 3],
          slow,
          options,
        )) {
          expect(result).toEqual({ ok: true, value: 1 });
          break;
        }
        expect(await TaskSupervisor.children(tree)).toEqual([]);
      });
      expect(await process.call.seen()).toEqual([]);
    }));

  test('[TSK-010] linked: an owner that does not trap dies of a failure, and the others with it', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system);
      const gone = system.awaitExit(process.pid);
      const work = (n: number, self: ProcessContext): Promise<never> =>
        n === 2 ? self.exit(boom) : forever();
      void process.call
        .run((self) =>
          all(TaskSupervisor.asyncStream(self, tree, [1, 2, 3], work, { maxConcurrency: 3 })),
        )
        .catch(() => undefined);
      expect(await gone).toEqual(boom);
      await until(async () => (await TaskSupervisor.children(tree)).length === 0);
    }));

  test('[TSK-010] not linked: failures are results, and the tasks outlive their owner', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system);
      const failing = (n: number, self: ProcessContext): number => (n === 1 ? self.exit(boom) : n);
      const results = process.call.run((self) =>
        all(TaskSupervisor.asyncStreamNolink(self, tree, [1, 2], failing)),
      );
      expect(await results).toEqual([
        { ok: false, reason: boom },
        { ok: true, value: 2 },
      ]);
      let taken = 0;
      const input = function* (): Generator<number> {
        for (;;) yield taken++;
      };
      void process.call
        .run((self) =>
          all(
            TaskSupervisor.asyncStreamNolink(self, tree, input(), forever, { maxConcurrency: 2 }),
          ),
        )
        .catch(() => undefined);
      await until(async () => (await TaskSupervisor.children(tree)).length === 2);
      system.exit(process.pid, boom);
      await system.awaitExit(process.pid);
      await rest();
      expect((await TaskSupervisor.children(tree)).length).toBe(2);
      expect(taken).toBe(2);
      await TaskSupervisor.stop(tree);
    }));

  test('[TSK-008] the time of a task that is not linked ends with its owner', async () => {
    const clock = createTestClock();
    await withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system);
      void process.call
        .run((self) => all(TaskSupervisor.asyncStreamNolink(self, tree, [1], forever)), {
          timeout: Infinity,
        })
        .catch(() => undefined);
      await until(() => clock.pending === 1);
      system.exit(process.pid, boom);
      await system.awaitExit(process.pid);
      expect(clock.pending).toBe(0);
      await clock.advance(10_000);
      expect((await TaskSupervisor.children(tree)).length).toBe(1);
    }, clock);
  });

  test.each(['asyncStream', 'asyncStreamNolink'] as const)(
    '[TSK-011] without room for a task the reading fails, and nothing stays (%s)',
    (kind) =>
      withBench(async ({ system }) => {
        const tree = await TaskSupervisor.start(system, { maxChildren: 1 });
        let closed = 0;
        const input = function* (): Generator<number> {
          try {
            for (let n = 0; ; n++) yield n;
          } finally {
            closed += 1;
          }
        };
        await expect(
          all(TaskSupervisor[kind](system, tree, input(), forever, { maxConcurrency: 2 })),
        ).rejects.toMatchObject({ code: 'MAX_CHILDREN' });
        expect(await TaskSupervisor.children(tree)).toEqual([]);
        expect(closed).toBe(1);
      }),
  );

  test('[TSK-008] an owner that ends while a task is being spawned leaves none', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system);
      let begun = 0;
      const work = (): Promise<never> => {
        begun += 1;
        return forever();
      };
      const release = await occupy(tree);
      void process.call
        .run((self) => all(TaskSupervisor.asyncStream(self, tree, [1, 2, 3], work)))
        .catch(() => undefined);
      await rest();
      system.exit(process.pid, boom);
      await system.awaitExit(process.pid);
      release();
      await rest();
      expect(await TaskSupervisor.children(tree)).toEqual([]);
      expect(begun).toBe(0);
    }));

  test('[TSK-008] one that fails while another is being spawned waits for that, and kills it', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const release = await occupy(tree);
      const input = function* (): Generator<number> {
        yield 1;
        throw new RangeError('no more');
      };
      const reading = all(
        TaskSupervisor.asyncStream(system, tree, input(), forever, { maxConcurrency: 2 }),
      );
      await rest();
      release();
      await expect(reading).rejects.toThrow(new RangeError('no more'));
      expect(await TaskSupervisor.children(tree)).toEqual([]);
    }));
});
