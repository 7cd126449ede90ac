import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  exitReason,
  Registry,
  silentLogger,
  type ActorSystem,
  type Pid,
  type ProcessContext,
} from '../index.ts';
import { probe, quietSystem, settle } from '../probe.fixture.ts';
import { startRegistry } from './registry.fixture.ts';

const boom = exitReason.custom('boom');

/** Two pids registered with a registry of two partitions: `even` with the first, `odd` with the second. */
async function startOnTwo(keys: 'unique' | 'duplicate', trapExit = false) {
  const { system, registry, partitions } = await startRegistry({ keys, partitions: 2 });
  const probes = [await system.start(probe, { trapExit }), await system.start(probe, { trapExit })];
  const [even, odd] = probes.sort((one, other) => (one.pid.id % 2) - (other.pid.id % 2));
  if (even === undefined || odd === undefined) throw new Error('there are two');
  await even.call.runNow((self) => Registry.register(self, 'r', 'even', 0));
  await odd.call.runNow((self) => Registry.register(self, 'r', 'odd', 1));
  const pids = () => partitions().map(({ pid }) => pid);
  return { system, registry, even, odd, pids };
}

/** Ends the first partition, as nobody should. */
async function killFirst(system: ActorSystem, pids: () => Pid[]): Promise<void> {
  const [first] = pids();
  if (first === undefined) throw new Error('there is one');
  system.exit(first, exitReason.kill);
  await settle();
}

function alive(system: ActorSystem, ...pids: readonly { readonly pid: Pid }[]): boolean[] {
  return pids.map(({ pid }) => system.isAlive(pid));
}

describe('the processes of a registry', () => {
  test('[RGY-010] a registered process is linked to its partition, by its pid', async () => {
    const { system, even, odd, pids } = await startOnTwo('unique');
    const [first, second] = pids();
    expect(system.processInfo(even.pid)?.linkedPids).toEqual([first]);
    expect(system.processInfo(odd.pid)?.linkedPids).toEqual([second]);
    await system.stop();
  });

  test('[RGY-010] a partition does not end with those registered', async () => {
    const { system, even, pids } = await startOnTwo('unique');
    const before = pids();
    system.exit(even.pid, boom);
    await settle();
    expect(alive(system, even)).toEqual([false]);
    expect(pids()).toEqual(before);
    expect(Registry.lookup(system, 'r', 'odd')).toHaveLength(1);
    await system.stop();
  });

  test('[RGY-010] unique: the end of one takes all registered processes and entries; all are restarted', async () => {
    const { system, registry, even, odd, pids } = await startOnTwo('unique');
    const before = pids();
    const reasons = Promise.all([system.awaitExit(even.pid), system.awaitExit(odd.pid)]);
    await killFirst(system, pids);
    // The first was killed; the second was asked to end for the restart of all.
    await expect(reasons).resolves.toEqual([exitReason.killed, exitReason.shutdown]);
    expect(Registry.count(system, 'r')).toBe(0);
    expect(alive(system, { pid: registry })).toEqual([true]);
    expect(pids()).toHaveLength(2);
    expect(pids().filter((pid) => before.includes(pid))).toEqual([]);
    const again = await system.start(probe, {});
    await expect(
      again.call.runNow((self) => Registry.register(self, 'r', 'even')),
    ).resolves.toMatchObject({ ok: true });
    await system.stop();
  });

  test('[RGY-010] duplicate: the end of one takes what was registered with it; it alone is restarted', async () => {
    const { system, even, odd, pids } = await startOnTwo('duplicate');
    const [, second] = pids();
    await killFirst(system, pids);
    expect(alive(system, even, odd)).toEqual([false, true]);
    expect(Registry.lookup(system, 'r', 'even')).toEqual([]);
    expect(Registry.lookup(system, 'r', 'odd')).toEqual([{ pid: odd.pid, value: 1 }]);
    expect(pids()).toHaveLength(2);
    expect(pids()).toContain(second);
    await system.stop();
  });

  test('[RGY-010] who traps exits lives on without its entries, and is told', async () => {
    const { system, even, pids } = await startOnTwo('unique', true);
    const [first] = pids();
    await killFirst(system, pids);
    await expect(even.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: first, reason: exitReason.killed },
    ]);
    expect(Registry.keys(system, 'r', even.pid)).toEqual([]);
    await expect(
      even.call.runNow((self) => Registry.register(self, 'r', 'even')),
    ).resolves.toMatchObject({ ok: true });
    await system.stop();
  });

  test('while they are restarted, registering is refused and says so; reading finds nobody', async () => {
    const { system, even, pids } = await startOnTwo('unique', true);
    const [first] = pids();
    const results: unknown[] = [];
    const register = (self: ProcessContext): void => {
      try {
        results.push(Registry.register(self, 'r', 'again').ok);
      } catch (error) {
        results.push((error as Error).message, Registry.lookup(system, 'r', 'even'));
      }
    };
    const self = (await even.call.runNow((own) => own)) as ProcessContext;
    if (first !== undefined) {
      void system.awaitExit(first).then(() => {
        register(self);
      });
      system.exit(first, exitReason.kill);
    }
    await settle();
    register(self);
    expect(results).toEqual([
      expect.stringContaining(
        'the registry "r" cannot be used: the process that would keep the registration has ended and is being restarted',
      ),
      [],
      true,
    ]);
    await system.stop();
  });

  test('while they are restarted, nothing is spawned under a key', async () => {
    const { system, pids } = await startOnTwo('unique', true);
    const [first] = pids();
    const refused: unknown[] = [];
    if (first !== undefined) {
      void system.awaitExit(first).then(() => {
        const before = [...system.processes()].length;
        expect(() => system.spawn(probe, {}, { name: { via: ['r', 'x'] } })).toThrow(
          'is being restarted',
        );
        refused.push([...system.processes()].length - before);
      });
      system.exit(first, exitReason.kill);
    }
    await settle();
    expect(refused).toEqual([0]);
    await system.start(probe, {}, { name: { via: ['r', 'x'] } });
    await system.stop();
  });
});

describe('a registry whose processes end too often', () => {
  test('[RGY-010] gives up with shutdown at the fourth restart within 5 s', async () => {
    const clock = createTestClock();
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => errors.push(message) };
    const { system, registry, a, partitions } = await startRegistry({}, { clock, logger });
    const pids = () => partitions().map(({ pid }) => pid);
    const gone = system.awaitExit(registry);
    for (let restart = 1; restart <= 3; restart++) {
      await killFirst(system, pids);
      expect(pids()).toHaveLength(1);
    }
    await a.call.runNow((self) => Registry.register(self, 'r', 'x'));
    await killFirst(system, pids);
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    expect(errors).toEqual([
      'registry "r" gives up: more than 3 restarts of its partitions in 5 s',
    ]);
    expect(pids()).toEqual([]);
    expect(alive(system, a)).toEqual([false]);
    expect(() => Registry.count(system, 'r')).toThrow('there is no registry of that name');
    expect(system.whereis('r')).toBeUndefined();
    await system.stop();
  });

  test('[INT-005] one that ended 6 s ago does not count any more', async () => {
    const clock = createTestClock();
    const { system, registry, partitions } = await startRegistry({}, { clock });
    const pids = () => partitions().map(({ pid }) => pid);
    for (let round = 1; round <= 3; round++) await killFirst(system, pids);
    await clock.advance(6_000);
    for (let round = 1; round <= 3; round++) await killFirst(system, pids);
    expect(alive(system, { pid: registry })).toEqual([true]);
    expect(pids()).toHaveLength(1);
    await system.stop();
  });
});

describe('the end of a registry', () => {
  test('asked to end, it ends its processes in reverse order; those registered end with the same reason', async () => {
    const { system, registry, even, odd, pids } = await startOnTwo('duplicate');
    const ended: unknown[] = [];
    const before = pids();
    system.telemetry.on('snakepit.process.exited', (_, { pid, reason }) => {
      if (pid instanceof Object && before.includes(pid)) ended.push([before.indexOf(pid), reason]);
    });
    const reasons = Promise.all([even, odd].map(({ pid }) => system.awaitExit(pid)));
    system.exit(registry, exitReason.shutdown);
    await expect(system.awaitExit(registry)).resolves.toEqual(exitReason.shutdown);
    await expect(reasons).resolves.toEqual([exitReason.shutdown, exitReason.shutdown]);
    expect(ended).toEqual([
      [1, exitReason.shutdown],
      [0, exitReason.shutdown],
    ]);
    await system.stop();
  });

  test('killed, it takes its processes and those registered along; its name is free', async () => {
    const { system, registry, even, pids } = await startOnTwo('unique');
    system.exit(registry, exitReason.kill);
    await expect(system.awaitExit(even.pid)).resolves.toEqual(exitReason.killed);
    expect(pids()).toEqual([]);
    await Registry.start(system, { name: 'r', keys: 'duplicate' });
    expect(Registry.count(system, 'r')).toBe(0);
    await system.stop();
  });

  test('an EXIT of a stranger and other messages change nothing', async () => {
    const system = quietSystem();
    const registry = await Registry.start(system, { name: 'r', keys: 'unique' });
    const stranger = await system.start(probe, {});
    await stranger.call.runNow((self) => {
      self.link(registry);
    });
    system.send(registry, 'anything');
    system.send(registry, null);
    system.exit(stranger.pid, boom);
    await settle();
    expect(alive(system, { pid: registry }, stranger)).toEqual([true, false]);
    await system.stop();
  });
});
