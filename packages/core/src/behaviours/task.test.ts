import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  defineTask,
  exitReason,
  ok,
  reply,
  Task,
  type Pid,
  type TaskHandle,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const forever = (): Promise<never> => new Promise(() => undefined);

describe('Task.async', () => {
  test('[TSK-001] starts a linked process; only its owner may wait for it', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const other = await system.start(probe, {});
    const task = (await owner.call.runNow((self) =>
      Task.async(self, forever),
    )) as TaskHandle<never>;
    expect(system.processInfo(task.pid)).toMatchObject({
      behaviour: 'task',
      parent: owner.pid,
      linkedPids: [owner.pid],
    });
    await other.call.run(() =>
      expect(task.await()).rejects.toThrow(
        `only its owner ${owner.pid.toString()} may wait for it`,
      ),
    );
    await system.stop();
  });

  test('[TSK-002] its owner gets the value, and no message is left', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, { trapExit: false });
    const value = owner.call.run(async (self) => {
      const task = Task.async(self, async () => {
        await settle(1);
        return 42;
      });
      return [await task.await(), await task.await({ timeout: Infinity }), self.alive];
    });
    await expect(value).resolves.toEqual([42, 42, true]);
    await expect(owner.call.seen()).resolves.toEqual([]);
    await system.stop();
  });

  test('[TSK-003] a wait that takes too long fails with timeout; the task goes on', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const owner = await system.start(probe, {});
    const task = (await owner.call.runNow((self) =>
      Task.async(self, forever),
    )) as TaskHandle<never>;
    const failed = reasonOf(task.await());
    await clock.advance(5_000);
    await expect(failed).resolves.toEqual(exitReason.timeout);
    expect(system.isAlive(task.pid)).toBe(true);
    await expect(task.await({ timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await system.stop();
  });

  test('[TSK-003] an owner that does not catch the timeout takes the task along', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const owner = await system.start(probe, {});
    let pid: Pid | undefined;
    const failed = owner.call.run((self) => {
      const task = Task.async(self, forever);
      pid = task.pid;
      return task.await({ timeout: 1 });
    });
    const reason = reasonOf(failed);
    await clock.advance(1);
    await expect(reason).resolves.toMatchObject({
      error: { reason: exitReason.timeout },
    });
    await settle();
    expect(pid === undefined || system.isAlive(pid)).toBe(false);
    await system.stop();
  });

  test('[TSK-004] a task that fails fails the wait; a trapping owner gets the EXIT too', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, { trapExit: true });
    const task = (await owner.call.runNow((self) =>
      Task.async(self, (_: undefined, own) => own.exit(boom)),
    )) as TaskHandle<never>;
    await expect(reasonOf(task.await())).resolves.toEqual(boom);
    await expect(owner.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: task.pid, reason: boom },
    ]);
    await system.stop();
  });

  test('[TSK-004] a task that fails ends an owner that does not trap', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const gone = system.awaitExit(owner.pid);
    await owner.call.runNow((self) => void Task.async(self, (_: undefined, own) => own.exit(boom)));
    await expect(gone).resolves.toEqual(boom);
    await system.stop();
  });

  test('of a dead owner there is none to wait for', async () => {
    const system = quietSystem();
    let late: Promise<unknown> = Promise.resolve();
    const server = defineServer({
      init: (_: undefined, self) => {
        self.signal.addEventListener('abort', () => {
          late = reasonOf(Task.async(self, () => 1).await());
        });
        return ok(0);
      },
    });
    const { pid } = await system.start(server);
    system.exit(pid, boom);
    await system.awaitExit(pid);
    await expect(late).resolves.toEqual(exitReason.noproc);
    await system.stop();
  });
});

describe('defineTask', () => {
  test('is a behaviour: input, name, messages that wait, and an end when its work is done', async () => {
    const system = quietSystem();
    let finish: (value: number) => void = () => undefined;
    const work = defineTask(
      (start: number) =>
        new Promise<number>((resolve) => {
          finish = (value) => {
            resolve(start + value);
          };
        }),
      { name: 'sum' },
    );
    const pid = await system.start(work, 1);
    system.send(pid, 'ignored');
    await settle();
    expect(system.processInfo(pid)).toMatchObject({
      label: 'sum',
      status: 'busy',
      stateValue: 'running',
      state: undefined,
      mailboxLength: 1,
    });
    const gone = system.awaitExit(pid);
    finish(2);
    await expect(gone).resolves.toEqual(exitReason.normal);
    await system.stop();
  });

  test('may be awaited in a callback of a server', async () => {
    const system = quietSystem();
    const server = defineServer({
      init: () => ok(0),
      call: {
        total: async (state, numbers: readonly number[], self) => {
          const tasks = numbers.map((n) => Task.async(self, () => n * 2));
          const values = await Promise.all(tasks.map((task) => task.await()));
          return reply(values, state);
        },
      },
    });
    const ref = await system.start(server);
    await expect(ref.call.total([1, 2, 3])).resolves.toEqual([2, 4, 6]);
    await system.stop();
  });
});

test('work that is no function is refused where it is given', async () => {
  const system = quietSystem();
  const refusal = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('the work of a task 5 cannot be used'),
  });
  for (const begin of [
    () => Task.async(system, 5 as never),
    () => Task.start(system, 5 as never),
    () => Task.asyncStream(system, [1], 5 as never),
  ]) {
    expect(begin).toThrow(refusal);
  }
  expect([...system.processes()]).toEqual([]);
  await system.stop();
});
