import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  formatProcessName,
  isSnakepitError,
  noreply,
  ok,
  Registry,
  reply,
  stop,
  type ActorSystem,
  type ProcessContext,
  type StartResult,
  type Target,
  type ViaName,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const lobby: ViaName = { via: ['rooms', 'lobby'] };

async function startRooms(keys: 'unique' | 'duplicate' = 'unique', clock = createTestClock()) {
  const system = quietSystem({ clock });
  const registry = await Registry.start(system, { name: 'rooms', keys });
  return { system, registry, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isSnakepitError(error)) return error.code;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('a key of a unique registry as a name', () => {
  test('[RGY-006] [NAM-006] is taken by a start, and found by whereis, call, cast, send, monitor and timers', async () => {
    const { system, clock } = await startRooms();
    const room = await system.start(probe, {}, { name: lobby });
    const other = await system.start(probe, {});
    expect(system.whereis(lobby)).toBe(room.pid);
    expect(Registry.lookup(system, 'rooms', 'lobby')).toEqual([
      { pid: room.pid, value: undefined },
    ]);
    system.send(lobby, 'sent');
    await other.call.runNow((self) => {
      self.send(lobby, 'sent by another');
      self.sendAfter(10, 'later', lobby);
    });
    await clock.advance(10);
    await expect(system.call(lobby, { type: 'seen' })).resolves.toEqual([
      'sent',
      'sent by another',
      'later',
    ]);
    const refs: unknown[] = [];
    await other.call.runNow((self) => refs.push(self.monitor(lobby)));
    expect(refs).toMatchObject([{ pid: room.pid }]);
    await system.stop();
  });

  test('[RGY-006] casts reach it', async () => {
    const { system } = await startRooms();
    const counter = defineServer({
      init: () => ok(0),
      call: { get: (n) => reply(n, n) },
      cast: { add: (n, by: number) => noreply(n + by) },
    });
    const ref = await system.start(counter, undefined, { name: lobby });
    system.cast(lobby, { type: 'add', arg: 2 });
    await expect(ref.call.get()).resolves.toBe(2);
    await system.stop();
  });

  test('[RGY-006] a taken key fails the start with the holder’s pid; init is not called', async () => {
    const { system } = await startRooms();
    const room = await system.start(probe, {}, { name: lobby });
    const inits: string[] = [];
    const server = defineServer({ init: () => (inits.push('init'), ok(0)) });
    const taken = exitReason.alreadyStarted(room.pid);
    await expect(reasonOf(system.start(server, undefined, { name: lobby }))).resolves.toEqual(
      taken,
    );
    const results: StartResult[] = [];
    const starter = await system.start(probe, { trapExit: true });
    await starter.call.runNow((self) => {
      self.startLink(server, undefined, { name: lobby }, (result) => results.push(result));
    });
    await settle();
    expect(results).toEqual([{ ok: false, reason: taken }]);
    expect(inits).toEqual([]);
    expect(system.whereis(lobby)).toBe(room.pid);
    await system.stop();
  });

  test('[RGY-006] an unknown key is noproc on a call, and dropped on a cast', async () => {
    const { system } = await startRooms();
    const other = await system.start(probe, {});
    await expect(reasonOf(system.call(lobby, { type: 'seen' }))).resolves.toEqual(
      exitReason.noproc,
    );
    system.cast(lobby, { type: 'seen' });
    expect(system.whereis(lobby)).toBeUndefined();
    expect(() => {
      system.send(lobby, 1);
    }).toThrow('the name "rooms["lobby"]" cannot be used: it is not registered');
    await other.call.runNow((self) => self.monitor(lobby));
    await expect(other.call.seen()).resolves.toMatchObject([
      { type: 'DOWN', pid: undefined, reason: exitReason.noproc },
    ]);
    await system.stop();
  });

  test('[RGY-006] in a registry of duplicate keys there is no such name, which it says; a cast is dropped', async () => {
    const { system, clock } = await startRooms('duplicate');
    const message = `the registry "rooms" cannot be used: its keys are 'duplicate', and a name means one holder`;
    await expect(system.start(probe, {}, { name: lobby })).rejects.toThrow(message);
    await expect(system.call(lobby, { type: 'seen' })).rejects.toThrow(message);
    const self = await contextIn(system);
    for (const use of [
      () => system.whereis(lobby),
      () => system.spawn(probe, {}, { name: lobby }),
      () => {
        system.send(lobby, 1);
      },
      () => self.monitor(lobby),
      () => self.startLink(probe, {}, { name: lobby }, () => undefined),
    ]) {
      expect(use).toThrow(message);
    }
    // A cast is always fine (GEN-021), and of a timer nobody could be told.
    system.cast(lobby, { type: 'seen' });
    self.sendAfter(10, 'later', lobby);
    await clock.advance(10);
    await system.stop();
  });

  test('a registry that does not run is an argument error; a cast is dropped', async () => {
    const { system, clock } = await startRooms();
    const nowhere: ViaName = { via: ['halls', 1] };
    const message = 'the registry "halls" cannot be used: there is no registry of that name';
    await expect(system.start(probe, {}, { name: nowhere })).rejects.toThrow(message);
    await expect(system.call(nowhere, { type: 'seen' })).rejects.toThrow(message);
    expect(() => system.whereis(nowhere)).toThrow(message);
    system.cast(nowhere, { type: 'seen' });
    const self = await contextIn(system);
    const timer = self.sendAfter(10, 'later', nowhere);
    await clock.advance(10);
    expect(self.cancelTimer(timer)).toBe(false);
    expect([...system.processes()].filter(({ label }) => label === 'probe')).toHaveLength(1);
    await system.stop();
  });

  test('[RGY-004] is free when its process is gone, also when the start failed', async () => {
    const { system } = await startRooms();
    const room = await system.start(probe, {}, { name: lobby });
    system.exit(room.pid, exitReason.kill);
    await system.awaitExit(room.pid);
    expect(system.whereis(lobby)).toBeUndefined();
    const failing = defineServer({ init: () => stop(exitReason.custom('no')) });
    await expect(reasonOf(system.start(failing, undefined, { name: lobby }))).resolves.toEqual(
      exitReason.custom('no'),
    );
    expect(Registry.count(system, 'rooms')).toBe(0);
    await system.start(probe, {}, { name: lobby });
    expect(Registry.count(system, 'rooms')).toBe(1);
    await system.stop();
  });

  test('[RGY-010] links its process to the registry', async () => {
    const { system, registry } = await startRooms();
    const room = await system.start(probe, {}, { name: lobby });
    system.exit(registry, exitReason.shutdown);
    await expect(system.awaitExit(room.pid)).resolves.toEqual(exitReason.shutdown);
    await system.stop();
  });

  test('is shown in the process table, and leaves room for a plain name', async () => {
    const { system } = await startRooms();
    const room = await system.start(probe, {}, { name: { via: ['rooms', ['hall', 1]] } });
    expect(system.processInfo(room.pid)?.name).toBe('rooms[["hall",1]]');
    expect(formatProcessName(lobby)).toBe('rooms["lobby"]');
    expect(formatProcessName('plain')).toBe('plain');
    await room.call.runNow((self) => {
      self.register('hall');
      expect(() => {
        self.register('second');
      }).toThrow('is already called "hall"');
    });
    expect(system.whereis('hall')).toBe(room.pid);
    expect(system.whereis({ via: ['rooms', ['hall', 1]] })).toBe(room.pid);
    await system.stop();
  });

  test('what it shows is no name: a process may be called so', async () => {
    const { system } = await startRooms();
    const named = await system.start(probe, {}, { name: 'rooms["lobby"]' });
    const room = await system.start(probe, {}, { name: lobby });
    system.exit(room.pid, exitReason.kill);
    await system.awaitExit(room.pid);
    expect(system.whereis('rooms["lobby"]')).toBe(named.pid);
    await system.stop();
  });
});

describe('odd names', () => {
  const odd: readonly [string, unknown, string][] = [
    ['an empty string', '', 'the name ""'],
    ['a number', 7, 'the name 7'],
    ['null', null, 'the name null'],
    ['an object', { name: 'x' }, 'the name {"name":"x"}'],
    ['via with a key alone', { via: 'lobby' }, 'via takes the name of a registry and a key in it'],
    ['via with no key', { via: ['rooms'] }, 'via takes the name of a registry and a key in it'],
    ['via with a function', { via: ['rooms', defineServer] }, 'the key function'],
  ];
  test.each(odd)('[NAM-001] %s names no process', async (_, name, message) => {
    const { system } = await startRooms();
    const before = [...system.processes()].length;
    const options = { name: name as string };
    expect(() => system.spawn(probe, {}, options)).toThrow(message);
    await expect(codeOf(system.start(probe, {}, options))).resolves.toBe('INVALID_ARGUMENT');
    expect([...system.processes()]).toHaveLength(before);
    await system.stop();
  });

  test.each(['', 7, null, undefined, lobby])(
    '[NAM-001] register(%p) is refused: a process takes plain names only',
    async (name) => {
      const { system } = await startRooms();
      const self = await contextIn(system);
      expect(() => {
        self.register(name as string);
      }).toThrow('a name is a string that is not empty');
      expect(system.processInfo(self.pid)?.name).toBeUndefined();
      await system.stop();
    },
  );

  test.each([7, null, true, {}, { pid: 3 }, [], () => 1])(
    'nothing can be sent to %p',
    async (target) => {
      const { system } = await startRooms();
      const nobody = target as Target;
      const message = 'it means no process';
      await expect(system.call(nobody, { type: 'x' })).rejects.toThrow(message);
      const self = await contextIn(system);
      for (const use of [
        () => {
          system.send(nobody, 1);
        },
        () => {
          system.cast(nobody, { type: 'x' });
        },
        () => system.whereis(nobody as string),
        () => self.monitor(nobody),
        // Refused when it is asked for, not when it would fire and nobody hears of it.
        () => self.sendAfter(10, 1, nobody),
      ]) {
        expect(use).toThrow(message);
      }
      await system.stop();
    },
  );

  test('a malformed via is refused by casts and timers too', async () => {
    const { system } = await startRooms();
    const self = await contextIn(system);
    for (const via of ['x', ['rooms', undefined], ['halls', Symbol('key')], [1, 2]]) {
      const target = { via } as unknown as ViaName;
      expect(() => {
        system.cast(target, { type: 'x' });
      }).toThrow('cannot be used');
      expect(() => self.sendAfter(10, 1, target)).toThrow('cannot be used');
    }
    await system.stop();
  });
});

/** The `self` of a process that lives. */
async function contextIn(system: ActorSystem): Promise<ProcessContext> {
  const ref = await system.start(probe, {});
  return (await ref.call.runNow((self) => self)) as ProcessContext;
}
