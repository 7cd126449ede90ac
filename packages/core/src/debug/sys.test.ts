import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  defineTask,
  exitReason,
  ok,
  Pid,
  sys,
  type ExitReason,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';
import { counter, gate } from './counter.fixture.ts';

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

  test('[SYS-001] [GEN-001] waits for a server whose callback awaits', async () => {
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
