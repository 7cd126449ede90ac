import { describe, expect, test } from '@jest/globals';
import { assign, fromCallback, fromObservable, fromPromise, sendTo, setup } from 'xstate';
import { createTestClock, defineStatechart, exitReason, type Pid } from '../../index.ts';
import { quietSystem, settle } from '../../probe.fixture.ts';
import { missing } from '../missing-effect.fixture.ts';

interface Counted {
  readonly n: number;
}

describe('delays of a compiled chart', () => {
  const timed = setup({
    types: {
      context: {} as Counted,
      events: {} as { type: 'more' } | { type: 'pause' } | { type: 'resume' },
    },
    delays: { growing: ({ context }) => 100 * context.n },
    actions: { more: assign({ n: ({ context }) => context.n + 1 }) },
  }).createMachine({
    context: { n: 1 },
    initial: 'on',
    states: {
      on: {
        initial: 'a',
        on: { pause: 'off', more: { target: '.a', actions: 'more' } },
        states: {
          a: { after: { growing: 'b' } },
          b: { after: { 50: 'a' } },
          last: { type: 'history' },
        },
      },
      off: { on: { resume: 'on.last' } },
    },
  });

  test('are computed anew at each entry, and end with their state', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const pid = await system.start(timed);
    const at = (): unknown => system.processInfo(pid)?.stateValue;
    await clock.advance(99);
    expect(at()).toEqual({ on: 'a' });
    system.send(pid, { type: 'more' });
    await clock.advance(199);
    expect([at(), clock.pending]).toEqual([{ on: 'a' }, 1]);
    await clock.advance(1);
    expect([at(), clock.pending]).toEqual([{ on: 'b' }, 1]);
    system.send(pid, { type: 'pause' });
    await clock.advance(1_000);
    expect([at(), clock.pending]).toEqual(['off', 0]);
    system.send(pid, { type: 'resume' });
    await clock.advance(0);
    expect([at(), clock.pending]).toEqual([{ on: 'b' }, 1]);
    await system.stop();
    expect(clock.pending).toBe(0);
  });

  test('of one process are not those of another, though both share what was compiled', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const first = await system.start(timed);
    await clock.advance(60);
    const second = await system.start(timed);
    system.exit(first, exitReason.kill);
    await system.awaitExit(first);
    expect(clock.pending).toBe(1);
    await clock.advance(100);
    expect(system.processInfo(second)?.stateValue).toEqual({ on: 'b' });
    await system.stop();
  });
});

describe('actors of a compiled chart', () => {
  const worker = setup({
    types: { input: {} as Counted, context: {} as Counted, events: {} as { type: 'work' } },
    actions: { work: missing('work') },
  }).createMachine({
    context: ({ input }) => input,
    initial: 'waiting',
    output: ({ context }) => context.n * 2,
    states: {
      waiting: { on: { work: { target: 'done', actions: 'work' } } },
      done: { type: 'final' },
    },
  });

  const parent = setup({
    types: { context: {} as Counted, events: {} as { type: 'go' } },
    actors: { worker },
    actions: { note: missing('note') },
  }).createMachine({
    context: { n: 21 },
    initial: 'asking',
    states: {
      asking: {
        invoke: {
          id: 'worker',
          src: 'worker',
          input: ({ context }) => ({ n: context.n }),
          onDone: {
            target: 'answered',
            actions: [assign({ n: ({ event }) => event.output as number }), 'note'],
          },
        },
        on: { go: { actions: sendTo('worker', { type: 'work' }) } },
      },
      answered: {},
    },
  });

  test('a machine that it invokes has its effects in the same process, and answers with its output', async () => {
    const system = quietSystem();
    const did: unknown[] = [];
    const behaviour = defineStatechart(parent, {
      effects: (self) =>
        ({
          note: (_: unknown, { context }: { context: Counted }) => did.push(['note', context.n]),
          work: (_: unknown, { context }: { context: Counted }) =>
            did.push(['work', context.n, system.processInfo(self.pid)?.status]),
        }) as never,
    });
    const pid = await system.start(behaviour);
    system.send(pid, { type: 'go' });
    await settle();
    expect(did).toEqual([
      ['work', 21, 'running'],
      ['note', 42],
    ]);
    expect(system.processInfo(pid)?.stateValue).toBe('answered');
    await system.stop();
  });

  test('snapshots of an observable arrive as events; what it spawned ends with the process', async () => {
    const ended: string[] = [];
    const numbers = fromObservable<number, undefined>(() => ({
      subscribe: (observer) => {
        const { next } = observer as { next: (value: number) => void };
        next(1);
        next(2);
        return { unsubscribe: () => ended.push('numbers') };
      },
    }));
    const child = fromCallback(() => () => ended.push('child'));
    const chart = setup({
      types: { context: {} as { readonly seen: readonly unknown[]; readonly child: unknown } },
      actors: { numbers, child, late: fromPromise(() => Promise.resolve('late')) },
    }).createMachine({
      context: ({ spawn }) => ({ seen: [], child: spawn('child') }),
      invoke: [
        {
          src: 'numbers',
          onSnapshot: {
            actions: assign({
              seen: ({ context, event }) => [...context.seen, event.snapshot.context],
            }),
          },
        },
        {
          src: 'late',
          onDone: {
            actions: assign({
              seen: ({ context, event }) => [...context.seen, event.output],
              child: ({ context, spawn }) => [context.child, spawn('child')],
            }),
          },
        },
      ],
    });
    const system = quietSystem();
    const states: { seen: unknown }[] = [];
    const behaviour = defineStatechart(chart, {
      released: (_, snapshot) => states.push(snapshot.context),
    });
    const pid: Pid = await system.start(behaviour);
    await settle(10);
    system.exit(pid, exitReason.shutdown);
    await system.awaitExit(pid);
    // The first is the snapshot with which the actor begins, as XState tells it.
    expect(states[0]?.seen).toEqual([undefined, 1, 2, 'late']);
    expect(ended.sort()).toEqual(['child', 'child', 'numbers']);
    await system.stop();
  });
});
