/* eslint-disable @typescript-eslint/unbound-method -- methods without their object are among what is tested */
import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  noreply,
  ok,
  Pid,
  stop,
  type From,
  type ProcessContext,
} from './index.ts';
import { probe, quietSystem, reasonOf, sleeper } from './probe.fixture.ts';

/** What a caller whom no compiler stops gives. */
const bad = (value: unknown): never => value as never;

/** The first line of the INVALID_ARGUMENT that is thrown, or rejected with. */
async function refusal(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(code).toBe('INVALID_ARGUMENT');
    return message.split('\n')[0] ?? '';
  }
  throw new Error('nothing was refused');
}

async function setUp() {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const ref = await system.start(probe, {});
  const other = await system.start(probe, {});
  const self = (await ref.call.runNow((own) => own)) as ProcessContext;
  return { clock, system, ref, other, self };
}

describe('methods taken off their object', () => {
  test('those of a system and of a reference work', async () => {
    const { system, ref } = await setUp();
    const { call, send, whereis, start, stop: end } = system;
    const { seen } = ref.call;
    send(ref.pid, 'hello');
    await expect(seen()).resolves.toEqual(['hello']);
    await expect(call(ref.pid, { type: 'seen' })).resolves.toEqual(['hello']);
    const { pid } = await start(sleeper, undefined, { name: 'sleeper' });
    expect(whereis('sleeper')).toBe(pid);
    await end();
  });

  test.each([
    'send',
    'cast',
    'call',
    'reply',
    'spawn',
    'spawnLink',
    'startLink',
    'link',
    'unlink',
    'monitor',
    'demonitor',
    'exit',
    'trapExit',
    'sendAfter',
    'cancelTimer',
    'register',
    'unregister',
  ] as const)('%s of self says what is wrong', async (name) => {
    const { system, self } = await setUp();
    const method = self[name] as (...args: unknown[]) => unknown;
    for (const receiver of [undefined, {}, system]) {
      const message = await refusal(() => Reflect.apply(method, receiver, [bad(0), {}, {}]));
      expect(message).toMatch('[INVALID_ARGUMENT] the `this` of a method of self');
      expect(message).toMatch('it must be the `self` of a process');
    }
    await system.stop();
  });

  test('self can be handed on whole', async () => {
    const { system, self, other } = await setUp();
    const { pid, alive } = self;
    [1, 2].forEach((n) => {
      self.send(other.pid, n);
    });
    await expect(other.call.seen()).resolves.toEqual([1, 2]);
    expect([pid, alive]).toEqual([self.pid, true]);
    await system.stop();
  });
});

describe('durations', () => {
  const wrong = [-1, Number.NaN, '5', null, [], true];

  test.each(wrong)('%p is none, wherever one is given', async (duration) => {
    const { clock, system, ref, self } = await setUp();
    const given = bad(duration);
    const before = [...system.processes()].length;
    const messages = [
      await refusal(() => self.sendAfter(given, 'x')),
      await refusal(() => self.call(ref, { type: 'seen' }, { timeout: given })),
      await refusal(() => system.call(ref, { type: 'seen' }, { timeout: given })),
      await refusal(() => ref.call.seen(undefined, { timeout: given })),
      await refusal(() => system.start(sleeper, undefined, { timeout: given })),
      await refusal(() => self.startLink(sleeper, undefined, { timeoutMs: given }, () => 0)),
      await refusal(() => system.stop({ timeout: given })),
    ];
    for (const message of messages) expect(message).toMatch('it must be 0 or more milliseconds');
    expect([...system.processes()]).toHaveLength(before);
    expect(clock.pending).toBe(0);
    await system.stop();
  });

  test('a timer that never fires is none either', async () => {
    const { system, self } = await setUp();
    expect(await refusal(() => self.sendAfter(Infinity, 'x'))).toMatch(
      'the delay of a timer Infinity cannot be used: it would never fire',
    );
    await system.stop();
  });
});

describe('pids', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 3],
    ['an object', {}],
    ['a symbol', Symbol('a')],
    ['a reference to nobody', { pid: 'a' }],
  ])('%s means nobody: it is refused', async (_name, value) => {
    const { system, self } = await setUp();
    const nobody = bad(value);
    const asTarget = [
      await refusal(() => self.send(nobody, 1)),
      await refusal(() => self.cast(nobody, { type: 'x' })),
      await refusal(() => self.call(nobody, { type: 'x' })),
      await refusal(() => system.call(nobody, { type: 'x' })),
      await refusal(() => self.monitor(nobody)),
      await refusal(() => self.link(nobody)),
    ];
    for (const message of asTarget) expect(message).toMatch('it means no process');
    const asPid = [
      await refusal(() => self.exit(nobody, exitReason.kill)),
      await refusal(() => system.exit(nobody, exitReason.kill)),
      await refusal(() => system.awaitExit(nobody)),
    ];
    if (value == null) {
      expect([system.isAlive(nobody), system.processInfo(nobody)]).toEqual([false, undefined]);
    } else {
      asPid.push(await refusal(() => system.isAlive(nobody)));
      asPid.push(await refusal(() => system.processInfo(nobody)));
    }
    for (const message of asPid) expect(message).toMatch('it is no pid');
    await system.stop();
  });

  test('one of another system is refused: it would mean a stranger', async () => {
    const { system, self } = await setUp();
    const { system: elsewhere, ref: foreign } = await setUp();
    const messages = [
      await refusal(() => self.send(foreign.pid, 1)),
      await refusal(() => self.send(foreign, 1)),
      await refusal(() => self.cast(foreign.pid, { type: 'x' })),
      await refusal(() => self.call(foreign.pid, { type: 'x' })),
      await refusal(() => self.monitor(foreign.pid)),
      await refusal(() => self.link(foreign.pid)),
      await refusal(() => self.exit(foreign.pid, exitReason.kill)),
      await refusal(() => self.sendAfter(1, 'x', foreign.pid)),
      await refusal(() => system.spawn(sleeper, undefined, { link: foreign.pid })),
      await refusal(() => system.isAlive(foreign.pid)),
    ];
    for (const message of messages) {
      expect(message).toMatch('the pid "<1>" cannot be used: it is of another system');
    }
    expect(elsewhere.isAlive(foreign.pid)).toBe(true);
    await system.stop();
    await elsewhere.stop();
  });

  test('[PRC-011] [MSG-004] one made by hand is of nobody, as if dead', async () => {
    const { system, self, ref } = await setUp();
    const made = new Pid(ref.pid.id);
    self.send(made, 1);
    self.exit(made, exitReason.kill);
    expect([system.isAlive(made), system.isAlive(ref.pid)]).toEqual([false, true]);
    await expect(reasonOf(self.call(made, { type: 'x' }))).resolves.toEqual(exitReason.noproc);
    await system.stop();
  });
});

describe('exit reasons', () => {
  test.each<[unknown, string]>([
    ['boom', 'exitReason.custom(value)'],
    ['normal', 'Give exitReason.normal'],
    [undefined, 'exitReason.custom(value)'],
    [new Error('boom'), 'exitReason.custom(value)'],
    [{ kind: 'boom' }, 'exitReason.custom(value)'],
    [{ kind: 'alreadyStarted' }, 'exitReason.custom(value)'],
    [exitReason.custom, 'exitReason.custom(value)'],
  ])('%p is none', async (value, remedy) => {
    const { system, self, other } = await setUp();
    const junk = bad(value);
    const attempts = [
      () => {
        self.exit(junk);
      },
      () => {
        self.exit(other.pid, junk);
      },
      () => {
        system.exit(other.pid, junk);
      },
      () => stop(junk),
    ];
    for (const attempt of attempts) {
      expect(await refusal(attempt)).toMatch('it must be made by exitReason: normal, shutdown,');
      expect(attempt).toThrow(remedy);
    }
    expect(system.isAlive(other.pid)).toBe(true);
    await system.stop();
  });

  test('[GEN-025] a server that gives one ends with the error that says so', async () => {
    const system = quietSystem();
    const server = defineServer({
      init: () => ok(0),
      call: { end: (n) => stop(bad('boom'), n) },
    });
    const { call } = await system.start(server);
    await expect(reasonOf(call.end())).resolves.toMatchObject({
      kind: 'error',
      error: { code: 'INVALID_ARGUMENT' },
    });
    await system.stop();
  });
});

describe('other arguments', () => {
  test('trapExit takes true or false', async () => {
    const { system, self } = await setUp();
    expect(await refusal(() => self.trapExit(bad('yes')))).toMatch('it must be true or false');
    await system.stop();
  });

  test('only what a call gave can be replied to, and only the first reply counts', async () => {
    const system = quietSystem();
    let from: From | undefined;
    const server = defineServer({
      init: () => ok(0),
      call: { ask: (n, _: undefined, _self, asker) => ((from = asker), noreply(n)) },
    });
    const { call } = await system.start(server);
    const { self } = await setUp();
    const answer = call.ask();
    // After a long turn, as the first ones are on a slow machine, it comes a round of the event loop later.
    while (from === undefined) await new Promise((resolve) => setImmediate(resolve));
    await expect(refusal(() => self.reply(bad({ pid: self.pid }), 1))).resolves.toMatch(
      'it must be the `from` of a call',
    );
    self.reply(from, 'first');
    self.reply(from, 'second');
    await expect(answer).resolves.toBe('first');
    await self.system.stop();
    await system.stop();
  });

  test.each<[unknown]>([[undefined], [null], ['add'], [{}], [{ type: 5 }], [{ arg: 1 }]])(
    'the request %p is refused where it is made, and ends no server',
    async (value) => {
      const { system, self, other } = await setUp();
      const request = bad(value);
      const messages = [
        await refusal(() => system.call(other, request)),
        await refusal(() => self.call(other, request)),
        await refusal(() => system.cast(other, request)),
        await refusal(() => self.cast(other, request)),
      ];
      for (const message of messages) {
        expect(message).toMatch('it must be an object whose type is a string');
      }
      await expect(other.call.seen()).resolves.toEqual([]);
      await system.stop();
    },
  );

  test.each<[unknown]>([[''], [5], [Symbol('name')], [{}]])(
    'the name %p is refused, and nothing is spawned',
    async (value) => {
      const { system, self } = await setUp();
      const name = bad(value);
      const before = [...system.processes()].length;
      const messages = [
        await refusal(() => system.spawn(sleeper, undefined, { name })),
        await refusal(() => system.start(sleeper, undefined, { name })),
        await refusal(() => self.spawn(sleeper, undefined, { name })),
        await refusal(() => self.register(name)),
      ];
      for (const message of messages) {
        expect(message).toMatch('a name is a string that is not empty');
      }
      expect([...system.processes()]).toHaveLength(before);
      await system.stop();
    },
  );

  test('[NAM-004] a second start under the same name says who has it', async () => {
    const { system } = await setUp();
    const first = await system.start(sleeper, undefined, { name: 'one' });
    const second = system.start(sleeper, undefined, { name: 'one' });
    await expect(second).rejects.toThrow(`start of genServer: alreadyStarted(<${first.pid.id}>)`);
    await expect(reasonOf(second)).resolves.toEqual(exitReason.alreadyStarted(first.pid));
    await system.stop();
  });
});
