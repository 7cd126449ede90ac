import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  noreply,
  ok,
  reply,
  stop,
  exitReason,
  sys,
  type DebugEvent,
  type From,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const server = defineServer({
  name: 'server',
  init: () => ok(0),
  call: {
    add: (n, by: number) => reply(n + by, n + by),
    late: (n, _nothing: undefined, _self, from: From) => noreply(n, { continue: from }),
    slow: async (n) => {
      await settle(1);
      return reply('slow', n + 1);
    },
    last: (n) => stop(exitReason.normal, n, { reply: 'bye' }),
  },
  cast: { set: (_n, to: number) => noreply(to) },
  continue: (n, from, self) => {
    self.reply(from as From, 'late');
    return noreply(n);
  },
  info: (n) => noreply(n),
});

describe('sys.trace', () => {
  test('[SYS-006] a hook sees what comes in, and what it led to: an answer and the new state, or the state', async () => {
    const system = quietSystem();
    const ref = await system.start(server);
    const { call, pid } = await system.start(probe);
    const events: DebugEvent[] = [];
    await sys.trace(system, ref, (event) => events.push(event));
    ref.cast.set(5);
    await ref.call.add(2);
    system.send(ref.pid, 'hello');
    await call.run((self) => self.call(ref, { type: 'slow' }));
    expect(events).toEqual([
      { kind: 'in', via: 'cast', message: { type: 'set', arg: 5 } },
      { kind: 'noreply', state: 5 },
      { kind: 'in', via: 'call', message: { type: 'add', arg: 2 }, from: undefined },
      { kind: 'out', reply: 7, to: undefined, state: 7 },
      { kind: 'in', via: 'info', message: 'hello' },
      { kind: 'noreply', state: 7 },
      { kind: 'in', via: 'call', message: { type: 'slow' }, from: pid },
      { kind: 'out', reply: 'slow', to: pid, state: 8 },
    ]);
  });

  test('[SYS-006] a later answer, a continue and the answer before the end are seen', async () => {
    const system = quietSystem();
    const ref = await system.start(server);
    const kinds: string[] = [];
    await sys.trace(system, ref, ({ kind }) => kinds.push(kind));
    expect(await ref.call.late()).toBe('late');
    expect(kinds).toEqual(['in', 'noreply', 'continue', 'out', 'noreply']);
    expect(await ref.call.last()).toBe('bye');
    expect(kinds.slice(5)).toEqual(['in', 'out']);
  });

  test("[SYS-006] a hook that returns 'done' is removed, and so is one that is taken away", async () => {
    const system = quietSystem();
    const ref = await system.start(server);
    const seen: string[] = [];
    const once = (): string => {
      seen.push('once');
      return 'done';
    };
    const always = (): void => {
      seen.push('always');
    };
    await sys.trace(system, ref, once);
    for (let time = 0; time < 2; time++) await sys.trace(system, ref, always);
    expect(await sys.getStatus(system, ref)).toMatchObject({ debug: { hooks: 2 } });
    ref.cast.set(1);
    await sys.untrace(system, ref, always);
    ref.cast.set(2);
    await sys.untrace(system, ref, always);
    expect(seen).toEqual(['once', 'always', 'always']);
    expect(await sys.getStatus(system, ref)).toMatchObject({ debug: { hooks: 0 }, state: 2 });
  });

  test('[SYS-006] [SYS-009] a hook that throws or rejects is removed and never harms the server', async () => {
    const warnings: string[] = [];
    const system = quietSystem({
      logger: { ...console, warn: (message: string) => warnings.push(message) },
    });
    const ref = await system.start(server);
    await sys.trace(system, ref, () => {
      throw new Error('hook');
    });
    await sys.trace(system, ref, () => Promise.reject(new Error('later')));
    expect(await ref.call.add(1)).toBe(1);
    await settle();
    expect(await sys.getStatus(system, ref)).toMatchObject({ debug: { hooks: 0 } });
    expect(warnings).toEqual([
      'a debug hook on server <1> failed and is removed',
      'a debug hook on server <1> failed and is removed',
    ]);
  });

  test('[PRC-021] a process that a hook ends does not handle the message', async () => {
    const system = quietSystem();
    const { pid } = await system.start(probe);
    await sys.trace(system, pid, (_event, process) => {
      system.exit(process.pid, exitReason.kill);
    });
    const ran: string[] = [];
    const called = system.call(pid, { type: 'runNow', arg: () => ran.push('handled') });
    await expect(reasonOf(called)).resolves.toEqual(exitReason.killed);
    expect(ran).toEqual([]);
    await system.stop();
  });

  test('[SYS-006] system messages are no events, and a hook gets a view of the process', async () => {
    const system = quietSystem();
    const ref = await system.start(server);
    const labels: string[] = [];
    await sys.trace(system, ref, (_event, { label, pid }) => labels.push(label + pid.toString()));
    await sys.getState(system, ref);
    await sys.suspend(system, ref);
    await sys.resume(system, ref);
    expect(labels).toEqual([]);
    await ref.call.add(1);
    expect(labels).toEqual(['server<1>', 'server<1>']);
  });
});

describe('sys.log', () => {
  test('[SYS-007] keeps the last 10 events, or as many as it is told', async () => {
    const system = quietSystem();
    const ref = await system.start(server);
    await sys.log(system, ref, true);
    for (let n = 1; n <= 8; n++) ref.cast.set(n);
    const ten = await sys.log(system, ref, 'get');
    expect(ten).toHaveLength(10);
    expect(ten[0]).toEqual({ kind: 'in', via: 'cast', message: { type: 'set', arg: 4 } });
    expect(ten[9]).toEqual({ kind: 'noreply', state: 8 });
    await sys.log(system, ref, 1);
    ref.cast.set(9);
    expect(await sys.log(system, ref, 'get')).toEqual([{ kind: 'noreply', state: 9 }]);
    await sys.log(system, ref, false);
    ref.cast.set(10);
    expect(await sys.log(system, ref, 'get')).toEqual([]);
  });

  test.each([-1, 1.5, Number.NaN, '7'])('a log of %p events is refused', async (size) => {
    const system = quietSystem();
    const ref = await system.start(server);
    await expect(sys.log(system, ref, size as number)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { argument: 'the size of a log' },
    });
  });
});

describe('sys.statistics', () => {
  test('[SYS-007] counts messages in and answers out from when it was switched on', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const ref = await system.start(server);
    await ref.call.add(1);
    expect(await sys.statistics(system, ref, 'get')).toBeUndefined();
    await sys.statistics(system, ref, true);
    await ref.call.add(1);
    ref.cast.set(1);
    system.send(ref.pid, 'hello');
    await clock.advance(250);
    expect(await sys.statistics(system, ref, 'get')).toEqual({
      elapsedMs: 250,
      turns: 4,
      messagesIn: 3,
      messagesOut: 1,
    });
    await sys.statistics(system, ref, false);
    expect(await sys.statistics(system, ref, 'get')).toBeUndefined();
  });
});
