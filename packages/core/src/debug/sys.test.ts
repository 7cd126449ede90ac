import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  defineTask,
  exitReason,
  noreply,
  ok,
  Pid,
  reply,
  sys,
  type ExitReason,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle, sleeper } from '../probe.fixture.ts';

/** A promise and what settles it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A server that counts and can be kept busy. */
const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok(start),
  call: {
    get: (n) => reply(n, n),
    add: (n, by: number) => reply(n + by, n + by),
    wait: async (n, opened: Promise<void>) => {
      await opened;
      return reply('done', n);
    },
  },
  cast: { set: (_n, to: number) => noreply(to) },
  info: (n) => noreply(n),
});

describe('sys.getState', () => {
  test('[SYS-001] gives the state by the next turn, after what was sent before', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    ref.cast.set(7);
    const state = sys.getState<number>(system, ref);
    ref.cast.set(8);
    expect(await state).toBe(7);
    expect(await sys.getState(system, ref.pid)).toBe(8);
  });

  test('[SYS-001] [GEN-034] waits for a server whose callback awaits', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const { opened, open } = gate();
    const answers: unknown[] = [];
    void ref.call.wait(opened).then((answer) => answers.push(answer));
    const state = sys.getState(system, ref).then((one) => answers.push(one));
    await settle();
    expect(answers).toEqual([]);
    open();
    await state;
    expect(answers).toEqual(['done', 1]);
  });

  test('[SYS-001] a server that stays busy lets it fail by timeout after 5 s, and works on', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const ref = await system.start(counter, 1);
    const { opened, open } = gate();
    const waiting = ref.call.wait(opened, { timeout: Infinity });
    const reason = reasonOf(sys.getState(system, ref));
    const sooner = reasonOf(sys.getStatus(system, ref, { timeout: 10 }));
    await clock.advance(10);
    expect(await sooner).toEqual(exitReason.timeout);
    await clock.advance(4_989);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(await reason).toEqual(exitReason.timeout);
    open();
    expect(await waiting).toBe('done');
    expect(await ref.call.get()).toBe(1);
  });

  test('[SYS-001] of the dead: noproc; of itself: callingSelf; when it dies meanwhile: its reason', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    expect(await reasonOf(sys.getState(system, 'nobody'))).toEqual(exitReason.noproc);
    expect(await reasonOf(sys.getState(system, new Pid(4711)))).toEqual(exitReason.noproc);
    const self = await system.start(probe);
    const asked = self.call.run(async (own) => reasonOf(sys.getState(own.system, own.pid)));
    // After an await nobody can tell whose turn it was, but the question was put before.
    expect(await asked).toEqual(exitReason.callingSelf);
    const { opened } = gate();
    void ref.call.wait(opened).catch(() => undefined);
    const lost = reasonOf(sys.getState(system, ref));
    await settle();
    system.exit(ref.pid, exitReason.shutdown);
    expect(await lost).toEqual(exitReason.shutdown);
  });

  test('[SYS-001] a task is told about at once: it never takes messages', async () => {
    const system = quietSystem();
    const { opened, open } = gate();
    const task = defineTask(() => opened);
    const pid = await system.start(task);
    expect(await sys.getStatus(system, pid)).toMatchObject({
      behaviour: 'task',
      status: 'running',
      stateValue: 'running',
    });
    await sys.suspend(system, pid);
    open();
    await settle();
    expect(system.processInfo(pid)?.status).toBe('suspended');
    const gone = system.awaitExit(pid);
    await sys.resume(system, pid);
    expect(await gone).toEqual(exitReason.normal);
  });

  test('[SYS-001] who asks in its turn and does not wait harms nobody', async () => {
    const system = quietSystem();
    const { call } = await system.start(probe);
    await call.runNow((self) => void sys.getState(self.system, 'nobody'));
    await call.runNow((self) => void self.system.stopProcess('nobody'));
    await settle();
    expect(await call.seen()).toEqual([]);
  });

  test('what no target can be, and no timeout, fails the question', async () => {
    const system = quietSystem();
    const wrong = { pid: 12 } as never;
    await expect(sys.getState(system, wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(sys.getState(system, 'nobody', { timeout: -1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { value: -1 },
    });
  });
});

describe('sys.getStatus', () => {
  test('[SYS-002] gives pid, behaviour, parent, whether it is suspended, debug options and state', async () => {
    const system = quietSystem();
    const parent = await system.start(probe);
    const pid = await parent.call.runNow((self) =>
      self.spawnLink(counter, 3, { name: 'the counter' }),
    );
    await sys.log(system, 'the counter', 5);
    system.cast('the counter', { type: 'set', arg: 4 });
    expect(await sys.getStatus(system, 'the counter')).toEqual({
      pid,
      behaviour: 'genServer',
      name: 'the counter',
      label: 'counter',
      parent: parent.pid,
      status: 'running',
      stateValue: 'waiting',
      state: 4,
      debug: { hooks: 0, log: 5, statistics: false },
      mailboxLength: 0,
      links: [parent.pid],
      monitors: 0,
      turns: 4,
      recent: [{ kind: 'cast', type: 'set', agoMs: expect.any(Number) }],
    });
    await sys.suspend(system, 'the counter');
    system.send('the counter', 'hello');
    expect(await sys.getStatus(system, 'the counter')).toMatchObject({
      status: 'suspended',
      stateValue: 'suspended',
      mailboxLength: 1,
    });
  });
});

describe('sys.suspend and sys.resume', () => {
  test('[SYS-003] ordinary messages wait, and are handled in order after resume', async () => {
    const system = quietSystem();
    const { pid, call } = await system.start(probe);
    await sys.suspend(system, pid);
    for (const message of ['first', 'second', 'third']) system.send(pid, message);
    await settle();
    expect(await sys.getState(system, pid)).toEqual([]);
    expect(system.processInfo(pid)).toMatchObject({ status: 'suspended', mailboxLength: 3 });
    await sys.resume(system, pid);
    expect(await call.seen()).toEqual(['first', 'second', 'third']);
  });

  test('[SYS-003] a system message that waits is handled after what came before it', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const suspended = sys.suspend(system, ref);
    ref.cast.set(2);
    const resumed = sys.resume(system, ref);
    const state = sys.getState(system, ref);
    ref.cast.set(3);
    await Promise.all([suspended, resumed]);
    expect(await state).toBe(2);
    expect(await ref.call.get()).toBe(3);
  });

  test('[SYS-003] a call to a suspended server times out and is carried out later all the same', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const ref = await system.start(counter, 1);
    await sys.suspend(system, ref);
    const reason = reasonOf(ref.call.add(5, { timeout: 100 }));
    await clock.advance(100);
    expect(await reason).toEqual(exitReason.timeout);
    await sys.resume(system, ref);
    expect(await ref.call.get()).toBe(6);
  });

  test('[SYS-003] twice suspended or resumed is once', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    for (let time = 0; time < 2; time++) await sys.suspend(system, ref);
    const answer = ref.call.get();
    for (let time = 0; time < 2; time++) await sys.resume(system, ref);
    expect(await answer).toBe(1);
    expect(system.processInfo(ref.pid)).toMatchObject({ status: 'waiting', stateValue: 'waiting' });
  });

  test("[SYS-003] a parent's EXIT is handled while suspended, another's waits", async () => {
    const system = quietSystem();
    const ended: unknown[] = [];
    const server = defineServer({
      trapExit: true,
      init: () => ok<readonly string[]>([]),
      info: (seen, message) => noreply([...seen, (message as { readonly type: string }).type]),
      terminate: (seen, reason) => {
        ended.push([seen, reason]);
      },
    });
    const parent = await system.start(probe, { trapExit: true });
    const stranger = await system.start(probe);
    const pid = await parent.call.runNow((self) => self.spawnLink(server));
    await sys.suspend(system, pid);
    await stranger.call.runNow((self) => {
      self.exit(pid, exitReason.shutdown);
    });
    await settle();
    expect(await sys.getStatus(system, pid)).toMatchObject({ state: [], mailboxLength: 1 });
    const gone = system.awaitExit(pid);
    const reason = exitReason.custom('enough');
    await parent.call.runNow((self) => {
      self.exit(pid, reason);
    });
    expect(await gone).toBe(reason);
    expect(ended).toEqual([[[], reason]]);
  });

  test("[SYS-003] a parent's EXIT that came before it was suspended is handled too", async () => {
    const system = quietSystem();
    const { opened, open } = gate();
    const trapping = await system.start(probe, { trapExit: true });
    const gone = system.awaitExit(trapping.pid);
    void trapping.call.run(() => opened).catch(() => undefined);
    const suspended = sys.suspend(system, trapping);
    system.exit(trapping.pid, exitReason.shutdown);
    open();
    await suspended;
    expect(await gone).toEqual(exitReason.shutdown);
  });

  test('[SYS-003] a suspended process can be killed, and one that does not trap dies of a signal', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const other = await system.start(sleeper);
    await sys.suspend(system, ref);
    await sys.suspend(system, other);
    const reasons = Promise.all([system.awaitExit(ref.pid), system.awaitExit(other.pid)]);
    system.exit(ref.pid, exitReason.kill);
    system.exit(other.pid, exitReason.shutdown);
    expect(await reasons).toEqual([exitReason.killed, exitReason.shutdown]);
  });

  test('[SYS-003] a suspended system can be stopped', async () => {
    const system = quietSystem();
    const { pid } = await system.start(probe, { trapExit: true });
    await sys.suspend(system, pid);
    await system.stop();
    expect([...system.processes()]).toEqual([]);
  });
});

describe('sys.replaceState', () => {
  test('[SYS-005] gives the new state, which the next message is handled with', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    expect(await sys.replaceState(system, ref, (n: number) => n * 10)).toBe(10);
    expect(await ref.call.get()).toBe(10);
  });

  test.each<[string, (state: never) => never, string]>([
    [
      'throws',
      () => {
        throw new RangeError('no');
      },
      'RangeError',
    ],
    ['is async', (async () => Promise.resolve(2)) as never, 'TypeError'],
  ])('[SYS-005] a function that %s changes nothing', async (_what, replace, name) => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    expect(await reasonOf(sys.replaceState(system, ref, replace))).toMatchObject({
      kind: 'custom',
      value: { kind: 'callbackFailed', error: { name } },
    });
    expect(await ref.call.get()).toBe(1);
  });

  test('[SYS-005] what has no state that could be replaced refuses', async () => {
    const system = quietSystem();
    const pid = await system.start(defineTask(() => new Promise(() => undefined)));
    const reason = await reasonOf(sys.replaceState(system, pid, () => 1));
    expect(reason).toMatchObject({ value: { kind: 'callbackFailed' } });
    expect(reason).toMatchObject({
      value: { error: { message: 'task <1> has no state to replace' } },
    });
  });
});

describe('sys.terminate', () => {
  test.each<[string, ExitReason]>([
    ['normal', exitReason.normal],
    ['custom', exitReason.custom('over')],
  ])('[SYS-008] runs terminate and ends with exactly the reason %s', async (_name, reason) => {
    const system = quietSystem();
    const ended: unknown[] = [];
    const server = defineServer({
      init: () => ok('state'),
      terminate: (...args) => {
        ended.push(args.slice(0, 2));
      },
    });
    const ref = await system.start(server);
    const gone = system.awaitExit(ref.pid);
    await sys.terminate(system, ref, reason);
    expect(await gone).toBe(reason);
    expect(ended).toEqual([['state', reason]]);
  });

  test('[SYS-008] a suspended server, and a task, end too', async () => {
    const system = quietSystem();
    const ref = await system.start(counter, 1);
    const task = await system.start(defineTask(() => new Promise(() => undefined)));
    await sys.suspend(system, ref);
    const gone = Promise.all([system.awaitExit(ref.pid), system.awaitExit(task)]);
    await sys.terminate(system, ref, exitReason.shutdown);
    await sys.terminate(system, task, exitReason.shutdown);
    expect(await gone).toEqual([exitReason.shutdown, exitReason.shutdown]);
  });
});
