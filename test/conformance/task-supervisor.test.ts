import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  exitReason,
  isSnakepitError,
  Task,
  type Pid,
  type ProcessContext,
  type TaskHandle,
} from '@snakepit/core';
import {
  DynamicSupervisor,
  PartitionSupervisor,
  Supervisor,
  TaskSupervisor,
} from '@snakepit/supervisor';
import { boom, rest, until, withBench } from '../fixtures/supervised.ts';
import {
  crashing,
  forever,
  occupy,
  owner,
  reasonOf,
  startOwner,
  stubborn,
} from '../fixtures/tasks.ts';

describe('startChild', () => {
  test('[TSK-009] work without reply, linked to the supervisor alone, and never restarted', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system, { maxRestarts: 0 });
      expect(await TaskSupervisor.children(tree)).toEqual([]);
      const ends: unknown[] = [];
      const started = await TaskSupervisor.startChild(tree, (_, self) => {
        ends.push(self.parent);
        return forever();
      });
      const pid = started.ok ? started.pid : undefined;
      expect(await TaskSupervisor.children(tree)).toEqual([pid]);
      expect(ends).toEqual([tree.pid]);
      expect(pid && system.processInfo(pid)?.linkedPids).toEqual([tree.pid]);
      if (pid !== undefined) system.exit(pid, boom);
      await until(async () => (await TaskSupervisor.children(tree)).length === 0);
      await TaskSupervisor.startChild(tree, () => 1);
      await until(async () => (await TaskSupervisor.children(tree)).length === 0);
      expect(system.isAlive(tree.pid)).toBe(true);
    }));

  test('[TSK-009] restart may be given', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system, { maxRestarts: 2 });
      const gone = system.awaitExit(tree.pid);
      let runs = 0;
      const failing = (): never => {
        runs += 1;
        throw new Error('no');
      };
      await TaskSupervisor.startChild(tree, failing, { restart: 'transient' });
      expect(await gone).toEqual(exitReason.shutdown);
      expect(runs).toBe(3);
    }));

  test('[TSK-009] it has 5,000 ms to end, unless shutdown says otherwise', async () => {
    const clock = createTestClock();
    await withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      await TaskSupervisor.startChild(tree, stubborn);
      await TaskSupervisor.startChild(tree, stubborn, { shutdown: 100 });
      await TaskSupervisor.startChild(tree, stubborn, { shutdown: 'brutalKill' });
      await rest();
      const stopped = TaskSupervisor.stop(tree);
      const running = (): number => [...system.processes()].length - 1;
      await clock.advance(99);
      expect(running()).toBe(2);
      await clock.advance(1);
      expect(running()).toBe(1);
      await clock.advance(4_899);
      expect(running()).toBe(1);
      await clock.advance(1);
      expect(await stopped).toEqual(exitReason.shutdown);
    }, clock);
  });

  test('[TSK-009] the supervisor is a dynamic one, and a child of its type by itself', () =>
    withBench(async ({ system }) => {
      const root = await Supervisor.start(system, {
        children: [{ id: 'tasks', start: [TaskSupervisor, { name: 'tasks', maxChildren: 1 }] }],
      });
      expect(await Supervisor.getChildSpec(root, 'tasks')).toMatchObject({
        spec: { type: 'supervisor', shutdown: 'infinity', restart: 'permanent' },
      });
      const tree = TaskSupervisor.at(system, 'tasks');
      expect(system.processInfo(tree.pid)).toMatchObject({ label: 'taskSupervisor' });
      await TaskSupervisor.startChild(tree, forever);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 1 });
      const [pid] = await TaskSupervisor.children(tree);
      expect(pid && (await TaskSupervisor.terminateChild(tree, pid))).toEqual({ ok: true });
      expect(pid && (await TaskSupervisor.terminateChild(tree, pid))).toMatchObject({ ok: false });
      await Supervisor.stop(root);
    }));

  test('[TSK-009] children leaves out one that is being restarted', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system, { maxRestarts: 1_000_000 });
      let started = 0;
      await DynamicSupervisor.startChild(tree, {
        id: 'task',
        start: (self) =>
          started++ === 0
            ? { ok: true, pid: self.spawnLink(owner, false) }
            : { ok: false, reason: boom },
      });
      const [pid] = await TaskSupervisor.children(tree);
      if (pid !== undefined) system.exit(pid, boom);
      await until(() => started > 2);
      expect(await TaskSupervisor.children(tree)).toEqual([]);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1 });
    }));

  test('faulty options fail the start; a faulty shutdown is told where the task is started', () =>
    withBench(async ({ system }) => {
      await expect(TaskSupervisor.start(system, { maxChildren: -1 })).rejects.toThrow(
        'maxChildren must be a whole number',
      );
      const tree = await TaskSupervisor.start(system, { name: 'tasks' });
      const shutdown = 'never' as never;
      expect(await TaskSupervisor.startChild(tree, forever, { shutdown })).toMatchObject({
        error: { kind: 'invalidShutdown', value: 'never' },
      });
      await expect(TaskSupervisor.async(system, tree, forever, { shutdown })).rejects.toThrow(
        /INVALID_ARGUMENT.*shutdown must be a whole number of milliseconds/,
      );
      expect(await reasonOf(TaskSupervisor.start(system, { name: 'tasks' }))).toEqual(
        exitReason.alreadyStarted(tree.pid),
      );
    }));
});

describe('async', () => {
  test('[TSK-010] its owner waits for the value; it is linked to owner and supervisor', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system, true);
      let linked: readonly Pid[] | undefined;
      const value = process.call.run(async (self) => {
        const task = await TaskSupervisor.async(self, tree, async (_, own) => {
          linked = system.processInfo(own.pid)?.linkedPids;
          await rest();
          return 42;
        });
        return task.await();
      });
      expect(await value).toBe(42);
      expect(linked).toEqual([tree.pid, process.pid]);
      expect(await TaskSupervisor.children(tree)).toEqual([]);
    }));

  test("[TSK-010] the owner's abnormal death stops the task, a task that fails its owner", () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const [first, second] = [await startOwner(system), await startOwner(system)];
      const begin = (work: typeof crashing | typeof forever) => (self: ProcessContext) =>
        TaskSupervisor.async(self, tree, work);
      const task = (await first.call.run(begin(forever))) as TaskHandle<unknown>;
      const gone = system.awaitExit(task.pid);
      system.exit(first.pid, boom);
      expect(await gone).toEqual(boom);
      const end = system.awaitExit(second.pid);
      void second.call.run(begin(crashing)).catch(() => undefined);
      expect(await end).toEqual(boom);
      expect(system.isAlive(tree.pid)).toBe(true);
    }));

  test('[TSK-010] what crashes at once is known by its own reason', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const task = await TaskSupervisor.async(system, tree, crashing);
      await rest();
      expect(await task.yield()).toEqual({ ok: false, reason: boom });
      expect(await task.shutdown()).toEqual({ ok: false, reason: boom });
    }));

  test('[TSK-010] an owner that ends before the task begins: nothing is begun', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      let begun = 0;
      const work = (): Promise<never> => {
        begun += 1;
        return forever();
      };
      for (const kind of ['async', 'asyncNolink'] as const) {
        const process = await startOwner(system);
        const release = await occupy(tree);
        void process.call
          .run((self) => TaskSupervisor[kind](self, tree, work))
          .catch(() => undefined);
        await rest();
        system.exit(process.pid, boom);
        await system.awaitExit(process.pid);
        release();
        await rest();
      }
      expect(begun).toBe(0);
      expect(await TaskSupervisor.children(tree)).toEqual([]);
    }));

  test('[TSK-010] asyncNolink: neither takes the other along', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const process = await startOwner(system);
      const begin = (work: typeof crashing | typeof forever): Promise<TaskHandle<unknown>> =>
        process.call.run((self) => TaskSupervisor.asyncNolink(self, tree, work)) as Promise<
          TaskHandle<unknown>
        >;
      const failing = await begin(crashing);
      expect(await reasonOf(failing.await())).toEqual(boom);
      const running = await begin(forever);
      expect(system.processInfo(running.pid)?.linkedPids).toEqual([tree.pid]);
      expect(system.isAlive(process.pid)).toBe(true);
      expect(await process.call.seen()).toEqual([]);
      system.exit(process.pid, boom);
      await system.awaitExit(process.pid);
      await rest();
      expect(system.isAlive(running.pid)).toBe(true);
      await TaskSupervisor.stop(tree);
      expect(system.isAlive(running.pid)).toBe(false);
    }));

  test('[TSK-010] asyncNolink gives the value too, and to the world outside', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system);
      const tasks = await Promise.all(
        [1, 2].map((n) => TaskSupervisor.asyncNolink(system, tree, () => n * 10)),
      );
      expect(await Task.awaitMany(tasks)).toEqual([10, 20]);
    }));

  test('[TSK-006] shutdown of a supervised task is no failure of its supervisor', () =>
    withBench(async (bench) => {
      const tree = await TaskSupervisor.start(bench.system, { maxRestarts: 0 });
      const task = await TaskSupervisor.async(bench.system, tree, forever);
      expect(await task.shutdown()).toBeUndefined();
      expect(bench.newReports()).toEqual([]);
      expect(await TaskSupervisor.children(tree)).toEqual([]);
    }));

  test('[TSK-011] at maxChildren startChild is refused, and async fails', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system, { name: 'tasks', maxChildren: 1 });
      await TaskSupervisor.startChild(tree, forever);
      expect(await TaskSupervisor.startChild(tree, forever)).toEqual({
        ok: false,
        error: { kind: 'maxChildren', limit: 1 },
      });
      for (const kind of ['async', 'asyncNolink'] as const) {
        const failure: unknown = await TaskSupervisor[kind](system, tree, forever).catch(
          (error: unknown) => error,
        );
        if (!isSnakepitError(failure)) throw new Error('an error with a code is meant');
        expect(failure.code).toBe('MAX_CHILDREN');
        expect(failure.details).toEqual({ supervisor: tree.pid.toString(), limit: 1 });
        expect(failure.message).toContain('has as many tasks as it may: 1');
      }
    }));

  test('[TSK-011] the message names the supervisor as it was given', () =>
    withBench(async ({ system }) => {
      await PartitionSupervisor.start(system, {
        name: 'tasks',
        partitions: 1,
        child: { start: [TaskSupervisor, { maxChildren: 0 }] },
      });
      await TaskSupervisor.start(system, { name: 'named', maxChildren: 0 });
      const via = { via: ['tasks', 'key'] } as const;
      const pid = system.whereis(via);
      if (pid === undefined) throw new Error('it runs');
      for (const [target, name] of [
        [via, 'tasks["key"]'],
        [pid, pid.toString()],
        ['named', '"named"'],
        [{ pid }, pid.toString()],
      ] as const) {
        await expect(
          TaskSupervisor.async(system, TaskSupervisor.at(system, target), forever),
        ).rejects.toThrow(`task supervisor ${name} has`);
      }
    }));

  test('work that is no function is refused, and takes no room', () =>
    withBench(async ({ system }) => {
      const tree = await TaskSupervisor.start(system, { maxChildren: 1 });
      for (const kind of ['async', 'asyncNolink'] as const) {
        await expect(TaskSupervisor[kind](system, tree, 5 as never)).rejects.toThrow(
          'the work of a task 5 cannot be used',
        );
      }
      expect(await TaskSupervisor.children(tree)).toEqual([]);
    }));

  test('of a supervisor that does not run it fails with noproc, unheard if nobody waits', () =>
    withBench(async ({ system }) => {
      const nobody = TaskSupervisor.at(system, 'nobody');
      expect(await reasonOf(TaskSupervisor.async(system, nobody, forever))).toEqual(
        exitReason.noproc,
      );
      const process = await startOwner(system);
      await process.call.run((self) => {
        void TaskSupervisor.async(self, nobody, forever);
        void TaskSupervisor.asyncNolink(self, nobody, forever);
      });
      await rest();
      expect(system.isAlive(process.pid)).toBe(true);
    }));
});
