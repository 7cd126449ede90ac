import { afterEach, describe, expect, test } from '@jest/globals';
import { fromCallback, fromPromise, setup } from 'xstate';
import { createTestClock, defineStatechart, exitReason, type Clock } from '../index.ts';
import { missing } from './missing-effect.fixture.ts';
import { quietSystem, settle } from '../probe.fixture.ts';

const error = new Error('boom');

afterEach(async () => {
  // XState reports to the host process what it cannot place, in a timeout of 0 ms; Jest fails a test by that.
  await new Promise<void>((resolve) => setTimeout(resolve, 2));
});

describe('delays', () => {
  const timed = setup({
    types: { events: {} as { type: 'cancel' } | { type: 'again' } },
    actions: { note: missing('note') },
  }).createMachine({
    id: 'timed',
    initial: 'waiting',
    states: {
      waiting: {
        after: { 100: 'due' },
        on: { cancel: 'cancelled', again: { target: 'waiting', reenter: true } },
      },
      due: { entry: 'note' },
      cancelled: {},
    },
  });

  async function startTimed() {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const turns: unknown[] = [];
    const behaviour = defineStatechart(timed, {
      effects: (self) => ({ note: () => turns.push(system.processInfo(self.pid)?.status) }),
    });
    const pid = await system.start(behaviour);
    return { clock, system, pid, turns, at: () => system.processInfo(pid)?.stateValue };
  }

  test('[TMR-007] run on the clock of the system, and come as a turn of the process', async () => {
    const { clock, system, at, turns } = await startTimed();
    await clock.advance(99);
    expect(at()).toBe('waiting');
    await clock.advance(1);
    expect([at(), turns]).toEqual(['due', ['running']]);
    await system.stop();
  });

  test('a delay that is due is cancelled by what is handled before its turn', async () => {
    const due: (() => void)[] = [];
    const clock: Clock = {
      now: () => 0,
      setTimeout: (fn) => due.push(fn),
      clearTimeout: () => undefined,
    };
    const system = quietSystem({ clock });
    const both = setup({}).createMachine({
      initial: 'outer',
      states: {
        outer: {
          initial: 'inner',
          after: { 100: 'first' },
          states: { inner: { after: { 200: '#second' } } },
        },
        first: {},
        second: { id: 'second' },
      },
    });
    const pid = system.spawn(both);
    await settle();
    for (const fn of due) fn();
    await settle();
    expect(system.processInfo(pid)).toMatchObject({ stateValue: 'first', turns: 3 });
    system.exit(pid, exitReason.kill);
    await system.awaitExit(pid);
  });

  test('are gone with the process', async () => {
    const { clock, system, pid } = await startTimed();
    expect(clock.pending).toBe(1);
    system.exit(pid, exitReason.kill);
    await system.awaitExit(pid);
    expect(clock.pending).toBe(0);
    await system.stop();
  });
});

describe('invoked actors', () => {
  const released: string[] = [];
  const invoking = setup({
    types: {
      events: {} as { type: 'fail' } | { type: 'pushed' },
      input: {} as 'done' | 'fail' | 'forever' | 'push',
      context: {} as { way: string },
    },
    actors: {
      work: fromPromise(async ({ input }: { input: string }) => {
        await settle(1);
        if (input === 'fail') throw error;
        if (input === 'done') return 'result';
        return new Promise<never>(() => undefined);
      }),
      feed: fromCallback(
        ({ sendBack, input }: { sendBack: (event: { type: 'pushed' }) => void; input: string }) => {
          if (input === 'push') sendBack({ type: 'pushed' });
          return () => {
            released.push('feed');
          };
        },
      ),
    },
    actions: { note: missing('note'), fail: missing('fail') },
  }).createMachine({
    id: 'invoking',
    context: ({ input }) => ({ way: input }),
    initial: 'working',
    states: {
      working: {
        invoke: [
          {
            src: 'work',
            input: ({ context }) => context.way,
            onDone: { target: 'done', actions: 'note' },
          },
          { src: 'feed', input: ({ context }) => context.way },
        ],
        on: { pushed: { actions: 'note' }, fail: { actions: 'fail' } },
      },
      done: {},
    },
  });

  function startInvoking(way: 'done' | 'fail' | 'forever' | 'push') {
    released.length = 0;
    const system = quietSystem();
    const turns: unknown[] = [];
    const behaviour = defineStatechart(invoking, {
      effects: (self) => ({
        note: (_, { event }) => turns.push([event.type, system.processInfo(self.pid)?.status]),
        fail: () => {
          throw error;
        },
      }),
    });
    const pid = system.spawn(behaviour, way);
    return { system, pid, turns, gone: system.awaitExit(pid) };
  }

  test('a promise that resolves comes as a turn of the process', async () => {
    const { system, pid, turns } = startInvoking('done');
    await settle(10);
    expect(system.processInfo(pid)?.stateValue).toBe('done');
    expect(turns).toEqual([['xstate.done.actor.0.invoking.working', 'running']]);
    expect(released).toEqual(['feed']);
    await system.stop();
  });

  test('a callback may send at once', async () => {
    const { system, turns } = startInvoking('push');
    await settle();
    expect(turns).toHaveLength(1);
    await system.stop();
  });

  test('a promise that rejects, unhandled, ends the process with the error', async () => {
    const { system, gone } = startInvoking('fail');
    await expect(gone).resolves.toEqual(exitReason.error(error));
    expect(released).toEqual(['feed']);
    await system.stop();
  });

  test('an action that throws does not leave them running', async () => {
    const { system, pid, gone } = startInvoking('forever');
    await settle();
    system.send(pid, { type: 'fail' });
    await expect(gone).resolves.toEqual(exitReason.error(error));
    expect(released).toEqual(['feed']);
    await system.stop();
  });

  test('they are stopped with their process', async () => {
    const { system, pid, gone } = startInvoking('forever');
    await settle();
    system.exit(pid, exitReason.kill);
    await gone;
    expect(released).toEqual(['feed']);
    await system.stop();
  });
});
