import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  isSnakepitError,
  noreply,
  ok,
  reply,
  stop,
  type Pid,
  type StartResult,
  type SystemOptions,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

async function setUp(options: SystemOptions = {}) {
  const system = quietSystem(options);
  const a = await system.start(probe, { trapExit: true }, { name: 'a' });
  const b = await system.start(probe, {});
  return { system, a, b };
}

describe('messages', () => {
  test('[MSG-001] messages and signals of one sender arrive in the order of sending', async () => {
    const { system, b } = await setUp();
    const order: unknown[] = [];
    const recorder = defineServer({
      trapExit: true,
      init: () => ok(0),
      cast: { note: (state, value: unknown) => (order.push(value), noreply(state)) },
      info: (state, message) => (order.push(message), noreply(state)),
    });
    const { pid } = await system.start(recorder);
    await b.call.run((self) => {
      self.send(pid, 1);
      self.cast(pid, { type: 'note', arg: 2 });
      self.exit(pid, exitReason.shutdown);
      self.send(pid, 3);
    });
    await settle();
    expect(order).toEqual([1, 2, { type: 'EXIT', from: b.pid, reason: exitReason.shutdown }, 3]);
    await system.stop();
  });

  test('[MSG-002] one thread gives a total order: messages of different senders arrive as sent', async () => {
    const { system, a, b } = await setUp();
    system.send(a.pid, 'outside');
    await b.call.run((self) => {
      self.send(a.pid, 'b');
    });
    await expect(a.call.seen()).resolves.toEqual(['outside', 'b']);
    await system.stop();
  });

  test('[MSG-003] one message to completion before the next; one to oneself goes to the end', async () => {
    const { system } = await setUp();
    const steps: string[] = [];
    const server = defineServer({
      init: () => ok(0),
      info: async (state, message, self) => {
        steps.push(`begin ${String(message)}`);
        if (message === 1) self.send(self.pid, 3);
        await settle(1);
        steps.push(`end ${String(message)}`);
        return noreply(state);
      },
      call: { sync: (state) => reply(0, state) },
    });
    const ref = await system.start(server);
    system.send(ref, 1);
    system.send(ref, 2);
    await ref.call.sync();
    await ref.call.sync();
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
    await system.stop();
  });

  test('[MSG-004] to the dead a message is dropped; to a name that nobody has it is an error; a cast never is', async () => {
    const { system, a, b } = await setUp();
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    await a.call.run((self) => {
      self.send(b.pid, 'dropped');
      self.cast(b.pid, { type: 'dropped' });
      self.cast('nobody', { type: 'dropped' });
      expect(() => {
        self.send('nobody', 'x');
      }).toThrow('the name "nobody" cannot be used: it is not registered.');
    });
    await system.stop();
  });

  test('[MSG-005] messages that come during init wait until it is over', async () => {
    const { system } = await setUp();
    const slow = defineServer({
      init: async () => {
        await settle();
        return ok<unknown[]>(['init']);
      },
      info: (seen, message) => noreply([...seen, message]),
      call: { seen: (seen) => reply(seen, seen) },
    });
    const pid = system.spawn(slow);
    system.send(pid, 1);
    const seen = system.call(pid, { type: 'seen' });
    await settle(1);
    expect(system.processInfo(pid)).toMatchObject({ status: 'starting', mailboxLength: 2 });
    await expect(seen).resolves.toEqual(['init', 1]);
    await system.stop();
  });

  test('[MSG-007] two processes that message each other for ever let timers and I/O through', async () => {
    const { system } = await setUp();
    const forever = defineServer({
      init: () => ok(0),
      info: (state, peer, self) => {
        self.send(peer as Pid, self.pid);
        return noreply(state + 1);
      },
      call: { count: (state) => reply(state, state) },
    });
    const one = await system.start(forever);
    const two = await system.start(forever);
    system.send(one, two.pid);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    await expect(two.call.count()).resolves.toBeGreaterThan(0);
    await system.stop();
  });

  test('[MSG-008] the answer to a call that timed out reaches nobody', async () => {
    const clock = createTestClock();
    const { system, a } = await setUp({ clock });
    const answered: unknown[] = [];
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const slow = defineServer({
      init: () => ok(0),
      call: {
        slow: async (state) => {
          await finished;
          return reply('late', state);
        },
      },
    });
    const { pid } = await system.start(slow);
    const called = a.call.run(async (self) => {
      const call = self.call(pid, { type: 'slow' }, { timeout: 100 });
      answered.push(await reasonOf(call));
      await finished;
      await settle();
    });
    await clock.advance(100);
    expect(answered).toEqual([exitReason.timeout]);
    finish();
    await called;
    await expect(a.call.seen()).resolves.toEqual([]);
    await system.stop();
  });
});

describe('calls', () => {
  test.each([-1, Number.NaN])('a timeout of %p is refused', async (timeout) => {
    const { system, a } = await setUp();
    await expect(system.call(a, { type: 'seen' }, { timeout })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`the timeout of a call ${String(timeout)}`),
    });
    await expect(system.start(probe, {}, { timeout })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await a.call.run((self) => {
      expect(() => self.startLink(probe, {}, { timeoutMs: timeout }, () => undefined)).toThrow(
        'the time limit of a start',
      );
    });
    expect([...system.processes()]).toHaveLength(2);
    await system.stop();
  });

  test('a call may wait for ever, and its caller is told when the callee ends', async () => {
    const { system, a } = await setUp();
    const forever = system.call(
      a,
      { type: 'run', arg: () => new Promise(() => undefined) },
      {
        timeout: Infinity,
      },
    );
    await settle();
    system.exit(a.pid, exitReason.kill);
    await expect(reasonOf(forever)).resolves.toEqual(exitReason.killed);
    await system.stop();
  });
});

describe('names', () => {
  test('[NAM-001] only a free name, and only for a process without one', async () => {
    const { system, a, b } = await setUp();
    await b.call.run((self) => {
      expect(() => {
        self.register('a');
      }).toThrow(`the name "a" cannot be used: it is held by ${a.pid.toString()}.`);
      self.register('b');
      expect(() => {
        self.register('c');
      }).toThrow(`${b.pid.toString()} is already called "b"`);
    });
    expect(system.whereis('b')).toBe(b.pid);
    expect(system.whereis('c')).toBeUndefined();
    await system.stop();
  });

  test('[NAM-002] who hears of a death finds the process gone and its name free', async () => {
    const { system } = await setUp();
    const heard: unknown[] = [];
    const watcher = defineServer({
      trapExit: true,
      init: (_: undefined, self) => {
        const pid = self.spawnLink(probe, {}, { name: 'watched' });
        self.monitor('watched');
        return ok(pid);
      },
      info: (pid) => {
        heard.push([system.whereis('watched'), system.isAlive(pid)]);
        return noreply(pid);
      },
    });
    await system.start(watcher);
    const pid = system.whereis('watched');
    if (pid !== undefined) system.exit(pid, exitReason.kill);
    await settle();
    expect(heard).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
    await system.stop();
  });

  test('[NAM-003] an unknown name is found nowhere, and cannot be unregistered; a known one becomes free', async () => {
    const { system, a } = await setUp();
    expect(system.whereis('unknown')).toBeUndefined();
    await a.call.run((self) => {
      expect(() => {
        self.unregister('unknown');
      }).toThrow('it is not registered');
      self.unregister('a');
    });
    expect(system.whereis('a')).toBeUndefined();
    await a.call.run((self) => {
      self.register('again');
    });
    expect(system.whereis('again')).toBe(a.pid);
    await system.stop();
  });

  test('[NAM-004] a start under a taken name fails with the holder’s pid; init is not called', async () => {
    const { system, a } = await setUp();
    const inits: string[] = [];
    const server = defineServer({ init: () => (inits.push('init'), ok(0)) });
    const results: StartResult[] = [];
    await a.call.run((self) => {
      self.startLink(server, undefined, { name: 'a' }, (result) => results.push(result));
    });
    await expect(reasonOf(system.start(server, undefined, { name: 'a' }))).resolves.toEqual(
      exitReason.alreadyStarted(a.pid),
    );
    expect(results).toEqual([{ ok: false, reason: exitReason.alreadyStarted(a.pid) }]);
    expect(inits).toEqual([]);
    expect(system.whereis('a')).toBe(a.pid);
    await system.stop();
  });

  test('[NAM-005] after a failed init the name is free when the start returns', async () => {
    const { system } = await setUp();
    const failing = defineServer({ init: () => stop(exitReason.custom('no')) });
    await expect(reasonOf(system.start(failing, undefined, { name: 'x' }))).resolves.toEqual(
      exitReason.custom('no'),
    );
    expect(system.whereis('x')).toBeUndefined();
    await system.start(probe, {}, { name: 'x' });
    await system.stop();
  });

  test('[NAM-006] a pid, a name and a reference are as good as each other', async () => {
    const { system, a, b } = await setUp();
    for (const target of [a, a.pid, 'a']) {
      system.send(target, 'sent');
      await expect(b.call.run((self) => self.call(target, { type: 'seen' }))).resolves.toHaveLength(
        (await a.call.seen()).length,
      );
    }
    await expect(a.call.seen()).resolves.toEqual(['sent', 'sent', 'sent']);
    await expect(reasonOf(system.call('nobody', { type: 'seen' }))).resolves.toEqual(
      exitReason.noproc,
    );
    await system.stop();
  });

  test('what is refused is a SnakepitError with the value and a remedy', async () => {
    const { system } = await setUp();
    try {
      system.send('nobody', 1);
      throw new Error('it was not refused');
    } catch (error) {
      if (!isSnakepitError(error)) throw error;
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.details).toMatchObject({ value: 'nobody' });
      expect(error.remedy).toContain('cast()');
    }
    await system.stop();
  });
});
