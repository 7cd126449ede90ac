import { describe, expect, test } from '@jest/globals';
import { assign, fromCallback, setup } from 'xstate';
import {
  createTestClock,
  defineStatechart,
  exitReason,
  sys,
  type Pid,
  type DebugEvent,
  type ExitReason,
  type From,
} from '../index.ts';
import { missing } from '../behaviours/missing-effect.fixture.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

type Event =
  | { readonly type: 'begin' | 'finish' | 'rest' | 'job' }
  | { readonly type: 'ask'; readonly from: From }
  | { readonly type: 'EXIT'; readonly reason: ExitReason };

/** Counts jobs while idle; while busy they wait, and so does everything else. */
const machine = setup({
  types: {
    events: {} as Event,
    context: {} as { readonly jobs: number; readonly reason: ExitReason | null },
  },
  actions: { answer: missing('answer', {} as { from: From; jobs: number }) },
}).createMachine({
  id: 'worker',
  context: { jobs: 0, reason: null },
  initial: 'idle',
  output: ({ context }) => ({ reason: context.reason }),
  states: {
    idle: {
      on: {
        begin: 'busy',
        rest: 'resting',
        job: { actions: assign(({ context }) => ({ jobs: context.jobs + 1 })) },
        ask: {
          actions: {
            type: 'answer',
            params: ({ context, event }) => ({ from: event.from, jobs: context.jobs }),
          },
        },
        EXIT: {
          target: 'over',
          actions: assign(({ event }) => ({ reason: event.reason })),
        },
      },
    },
    busy: { meta: { postpone: ['*'] }, on: { finish: 'idle' } },
    resting: { after: { 50: 'idle' } },
    over: { type: 'final' },
  },
});

const worker = defineStatechart(machine, {
  trapExit: true,
  effects: (self) => ({
    answer: ({ from, jobs }: { readonly from: From; readonly jobs: number }) => {
      self.reply(from, jobs);
    },
  }),
});

describe('sys on a statechart', () => {
  test('[SYS-001] the state is the state value and the context', async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    system.send(pid, { type: 'job' });
    expect(await sys.getState(system, pid)).toEqual({
      value: 'idle',
      context: { jobs: 1, reason: null },
    });
    expect(await sys.getStatus(system, pid)).toMatchObject({
      behaviour: 'statechart',
      stateValue: 'idle',
      recent: [{ kind: 'info', type: 'job' }],
    });
  });

  test("[SYS-001] a chart that postpones '*' is busy: it answers when it is not any more, in order", async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    for (const type of ['begin', 'job'] as const) system.send(pid, { type });
    const state = sys.getState<{ readonly context: unknown }>(system, pid);
    system.send(pid, { type: 'job' });
    await settle();
    expect(system.processInfo(pid)).toMatchObject({ stateValue: 'busy', mailboxLength: 3 });
    system.send(pid, { type: 'finish' });
    expect((await state).context).toMatchObject({ jobs: 1 });
  });

  test('[SYS-003] suspended, events wait; postponing holds after that too', async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    await sys.suspend(system, pid);
    for (const type of ['begin', 'job', 'finish'] as const) system.send(pid, { type });
    await settle();
    expect(await sys.getState(system, pid)).toMatchObject({ value: 'idle', context: { jobs: 0 } });
    await sys.resume(system, pid);
    await settle();
    expect(system.processInfo(pid)?.stateValue).toBe('idle');
    expect(await sys.getState(system, pid)).toMatchObject({ context: { jobs: 1 } });
  });

  test('[SYS-003] a delay that is over while suspended is due at resume', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const pid = await system.start(worker);
    system.send(pid, { type: 'rest' });
    await sys.suspend(system, pid);
    const turns = system.processInfo(pid)?.turns ?? 0;
    await clock.advance(60);
    expect(system.processInfo(pid)).toMatchObject({ stateValue: 'resting', status: 'suspended' });
    // It does not look again and again whether it may do something.
    expect(system.processInfo(pid)?.turns).toBeLessThanOrEqual(turns + 1);
    await sys.resume(system, pid);
    await clock.advance(0);
    expect(system.processInfo(pid)).toMatchObject({ stateValue: 'idle', status: 'waiting' });
  });

  test("[SYS-003] its parent's EXIT wakes it", async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    const gone = system.awaitExit(pid);
    await sys.suspend(system, pid);
    system.send(pid, { type: 'begin' });
    system.exit(pid, exitReason.shutdown);
    expect(await gone).toEqual(exitReason.shutdown);
  });

  test('[SYS-005] the context can be replaced, the state value not', async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    interface State {
      readonly value: string;
      readonly context: { readonly jobs: number };
    }
    const next = await sys.replaceState(system, pid, ({ value, context }: State) => ({
      value,
      context: { ...context, jobs: 7 },
    }));
    expect(next).toEqual({ value: 'idle', context: { jobs: 7, reason: null } });
    system.send(pid, { type: 'job' });
    expect(await system.call(pid, { type: 'ask' })).toBe(8);
    for (const wrong of [{ value: 'busy', context: {} }, { context: {} }, 12, undefined]) {
      expect(await reasonOf(sys.replaceState(system, pid, () => wrong))).toMatchObject({
        value: {
          kind: 'callbackFailed',
          error: {
            message: 'of a chart only the context can be replaced: ({ ...state, context })',
          },
        },
      });
    }
    expect(await system.call(pid, { type: 'ask' })).toBe(8);
  });

  test('[SYS-006] [SYS-007] hooks see events in and answers out, and they are counted', async () => {
    const system = quietSystem();
    const pid = await system.start(worker);
    const events: DebugEvent[] = [];
    await sys.trace(system, pid, (event) => events.push(event));
    await sys.statistics(system, pid, true);
    system.send(pid, { type: 'job' });
    await system.call(pid, { type: 'ask' });
    const state = { value: 'idle', context: { jobs: 1, reason: null } };
    expect(events).toEqual([
      { kind: 'in', via: 'info', message: { type: 'job' } },
      { kind: 'noreply', state },
      { kind: 'in', via: 'call', message: { type: 'ask' }, from: undefined },
      { kind: 'out', reply: 1, to: undefined, state },
    ]);
    expect(await sys.statistics(system, pid, 'get')).toMatchObject({
      messagesIn: 2,
      messagesOut: 1,
    });
  });

  test('[SYS-008] a chart that traps exits ends in its own way, also when it is suspended', async () => {
    const system = quietSystem();
    const reason = exitReason.custom('over');
    const pid = await system.start(worker);
    await sys.suspend(system, pid);
    const gone = system.awaitExit(pid);
    await sys.terminate(system, pid, reason);
    expect(await gone).toBe(reason);
  });

  test('[SYS-008] a chart that does not trap exits just ends', async () => {
    const system = quietSystem();
    const pid = await system.start(defineStatechart(machine));
    const gone = system.awaitExit(pid);
    await sys.terminate(system, pid, exitReason.shutdown);
    expect(await gone).toEqual(exitReason.shutdown);
  });
});

describe('sys on other XState logic', () => {
  test('[SYS-001] [SYS-003] [SYS-008] its snapshot; it can be held and ended', async () => {
    const system = quietSystem();
    const seen: string[] = [];
    const logic = fromCallback(({ receive }) => {
      receive(({ type }) => seen.push(type));
    });
    const pid = await system.start(logic);
    expect(await sys.getState(system, pid)).toMatchObject({ status: 'active' });
    await sys.suspend(system, pid);
    system.send(pid, { type: 'hello' });
    await settle();
    expect(seen).toEqual([]);
    await sys.resume(system, pid);
    await sys.getState(system, pid);
    expect(seen).toEqual(['hello']);
    const gone = system.awaitExit(pid);
    await sys.terminate(system, pid, exitReason.normal);
    expect(await gone).toEqual(exitReason.normal);
  });

  test('[SYS-009] who is linked, and what it does, is the same with everything switched on', async () => {
    const outcomes: unknown[] = [];
    for (const isWatched of [false, true]) {
      const system = quietSystem();
      const parent = await system.start(probe, { trapExit: true });
      const pid = (await parent.call.runNow((self) => self.spawnLink(worker))) as Pid;
      if (isWatched) {
        await sys.trace(system, pid, () => undefined);
        await sys.log(system, pid, true);
        await sys.statistics(system, pid, true);
      }
      for (const type of ['job', 'begin', 'job', 'finish'] as const) system.send(pid, { type });
      const jobs = await system.call(pid, { type: 'ask' });
      const gone = system.awaitExit(pid);
      await parent.call.runNow((self) => {
        self.exit(pid, exitReason.shutdown);
      });
      const reason = await gone;
      const seen = (await parent.call.seen()).map((message) => ({ ...(message as object) }));
      outcomes.push([jobs, reason, seen.map((message) => ('type' in message ? message.type : ''))]);
    }
    expect(outcomes[0]).toEqual([2, exitReason.shutdown, ['EXIT']]);
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});
