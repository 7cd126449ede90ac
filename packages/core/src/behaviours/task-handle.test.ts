import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineTask,
  exitReason,
  isSnakepitError,
  type Pid,
  Task,
  type ProcessContext,
  type TaskHandle,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const forever = (): Promise<never> => new Promise(() => undefined);

/** A task that hears exit signals and does not care. */
const stubborn = (_: undefined, self: ProcessContext): Promise<never> => {
  self.trapExit(true);
  return forever();
};

/** A system on a test clock with a process that owns tasks. */
async function startOwner(options: { readonly trapExit?: boolean } = {}) {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const owner = await system.start(probe, options);
  const begin = (work: Parameters<typeof Task.async>[1]): Promise<TaskHandle<unknown>> =>
    owner.call.runNow((self) => Task.async(self, work)) as Promise<TaskHandle<unknown>>;
  return { clock, system, owner, begin };
}

describe('yield', () => {
  test('[TSK-005] gives the value, also again', async () => {
    const { system, begin } = await startOwner();
    const task = await begin(() => 42);
    await expect(task.yield()).resolves.toEqual({ ok: true, value: 42 });
    await expect(task.yield({ timeout: 0 })).resolves.toEqual({ ok: true, value: 42 });
    await system.stop();
  });

  test('[TSK-005] gives the reason of a task that failed', async () => {
    const { system, begin } = await startOwner({ trapExit: true });
    const task = await begin((_, self) => self.exit(boom));
    await expect(task.yield()).resolves.toEqual({ ok: false, reason: boom });
    await system.stop();
  });

  test('[TSK-005] gives nothing in time: the task runs, and is asked again', async () => {
    const { clock, system, begin } = await startOwner();
    let finish: (value: string) => void = () => undefined;
    const task = await begin(() => new Promise<string>((resolve) => (finish = resolve)));
    const early = task.yield({ timeout: 100 });
    const late = task.yield();
    await clock.advance(100);
    await expect(early).resolves.toBeUndefined();
    expect(system.isAlive(task.pid)).toBe(true);
    await clock.advance(4_899);
    finish('done');
    await expect(late).resolves.toEqual({ ok: true, value: 'done' });
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-001] is for the owner alone', async () => {
    const { system, begin } = await startOwner();
    const other = await system.start(probe, {});
    const task = await begin(forever);
    for (const ask of [() => task.yield(), () => task.shutdown(), () => task.await()]) {
      await other.call.run(() => expect(ask()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' }));
    }
    expect(system.isAlive(task.pid)).toBe(true);
    await system.stop();
  });

  test('an owner that ends while it waits leaves no timer, and the wait fails with its reason', async () => {
    const { clock, system, owner } = await startOwner();
    let waiting: Promise<unknown> = Promise.resolve();
    await owner.call.runNow((self) => {
      waiting = Task.async(self, stubborn).yield();
    });
    expect(clock.pending).toBe(1);
    system.exit(owner.pid, boom);
    await expect(reasonOf(waiting)).resolves.toEqual(boom);
    expect(clock.pending).toBe(0);
    await system.stop({ timeout: 0 });
  });

  test('what waited in vain leaves nothing on the task', async () => {
    const { clock, system, begin } = await startOwner();
    const task = await begin(forever);
    for (let round = 0; round < 3; round++) {
      const waiting = task.yield({ timeout: 10 });
      await clock.advance(10);
      await waiting;
    }
    expect(clock.pending).toBe(0);
    await system.stop();
  });
});

describe('shutdown', () => {
  test('[TSK-006] gives the value that was there already', async () => {
    const { system, begin } = await startOwner();
    const task = await begin(() => 42);
    await settle();
    await expect(task.shutdown()).resolves.toEqual({ ok: true, value: 42 });
    await expect(task.shutdown('brutalKill')).resolves.toEqual({ ok: true, value: 42 });
    await system.stop();
  });

  test('[TSK-006] gives nothing when the task ends with shutdown; its owner lives', async () => {
    const { clock, system, owner, begin } = await startOwner();
    const signals: boolean[] = [];
    const task = await begin((_, self) => {
      self.signal.addEventListener('abort', () => signals.push(self.alive));
      return forever();
    });
    const gone = system.awaitExit(task.pid);
    await expect(task.shutdown()).resolves.toBeUndefined();
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    expect(signals).toEqual([false]);
    expect(system.isAlive(owner.pid)).toBe(true);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-006] gives the reason of one that had crashed', async () => {
    const { system, begin } = await startOwner({ trapExit: true });
    const task = await begin((_, self) => self.exit(boom));
    await settle();
    await expect(task.shutdown()).resolves.toEqual({ ok: false, reason: boom });
    await system.stop();
  });

  test('[TSK-006] kills one that ignores shutdown after the time: killed', async () => {
    const { clock, system, owner, begin } = await startOwner();
    const task = await begin(stubborn);
    await settle();
    const ended = task.shutdown(300);
    await clock.advance(299);
    expect(system.isAlive(task.pid)).toBe(true);
    await clock.advance(1);
    await expect(ended).resolves.toEqual({ ok: false, reason: exitReason.killed });
    expect(system.isAlive(owner.pid)).toBe(true);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('[TSK-006] Infinity waits for one that takes its time, 5,000 ms is the default', async () => {
    const { clock, system, begin } = await startOwner();
    const patient = await begin(stubborn);
    const other = await begin(stubborn);
    await settle();
    void patient.shutdown(Infinity);
    const ended = other.shutdown();
    await clock.advance(4_999);
    expect(system.isAlive(other.pid)).toBe(true);
    await clock.advance(100_000);
    await expect(ended).resolves.toEqual({ ok: false, reason: exitReason.killed });
    expect(system.isAlive(patient.pid)).toBe(true);
    await system.stop({ timeout: 0 });
  });

  test('[TSK-006] brutalKill does not ask: nothing is given when it was killed', async () => {
    const { system, owner, begin } = await startOwner();
    const task = await begin(stubborn);
    await settle();
    const gone = system.awaitExit(task.pid);
    await expect(task.shutdown('brutalKill')).resolves.toBeUndefined();
    await expect(gone).resolves.toEqual(exitReason.killed);
    expect(system.isAlive(owner.pid)).toBe(true);
    await system.stop();
  });

  test('an owner that ends meanwhile does not save the task from being killed', async () => {
    const { clock, system, owner, begin } = await startOwner();
    const task = await begin(stubborn);
    await settle();
    const answer = reasonOf(task.shutdown(300));
    await clock.advance(100);
    system.exit(owner.pid, boom);
    await expect(answer).resolves.toEqual(boom);
    await clock.advance(199);
    expect(system.isAlive(task.pid)).toBe(true);
    await clock.advance(1);
    expect(system.isAlive(task.pid)).toBe(false);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test.each([-1, Number.NaN])(
    'a limit of %d is refused, and the task is left alone',
    async (limit) => {
      const { system, begin } = await startOwner();
      const task = await begin(forever);
      const failure: unknown = await task.shutdown(limit).catch((error: unknown) => error);
      expect(isSnakepitError(failure) && failure.code).toBe('INVALID_ARGUMENT');
      expect(system.isAlive(task.pid)).toBe(true);
      await system.stop();
    },
  );
});

describe('the world outside as owner', () => {
  test('waits for a task; a failure is told by the handle alone', async () => {
    const system = quietSystem();
    const good = Task.async(system, (_, self) => `${String(self.parent.id)} is the outside`);
    await expect(good.await()).resolves.toBe('0 is the outside');
    const bad = Task.async(system, () => {
      throw new TypeError('no');
    });
    await expect(bad.yield()).resolves.toMatchObject({
      ok: false,
      reason: { kind: 'error', error: { message: 'no' } },
    });
    await system.stop();
  });

  test('[TSK-001] no process may wait for what it owns', async () => {
    const system = quietSystem();
    const task = Task.async(system, forever);
    const process = await system.start(probe, {});
    await process.call.run(() =>
      expect(task.await()).rejects.toThrow(
        `only its owner (code outside of processes) may wait for it, not ${process.pid.toString()}`,
      ),
    );
    await expect(task.shutdown()).resolves.toBeUndefined();
    await system.stop();
  });
});

describe('start and startLink', () => {
  test('start: nobody waits, and the starter may go', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const pid = (await owner.call.runNow((self) => Task.start(self, forever))) as Pid;
    expect(system.processInfo(pid)).toMatchObject({ behaviour: 'task', linkedPids: [] });
    system.exit(owner.pid, boom);
    await system.awaitExit(owner.pid);
    await settle();
    expect(system.isAlive(pid)).toBe(true);
    const outside = Task.start(system, () => 1);
    await expect(system.awaitExit(outside)).resolves.toEqual(exitReason.normal);
    await system.stop();
  });

  test('startLink: it goes with its starter, and takes it along', async () => {
    const system = quietSystem();
    const owner = await system.start(probe, {});
    const pid = (await owner.call.runNow((self) => Task.startLink(self, forever))) as Pid;
    expect(system.processInfo(pid)?.linkedPids).toEqual([owner.pid]);
    system.exit(pid, boom);
    await expect(system.awaitExit(owner.pid)).resolves.toEqual(boom);
    await system.stop();
  });

  test('[TSK-009] the behaviour of a task is temporary as a child', () => {
    expect(defineTask(() => 1).childDefaults).toEqual({ restart: 'temporary' });
  });
});
