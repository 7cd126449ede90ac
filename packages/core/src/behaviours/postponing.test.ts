import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assign, setup } from 'xstate';
import {
  createTestClock,
  defineStatechart,
  exitReason,
  type From,
  type MonitorRef,
} from '../index.ts';
import { missing } from './missing-effect.fixture.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';
import { sameStateValue } from './postponing.ts';

type Event =
  | { readonly type: 'begin' | 'finish' | 'rename' | 'deep' | 'DOWN' }
  | { readonly type: 'job.do'; readonly from?: From; readonly name: string };

interface Note {
  readonly what: string;
  readonly from?: From | undefined;
}

/** Takes jobs while idle; while busy it makes them wait. */
const worker = setup({
  types: { events: {} as Event, context: {} as { readonly renames: number } },
  actions: {
    note: missing('note', {} as Note),
    flush: () => undefined,
  },
}).createMachine({
  id: 'worker',
  context: { renames: 0 },
  initial: 'idle',
  on: {
    'job.do': {
      actions: { type: 'note', params: ({ event }) => ({ what: event.name, from: event.from }) },
    },
    DOWN: { actions: { type: 'note', params: { what: 'DOWN' } } },
    rename: { actions: assign(({ context }) => ({ renames: context.renames + 1 })) },
  },
  states: {
    idle: { on: { begin: 'busy' } },
    busy: {
      meta: { postpone: ['job.*', 'DOWN', 7] },
      on: { finish: 'idle' },
      exit: 'flush',
      initial: 'shallow',
      states: {
        shallow: { on: { deep: 'deeper' } },
        deeper: { meta: { postpone: ['*'] }, after: { 1: 'shallow' } },
      },
    },
  },
});

async function setUp() {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const notes: string[] = [];
  const behaviour = defineStatechart(worker, {
    trapExit: true,
    effects: (self) => ({
      note: ({ what, from }: Note) => {
        notes.push(what);
        if (from !== undefined) self.reply(from, `${what} done`);
      },
    }),
  });
  const pid = await system.start(behaviour);
  const send = (...types: string[]): void => {
    for (const type of types) {
      system.send(pid, /^\d/.test(type) ? { type: 'job.do', name: type } : { type });
    }
  };
  const end = async (): Promise<void> => {
    system.exit(pid, exitReason.kill); // it traps what asks
    await system.stop();
  };
  return { clock, system, pid, notes, send, end, info: () => system.processInfo(pid) };
}

describe('postponing', () => {
  test('[MSG-006] what must wait stays in its order, and is offered again when the state changes', async () => {
    const { notes, send, end, info } = await setUp();
    send('0', 'begin', '1', '2', 'rename', '3');
    await settle();
    expect(notes).toEqual(['0']);
    expect(info()).toMatchObject({
      mailboxLength: 3,
      status: 'waiting',
      stateValue: { busy: 'shallow' },
    });
    send('finish', '4');
    await settle();
    expect(notes).toEqual(['0', '1', '2', '3', '4']);
    await end();
  });

  test('an event that leads to waiting again leaves the rest where it was', async () => {
    const { notes, send, end } = await setUp();
    send('begin', '1', 'begin', '2', 'finish', '3');
    await settle();
    // After the first `finish` the chart is idle: job 1, then the second begin, and 2 and 3 wait again.
    expect(notes).toEqual(['1', '2', '3']);
    send('begin', 'finish');
    await settle();
    expect(notes).toEqual(['1', '2', '3']);
    await end();
  });

  test('a call that waits is answered later, or fails with the end of the process', async () => {
    const { system, pid, send } = await setUp();
    send('begin');
    const first = system.call(pid, { type: 'job.do', name: 'first' } as never);
    await settle();
    send('finish');
    await expect(first).resolves.toBe('first done');
    send('begin');
    const second = reasonOf(system.call(pid, { type: 'job.do', name: 'second' } as never));
    await settle();
    system.exit(pid, exitReason.kill);
    await expect(second).resolves.toEqual(exitReason.killed);
    await system.stop();
  });

  test('a star makes every event wait, but never a delay; what is no event is dropped at once', async () => {
    const { clock, system, pid, notes, send, end, info } = await setUp();
    send('begin', 'deep', 'finish', '1');
    system.send(pid, 'no event');
    await settle();
    expect(notes).toEqual([]);
    await clock.advance(1);
    expect(info()?.stateValue).toBe('idle');
    expect(notes).toEqual(['1']);
    await end();
  });

  test('a star makes wait what the state and those in it name no transition for, whatever others name', async () => {
    const system = quietSystem();
    const notes: string[] = [];
    const machine = setup({
      types: { events: {} as { type: 'go' | 'inner' | 'own.fact' | 'outer' | 'job' } },
      actions: { note: missing('note') },
    }).createMachine({
      initial: 'busy',
      on: { outer: { actions: 'note' }, job: { actions: 'note' } },
      states: {
        busy: {
          meta: { postpone: ['*'] },
          on: { 'own.*': { actions: 'note' }, go: 'idle', '*': { actions: 'note' } },
          initial: 'deep',
          states: { deep: { on: { inner: { actions: 'note' } } } },
        },
        idle: {},
      },
    });
    const behaviour = defineStatechart(machine, {
      effects: () => ({ note: (_, { event }) => notes.push(event.type) }),
    });
    const pid = await system.start(behaviour);
    for (const type of ['outer', 'inner', 'own.fact', 'job']) system.send(pid, { type });
    await settle();
    expect(notes).toEqual(['inner', 'own.fact']);
    system.send(pid, { type: 'go' });
    await settle();
    expect(notes).toEqual(['inner', 'own.fact', 'outer', 'job']);
    await system.stop();
  });

  test('a descriptor with a star takes the bare name too, as those of transitions do', async () => {
    const { system, notes, send, end, info } = await setUp();
    send('begin');
    system.send(info()?.pid as never, { type: 'job' });
    await settle();
    expect(info()?.mailboxLength).toBe(1);
    expect(notes).toEqual([]);
    await end();
  });

  test('[MON-005] a DOWN that waits can be flushed', async () => {
    const { system, notes, end } = await setUp();
    const watched = await system.start(probe, {});
    const behaviour = defineStatechart(worker, {
      effects: (self) => {
        const ref: MonitorRef = self.monitor(watched);
        return {
          note: ({ what }: Note) => notes.push(what),
          flush: () => {
            self.demonitor(ref, { flush: true });
          },
        };
      },
    });
    const pid = await system.start(behaviour);
    system.send(pid, { type: 'begin' });
    await settle();
    system.exit(watched.pid, exitReason.kill);
    await settle();
    expect(system.processInfo(pid)?.mailboxLength).toBe(1);
    system.send(pid, { type: 'finish' });
    await settle();
    expect(system.processInfo(pid)?.mailboxLength).toBe(0);
    expect(notes).toEqual([]);
    await end();
  });

  test('whatever comes, jobs are done in their order and none is lost', async () => {
    const script = fc.array(fc.constantFrom('begin', 'finish', 'job', 'rename'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(script, async (types) => {
        const { notes, send, end } = await setUp();
        let job = 0;
        for (const type of types) send(type === 'job' ? String(job++) : type);
        send('finish');
        await settle();
        send('finish');
        await settle();
        expect(notes).toEqual(Array.from({ length: job }, (_, index) => String(index)));
        await end();
      }),
      { numRuns: 50 },
    );
  });
});

describe('sameStateValue', () => {
  test.each([
    ['a', 'a', true],
    ['a', 'b', false],
    [{ a: 'x' }, 'a', false],
    ['a', { a: 'x' }, false],
    [{ a: 'x', b: { c: 'y' } }, { b: { c: 'y' }, a: 'x' }, true],
    [{ a: 'x', b: { c: 'y' } }, { a: 'x', b: { c: 'z' } }, false],
    [{ a: 'x' }, { a: 'x', b: 'y' }, false],
    [{ a: 'x' }, { b: 'x' }, false],
  ])('%j and %j: %p', (a, b, same) => {
    expect(sameStateValue(a, b)).toBe(same);
  });
});
