import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTelemetry,
  createTestClock,
  defineServer,
  defineTask,
  exitReason,
  noreply,
  ok,
  Pid,
  silentLogger,
  type ExitReason,
} from './index.ts';
import { probe, quietSystem, reasonOf, settle } from './probe.fixture.ts';

describe('createSystem', () => {
  test('uses what it is given, and defaults for the rest', async () => {
    const clock = createTestClock();
    const telemetry = createTelemetry();
    const given = createSystem({ name: 'mine', clock, telemetry, logger: silentLogger });
    expect(given).toMatchObject({ name: 'mine', clock, telemetry });
    const plain = createSystem();
    expect(plain.name).toBe('system');
    const now = plain.clock.now();
    expect(plain.clock.now()).toBeGreaterThanOrEqual(now);
    await given.stop();
    await plain.stop();
  });

  test('two systems share nothing: each counts its pids from 1', async () => {
    const systems = [quietSystem(), quietSystem()];
    const pids = systems.map((system) => system.spawn(probe, {}, { name: 'same' }));
    expect(pids.map(({ id }) => id)).toEqual([1, 1]);
    expect(pids[0]).not.toBe(pids[1]);
    for (const system of systems) await system.stop();
  });
});

describe('start', () => {
  test('gives a reference for a GenServer, a pid for the rest', async () => {
    const system = quietSystem();
    const ref = await system.start(probe, {}, { timeout: Infinity });
    expect(Object.keys(ref.call)).toEqual(['run', 'runNow', 'seen']);
    await expect(system.start(defineTask(() => 1))).resolves.toBeInstanceOf(Pid);
    await system.stop();
  });

  test('a system that stops meanwhile fails it', async () => {
    const system = quietSystem();
    const slow = defineServer({ init: () => new Promise<never>(() => undefined) });
    const started = reasonOf(system.start(slow));
    await settle(1);
    await system.stop();
    await expect(started).resolves.toEqual(exitReason.shutdown);
  });
});

describe('processes', () => {
  test('shows every process as it is now, oldest first', async () => {
    const system = quietSystem();
    const a = await system.start(probe, {}, { name: 'a' });
    const child = (await a.call.run((self) => self.spawnLink(probe, {}))) as Pid;
    const b = await system.start(probe, {});
    await b.call.run((self) => self.monitor(a.pid));
    const table = [...system.processes()];
    expect(table.map(({ pid }) => pid)).toEqual([a.pid, child, b.pid]);
    expect(table[0]).toMatchObject({
      name: 'a',
      label: 'probe',
      behaviour: 'genServer',
      status: 'waiting',
      stateValue: 'waiting',
      state: [],
      mailboxLength: 0,
      linkedPids: [child],
      monitorCount: 1,
      reason: undefined,
    });
    expect(table[0]?.parent.id).toBe(0);
    expect(table[0]?.turns).toBeGreaterThan(0);
    expect(table[1]?.parent).toBe(a.pid);
    await a.call.runNow((self) => {
      expect(system.processInfo(self.pid)?.status).toBe('running');
    });
    expect(system.processInfo(new Pid(99))).toBeUndefined();
    await system.stop();
  });

  test('a pid is shown by its number', () => {
    const pid = new Pid(12);
    expect([String(pid), JSON.stringify({ pid })]).toEqual(['<12>', '{"pid":"<12>"}']);
  });
});

describe('awaitExit', () => {
  test('gives the reason, or noproc when it is gone already', async () => {
    const system = quietSystem();
    const { pid } = await system.start(probe, {});
    const waits = [system.awaitExit(pid), system.awaitExit(pid)];
    system.exit(pid, exitReason.shutdown);
    await expect(Promise.all(waits)).resolves.toEqual([exitReason.shutdown, exitReason.shutdown]);
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.noproc);
    await system.stop();
  });
});

describe('stop', () => {
  const recorder = (
    name: string,
    ended: string[],
    work: () => Promise<void> | void = () => undefined,
  ) =>
    defineServer({
      name,
      trapExit: true,
      init: () => ok(0),
      info: (state) => noreply(state),
      terminate: async (_: number, reason: ExitReason) => {
        await work();
        ended.push(`${name} ${reason.kind}`);
      },
    });

  test('asks what was started from outside, newest first, one after the other', async () => {
    const system = quietSystem();
    const ended: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      await system.start(recorder(name, ended, () => settle(2)));
    }
    await Promise.all([system.stop(), system.stop()]);
    expect(ended).toEqual(['three shutdown', 'two shutdown', 'one shutdown']);
    expect([...system.processes()]).toEqual([]);
  });

  test('kills what does not end in time, and what nobody is responsible for', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const ended: string[] = [];
    const stuck = await system.start(recorder('stuck', ended, () => new Promise(() => undefined)));
    const parent = await system.start(probe, {});
    const orphan = (await parent.call.run((self) => self.spawn(recorder('orphan', ended)))) as Pid;
    const reasons = [stuck.pid, orphan].map((pid) => system.awaitExit(pid));
    const stopped = system.stop({ timeout: 100 });
    await clock.advance(100);
    await stopped;
    await expect(Promise.all(reasons)).resolves.toEqual([exitReason.killed, exitReason.killed]);
    expect(ended).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test.each([-1, Number.NaN])(
    'a timeout of %p is refused, and nothing is ended',
    async (timeout) => {
      const system = quietSystem();
      const { pid } = await system.start(probe, {});
      await expect(system.stop({ timeout })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`the timeout of a stop ${String(timeout)}`),
      });
      expect(system.isAlive(pid)).toBe(true);
      await system.stop();
    },
  );

  test('skips what ends while others are asked', async () => {
    const system = quietSystem();
    const ended: string[] = [];
    const first = await system.start(recorder('first', ended));
    await system.start(
      recorder('second', ended, () => {
        system.exit(first.pid, exitReason.kill);
        return settle(2);
      }),
    );
    await system.stop();
    expect(ended).toEqual(['second shutdown']);
  });
});

test('[TMR-007] on a test clock it makes no difference how slow the machine is', async () => {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const seen: number[] = [];
  const slow = defineServer({
    init: () => ok(0),
    info: (state, left: unknown, self) => {
      const until = performance.now() + 5;
      while (performance.now() < until);
      seen.push(Number(left));
      if (Number(left) > 0) self.send(self.pid, Number(left) - 1);
      return noreply(state);
    },
  });
  const { pid } = await system.start(slow);
  system.send(pid, 9);
  await clock.advance(0);
  expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  await system.stop();
});
