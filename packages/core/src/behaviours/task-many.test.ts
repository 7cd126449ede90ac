import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason, Task, type TaskHandle } from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const forever = (): Promise<never> => new Promise(() => undefined);

describe('awaitMany', () => {
  test('[TSK-007] gives the values in the order of the tasks, whichever ends first', async () => {
    const system = quietSystem();
    const slow = Task.async(system, async () => {
      await settle(3);
      return 'slow';
    });
    const fast = Task.async(system, () => 1);
    await expect(Task.awaitMany([slow, fast, slow])).resolves.toEqual(['slow', 1, 'slow']);
    await expect(Task.awaitMany([])).resolves.toEqual([]);
    await system.stop();
  });

  test('[TSK-007] the first failure ends it at once; the others go on', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const running = Task.async(system, forever);
    const failing = Task.async(system, (_, self) => self.exit(boom));
    const failed = reasonOf(Task.awaitMany([running, failing]));
    await expect(failed).resolves.toEqual(boom);
    expect(system.isAlive(running.pid)).toBe(true);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-007] one timeout for all: it does not begin anew with each task', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const tasks = [60, 120].map((ms) =>
      Task.async(
        system,
        () =>
          new Promise((resolve) =>
            clock.setTimeout(() => {
              resolve(ms);
            }, ms),
          ),
      ),
    );
    const failed = reasonOf(Task.awaitMany(tasks, { timeout: 100 }));
    const enough = Task.awaitMany(tasks);
    await clock.advance(100);
    await expect(failed).resolves.toEqual(exitReason.timeout);
    await clock.advance(20);
    await expect(enough).resolves.toEqual([60, 120]);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-007] an owner that does not catch the failure ends with it, and so do its tasks', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    let other: TaskHandle<unknown> | undefined;
    const failed = owner.call.run((self) => {
      other = Task.async(self, forever);
      return Task.awaitMany([other, Task.async(self, (_, own) => own.exit(boom))]);
    });
    await expect(reasonOf(failed)).resolves.toEqual(boom);
    await settle();
    expect(other === undefined || system.isAlive(other.pid)).toBe(false);
    await system.stop();
  });

  test('[TSK-001] tasks of different owners, and what is no task, are refused', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const theirs = (await owner.call.runNow((self) =>
      Task.async(self, () => 1),
    )) as TaskHandle<number>;
    const ours = Task.async(system, () => 2);
    await expect(Task.awaitMany([ours, theirs])).rejects.toThrow('they have different owners');
    await expect(Task.yieldMany([ours, 7 as never])).rejects.toThrow('7 is no task');
    await owner.call.run(() =>
      expect(Task.awaitMany([ours])).rejects.toThrow('only its owner (code outside of processes)'),
    );
    await system.stop();
  });
});

describe('yieldMany', () => {
  test('[TSK-005] gives what is there when the time is up, in the order of the tasks', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const tasks = [
      Task.async(system, forever),
      Task.async(system, () => 'value'),
      Task.async(system, (_, self) => self.exit(boom)),
    ];
    const results = Task.yieldMany(tasks, { timeout: 100 });
    await clock.advance(99);
    let isThere = false;
    void results.then(() => (isThere = true));
    await settle();
    expect(isThere).toBe(false);
    await clock.advance(1);
    await expect(results).resolves.toEqual([
      undefined,
      { ok: true, value: 'value' },
      { ok: false, reason: boom },
    ]);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-005] does not wait for the time when all have ended', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const tasks = [Task.async(system, () => 1), Task.async(system, () => 2)];
    await expect(Task.yieldMany(tasks)).resolves.toEqual([
      { ok: true, value: 1 },
      { ok: true, value: 2 },
    ]);
    expect(clock.pending).toBe(0);
    await system.stop();
  });
});
