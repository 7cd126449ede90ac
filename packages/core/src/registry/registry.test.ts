import { describe, expect, test } from '@jest/globals';
import {
  defineServer,
  ExitError,
  exitReason,
  noreply,
  ok,
  Registry,
  type DownMessage,
  type ExitMessage,
  type ProcessContext,
} from '../index.ts';
import { probe, quietSystem, settle } from '../probe.fixture.ts';
import { startRegistry } from './registry.fixture.ts';

const both = ['unique', 'duplicate'] as const;

describe('register', () => {
  test('[RGY-001] a unique key has one holder; the second is told who, also when it is the holder', async () => {
    const { system, a, b, partitions } = await startRegistry();
    const register = (self: ProcessContext) => Registry.register(self, 'r', 'lobby', 1);
    const taken = { ok: false, error: { kind: 'alreadyRegistered', pid: a.pid } };
    await expect(a.call.runNow(register)).resolves.toEqual({ ok: true, pid: partitions()[0]?.pid });
    await expect(b.call.runNow(register)).resolves.toEqual(taken);
    await expect(a.call.runNow(register)).resolves.toEqual(taken);
    expect(Registry.lookup(system, 'r', 'lobby')).toEqual([{ pid: a.pid, value: 1 }]);
    expect(Registry.count(system, 'r')).toBe(1);
    await system.stop();
  });

  test('[RGY-002] a duplicate key has any number of entries, also of one process', async () => {
    const { system, a, b } = await startRegistry({ keys: 'duplicate' });
    for (const [who, value] of [
      [a, 1],
      [b, 2],
      [a, 3],
    ] as const) {
      await expect(
        who.call.runNow((self) => Registry.register(self, 'r', 'news', value)),
      ).resolves.toMatchObject({ ok: true });
    }
    expect(Registry.lookup(system, 'r', 'news')).toEqual([
      { pid: a.pid, value: 1 },
      { pid: b.pid, value: 2 },
      { pid: a.pid, value: 3 },
    ]);
    expect(Registry.keys(system, 'r', a.pid)).toEqual(['news', 'news']);
    expect(Registry.values(system, 'r', 'news', a.pid)).toEqual([1, 3]);
    expect(Registry.values(system, 'r', 'other', a.pid)).toEqual([]);
    expect(Registry.count(system, 'r')).toBe(3);
    await system.stop();
  });

  test('[RGY-003] a process registers only itself', async () => {
    const { system, a, b } = await startRegistry();
    const other = (await a.call.runNow((self) => self)) as ProcessContext;
    await b.call.runNow(() => {
      expect(() => Registry.register(other, 'r', 'lobby')).toThrow(
        `the process "${a.pid.toString()}" cannot be used: a process registers only itself, and it is the turn of ${b.pid.toString()}`,
      );
      expect(() => {
        Registry.unregister(other, 'r', 'lobby');
      }).toThrow('only itself');
      expect(() => Registry.updateValue(other, 'r', 'lobby', () => 1)).toThrow('only itself');
    });
    expect(Registry.count(system, 'r')).toBe(0);
    await system.stop();
  });

  test('[PRC-022] a continuation that outlived its process registers nothing', async () => {
    const { system, a } = await startRegistry();
    const self = (await a.call.runNow((own) => own)) as ProcessContext;
    system.exit(a.pid, exitReason.kill);
    await system.awaitExit(a.pid);
    expect(() => Registry.register(self, 'r', 'lobby')).toThrow(ExitError);
    expect(() => Registry.register(self, 'r', 'lobby')).toThrow('register lobby in "r": noproc');
    Registry.unregister(self, 'r', 'lobby');
    expect(Registry.updateValue(self, 'r', 'lobby', () => 1)).toEqual({
      ok: false,
      error: { kind: 'notRegistered' },
    });
    expect(Registry.count(system, 'r')).toBe(0);
    await system.stop();
  });
});

describe('the end of a process', () => {
  test.each(both)(
    '[RGY-004] its entries (%s) are gone when its DOWN arrives, and the key is free',
    async (keys) => {
      const { system, a, b } = await startRegistry({ keys });
      await a.call.runNow((self) => {
        Registry.register(self, 'r', 'x', 1);
        Registry.register(self, 'r', 'y', 2);
      });
      const heard: unknown[] = [];
      const watcher = defineServer({
        trapExit: true,
        init: (_: undefined, self) => {
          self.monitor(a.pid);
          self.link(a.pid);
          return ok(0);
        },
        info: (state, message) => {
          const { type } = message as DownMessage | ExitMessage;
          heard.push([type, Registry.lookup(system, 'r', 'x'), Registry.keys(system, 'r', a.pid)]);
          return noreply(state);
        },
      });
      await system.start(watcher);
      system.exit(a.pid, exitReason.custom('boom'));
      await settle();
      expect(heard).toEqual([
        ['EXIT', [], []],
        ['DOWN', [], []],
      ]);
      await expect(
        b.call.runNow((self) => Registry.register(self, 'r', 'x', 3)),
      ).resolves.toMatchObject({ ok: true });
      expect(Registry.lookup(system, 'r', 'x')).toEqual([{ pid: b.pid, value: 3 }]);
      expect(Registry.count(system, 'r')).toBe(1);
      await system.stop();
    },
  );
});

describe('unregister', () => {
  test('[RGY-005] removes all entries of the caller under that key, and is fine with none', async () => {
    const { system, a, b, partitions } = await startRegistry({ keys: 'duplicate' });
    await a.call.runNow((self) => {
      Registry.unregister(self, 'r', 'news');
      for (const value of [1, 2]) Registry.register(self, 'r', 'news', value);
      Registry.register(self, 'r', 'weather', 3);
    });
    await b.call.runNow((self) => Registry.register(self, 'r', 'news', 4));
    await a.call.runNow((self) => {
      Registry.unregister(self, 'r', 'news');
    });
    expect(Registry.lookup(system, 'r', 'news')).toEqual([{ pid: b.pid, value: 4 }]);
    expect(Registry.keys(system, 'r', a.pid)).toEqual(['weather']);
    const links = () => system.processInfo(a.pid)?.linkedPids;
    expect(links()).toEqual([partitions()[0]?.pid]);
    await a.call.runNow((self) => {
      Registry.unregister(self, 'r', 'weather');
    });
    expect(links()).toEqual([]);
    await system.stop();
  });
});

describe('dispatch', () => {
  const options: readonly [number, readonly (readonly unknown[])[]][] = [
    [1, [[1, 2, 3]]],
    // By the pid: those registered have 4, 5 and 6 there.
    [2, [[1, 3], [2]]],
  ];
  test.each(options)(
    '[RGY-007] with %i partitions of duplicate keys calls the function once for each that has any',
    async (partitions, expected) => {
      const { system, a, b } = await startRegistry({ keys: 'duplicate', partitions });
      const c = await system.start(probe, {});
      for (const [index, one] of [a, b, c].entries()) {
        await one.call.runNow((self) => Registry.register(self, 'r', 'news', index + 1));
      }
      const calls: unknown[] = [];
      await a.call.runNow(() => {
        Registry.dispatch(system, 'r', 'news', (entries) => {
          calls.push(entries.map(({ value }) => value));
        });
        // It has run in the caller, before dispatch returned.
        expect(calls).toHaveLength(expected.length);
      });
      expect([...calls].sort()).toEqual([...expected].sort());
      Registry.dispatch(system, 'r', 'nobody', () => calls.push('called'));
      expect(calls).toHaveLength(expected.length);
      await system.stop();
    },
  );

  test('[RGY-007] once for a unique key, whatever the partitions; it may register meanwhile', async () => {
    const { system, a } = await startRegistry({ partitions: 3 });
    const calls: unknown[] = [];
    await a.call.runNow((self) => {
      Registry.register(self, 'r', 'x', 1);
      Registry.dispatch(system, 'r', 'x', (entries) => {
        calls.push(entries);
        Registry.unregister(self, 'r', 'x');
      });
    });
    expect(calls).toEqual([[{ pid: a.pid, value: 1 }]]);
    await system.stop();
  });
});

describe('updateValue', () => {
  test('[RGY-008] only for the holder of a unique key; gives the new and the old value', async () => {
    const { system, a, b } = await startRegistry();
    const increase = (self: ProcessContext) =>
      Registry.updateValue<number>(self, 'r', 'n', (old) => old + 1);
    const notRegistered = { ok: false, error: { kind: 'notRegistered' } };
    await expect(a.call.runNow(increase)).resolves.toEqual(notRegistered);
    await a.call.runNow((self) => Registry.register(self, 'r', 'n', 1));
    await expect(b.call.runNow(increase)).resolves.toEqual(notRegistered);
    await expect(a.call.runNow(increase)).resolves.toEqual({ ok: true, new: 2, old: 1 });
    await a.call.runNow((self) => {
      expect(() =>
        Registry.updateValue(self, 'r', 'n', () => {
          throw new Error('no');
        }),
      ).toThrow('no');
    });
    expect(Registry.lookup(system, 'r', 'n')).toEqual([{ pid: a.pid, value: 2 }]);
    await system.stop();
  });

  test('[RGY-008] not for duplicate keys, which it says', async () => {
    const { system, a } = await startRegistry({ keys: 'duplicate' });
    await a.call.runNow((self) => {
      expect(() => Registry.updateValue(self, 'r', 'n', () => 1)).toThrow(
        'the registry "r" cannot be used: its keys are \'duplicate\', and updateValue means one holder',
      );
    });
    await system.stop();
  });
});

describe('listeners', () => {
  test('[RGY-009] hear of registering and unregistering, and nothing of a death', async () => {
    const system = quietSystem();
    // One is there, one comes later: who is not there is told nothing.
    const ear = await system.start(probe, {}, { name: 'ear' });
    await Registry.start(system, { name: 'r', keys: 'duplicate', listeners: ['ear', 'late'] });
    const a = await system.start(probe, {});
    await a.call.runNow((self) => {
      Registry.register(self, 'r', 'x', 1);
      Registry.register(self, 'r', 'x', 2);
      Registry.unregister(self, 'r', 'x');
      Registry.unregister(self, 'r', 'x');
    });
    const late = await system.start(probe, {}, { name: 'late' });
    await a.call.runNow((self) => Registry.register(self, 'r', 'y', 3));
    system.exit(a.pid, exitReason.kill);
    await system.awaitExit(a.pid);
    const about = { registry: 'r', pid: a.pid };
    const last = { type: 'register', key: 'y', value: 3, ...about };
    await expect(ear.call.seen()).resolves.toEqual([
      { type: 'register', key: 'x', value: 1, ...about },
      { type: 'register', key: 'x', value: 2, ...about },
      { type: 'unregister', key: 'x', ...about },
      last,
    ]);
    await expect(late.call.seen()).resolves.toEqual([last]);
    await system.stop();
  });
});

test('what is no pid has no keys and no values, which is said', async () => {
  const { system } = await startRegistry();
  for (const given of [undefined, 'a']) {
    const refusal = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('it is no pid'),
    });
    expect(() => Registry.keys(system, 'r', given as never)).toThrow(refusal);
    expect(() => Registry.values(system, 'r', 1, given as never)).toThrow(refusal);
  }
  await system.stop();
});

describe('a registry that does not run', () => {
  test('[RGY-008] is an argument error, which names those that do', async () => {
    const { system, a } = await startRegistry();
    const asked: readonly ((self: ProcessContext) => unknown)[] = [
      (self) => Registry.register(self, 'q', 1),
      (self) => Registry.unregister(self, 'q', 1),
      (self) => Registry.updateValue(self, 'q', 1, () => 1),
      () => Registry.lookup(system, 'q', 1),
      () => Registry.dispatch(system, 'q', 1, () => undefined),
      () => Registry.keys(system, 'q', a.pid),
      () => Registry.values(system, 'q', 1, a.pid),
      () => Registry.count(system, 'q'),
    ];
    await a.call.runNow((self) => {
      for (const ask of asked) {
        expect(() => ask(self)).toThrow(
          expect.objectContaining({
            code: 'INVALID_ARGUMENT',
            message: expect.stringContaining(
              'the registry "q" cannot be used: there is no registry of that name; there are: "r".',
            ),
          }),
        );
      }
    });
    await system.stop();
    expect(() => Registry.count(system, 'r')).toThrow('there are: none');
  });
});
