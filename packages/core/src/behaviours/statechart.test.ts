import { afterEach, describe, expect, test } from '@jest/globals';
import { assign, setup } from 'xstate';
import {
  defineServer,
  defineStatechart,
  exitReason,
  noreply,
  ok,
  silentLogger,
  type ExitReason,
  type From,
  type ProcessContext,
} from '../index.ts';
import { missing } from './missing-effect.fixture.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('boom');

afterEach(async () => {
  // XState reports to the host process what it cannot place, in a timeout of 0 ms; Jest fails a test by that.
  await new Promise<void>((resolve) => setTimeout(resolve, 2));
});

type CounterEvent =
  | { readonly type: 'count.get'; readonly from: From }
  | { readonly type: 'count.add'; readonly by: number }
  | { readonly type: 'count.stop'; readonly reason?: ExitReason }
  | { readonly type: 'count.fail' };

const counterMachine = setup({
  types: {
    input: {} as { readonly start: number } | undefined,
    context: {} as { readonly n: number; readonly reason: ExitReason | undefined },
    events: {} as CounterEvent,
  },
  actions: {
    answer: missing('answer', {} as { from: From; n: number }),
    announce: missing('announce', {} as { n: number }),
    fail: missing('fail'),
  },
}).createMachine({
  id: 'counter',
  context: ({ input }) => ({ n: input?.start ?? 0, reason: undefined }),
  initial: 'counting',
  output: ({ context }) => (context.reason === undefined ? undefined : { reason: context.reason }),
  states: {
    counting: {
      on: {
        'count.get': {
          actions: {
            type: 'answer',
            params: ({ event, context }) => ({ from: event.from, n: context.n }),
          },
        },
        'count.add': {
          actions: [
            assign(({ context, event }) => ({ n: context.n + event.by })),
            { type: 'announce', params: ({ context }) => ({ n: context.n }) },
          ],
        },
        'count.stop': {
          target: 'ended',
          actions: assign(({ event }) => ({ reason: event.reason })),
        },
        'count.fail': { actions: 'fail' },
      },
    },
    ended: { type: 'final' },
  },
});

describe('defineStatechart', () => {
  const counter = defineStatechart(counterMachine, {
    effects: (self, input) => ({
      answer: ({ from, n }: { from: From; n: number }) => {
        self.reply(from, `${String(input?.start)}: ${String(n)}`);
      },
      announce: ({ n }: { n: number }, { context, event }) => {
        self.send('log', [n, context.n, event.type]);
      },
      fail: () => self.exit(boom),
    }),
  });

  test('effects are made per process; calls are events that an effect answers', async () => {
    const system = quietSystem();
    const log = await system.start(probe, {}, { name: 'log' });
    const one = await system.start(counter, { start: 1 });
    const ten = await system.start(counter, { start: 10 });
    system.cast(one, { type: 'count.add', by: 1 } as never);
    system.send(ten, { type: 'count.add', by: 5 });
    await expect(system.call(one, { type: 'count.get' })).resolves.toBe('1: 2');
    await expect(system.call(ten, { type: 'count.get' })).resolves.toBe('10: 15');
    await expect(log.call.seen()).resolves.toEqual([
      [2, 2, 'count.add'],
      [15, 15, 'count.add'],
    ]);
    expect(system.processInfo(one)).toMatchObject({
      label: 'counter',
      behaviour: 'statechart',
      stateValue: 'counting',
      state: { context: { n: 2 } },
    });
    await system.stop();
  });

  test('effects may be the methods of a class', async () => {
    class Effects {
      readonly #self: ProcessContext;
      #answers = 0;
      constructor(self: ProcessContext) {
        this.#self = self;
      }
      answer({ from }: { readonly from: From }): void {
        this.#answers += 1;
        this.#self.reply(from, this.#answers);
      }
    }
    const system = quietSystem();
    const pid = await system.start(
      defineStatechart(counterMachine, { effects: (self) => new Effects(self) }),
    );
    await expect(system.call(pid, { type: 'count.get' })).resolves.toBe(1);
    await expect(system.call(pid, { type: 'count.get' })).resolves.toBe(2);
    await system.stop();
  });

  test.each([
    [undefined, exitReason.normal],
    [boom, boom],
    ['no reason' as never, exitReason.normal],
  ])('a final state with the reason %j ends the process with %j', async (reason, expected) => {
    const system = quietSystem();
    const pid = await system.start(counter);
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'count.stop', reason });
    await expect(gone).resolves.toEqual(expected);
    await system.stop();
  });

  test('[PRC-003] an effect may exit its process with a reason', async () => {
    const system = quietSystem();
    const pid = await system.start(counter);
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'count.fail' });
    await expect(gone).resolves.toBe(boom);
    await system.stop();
  });

  test('[PRC-004] an action that throws ends its process with the error, and nobody else', async () => {
    const system = quietSystem();
    const failing = defineStatechart(counterMachine, {
      name: 'failing',
      effects: () => ({
        answer: () => undefined,
        fail: () => {
          throw error;
        },
      }),
    });
    const pid = await system.start(failing);
    const other = await system.start(counter);
    const waiting = system.call(pid, { type: 'count.get' });
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'count.fail' });
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await expect(reasonOf(waiting)).resolves.toEqual(exitReason.error(error));
    expect(system.isAlive(other)).toBe(true);
    await system.stop();
  });

  test('an effect that is not provided runs what the machine says, which asks for it', async () => {
    const system = quietSystem();
    const pid = await system.start(defineStatechart(counterMachine), undefined);
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'count.fail' });
    await expect(gone).resolves.toMatchObject({
      kind: 'error',
      error: { message: "provide the action 'fail'" },
    });
    await system.stop();
  });

  test.each([
    [
      'the machine’s first context',
      defineStatechart(
        setup({}).createMachine({
          context: () => {
            throw error;
          },
        }),
      ),
    ],
    [
      'the effects',
      defineStatechart(counterMachine, {
        effects: () => {
          throw error;
        },
      }),
    ],
    [
      'the first entry',
      defineStatechart(
        setup({
          actions: {
            fail: () => {
              throw error;
            },
          },
        }).createMachine({ entry: 'fail' }),
      ),
    ],
  ])('an error in %s fails the start', async (_, behaviour) => {
    const system = quietSystem();
    await expect(reasonOf(system.start(behaviour))).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('what is no event, or has no transition, is dropped and told to developers', async () => {
    const messages: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, debug: (message) => messages.push(message) },
    });
    const pid = await system.start(counter, { start: 1 }, { name: 'mine' });
    for (const message of ['text', null, { type: 1 }]) system.send(pid, message);
    system.send(pid, { type: 'count.unknown' });
    await expect(system.call(pid, { type: 'count.get' })).resolves.toBe('1: 1');
    const who = `mine ${pid.toString()}`;
    expect(messages).toEqual([
      `${who} dropped a message that is no event`,
      `${who} dropped a message that is no event`,
      `${who} dropped a message that is no event`,
      `${who} has no transition for count.unknown`,
    ]);
    await system.stop();
  });

  test('a call that no state takes fails at once, and harms nobody', async () => {
    const system = quietSystem();
    const pid = await system.start(counter, { start: 1 }, { name: 'mine' });
    const failed = system.call(pid, { type: 'count.unknown' }, { timeout: Infinity });
    await expect(failed).rejects.toThrow(
      `mine ${pid.toString()} has no transition for count.unknown in the state "counting"`,
    );
    await expect(system.call(pid, { type: 'count.get' })).resolves.toBe('1: 1');
    await system.stop();
  });

  test('released runs when the process is gone, whatever ended it; what it throws is reported', async () => {
    const released: unknown[] = [];
    const reports: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, error: (message) => reports.push(message) },
    });
    const behaviour = defineStatechart(counterMachine, {
      released: (reason, snapshot, self) => {
        released.push([reason, snapshot.context.n, self.alive]);
        throw error;
      },
    });
    const pids = [await system.start(behaviour, { start: 7 }), await system.start(behaviour)];
    const reasons = pids.map((pid) => system.awaitExit(pid));
    system.exit(pids[0] as never, exitReason.kill);
    system.send(pids[1] as never, { type: 'count.stop' });
    await expect(Promise.all(reasons)).resolves.toEqual([exitReason.killed, exitReason.normal]);
    expect(released).toEqual([
      [exitReason.killed, 7, false],
      [exitReason.normal, 0, false],
    ]);
    expect(reports).toEqual(
      pids.map((pid) => `the release of counter ${pid.toString()} failed: error(Error: boom)`),
    );
    await system.stop();
  });

  test('EXIT and DOWN arrive as events when it traps exits', async () => {
    const system = quietSystem();
    const seen: unknown[] = [];
    const watcher = setup({
      types: { events: {} as { type: 'EXIT' } | { type: 'DOWN' } | { type: 'watch' } },
      actions: { watch: missing('watch'), note: missing('note') },
    }).createMachine({
      on: { watch: { actions: 'watch' }, EXIT: { actions: 'note' }, DOWN: { actions: 'note' } },
    });
    const behaviour = defineStatechart(watcher, {
      trapExit: true,
      effects: (self) => ({
        watch: () => {
          const pid = self.spawnLink(defineServer({ init: () => ok(0), info: (n) => noreply(n) }));
          self.monitor(pid);
          self.exit(pid, boom);
        },
        note: (_, { event }) => seen.push(event),
      }),
    });
    const pid = await system.start(behaviour);
    system.send(pid, { type: 'watch' });
    await settle();
    expect(seen).toMatchObject([
      { type: 'EXIT', reason: boom },
      { type: 'DOWN', reason: boom },
    ]);
    system.exit(pid, exitReason.shutdown);
    await settle();
    expect(seen).toHaveLength(3);
    expect(system.isAlive(pid)).toBe(true);
    system.exit(pid, exitReason.kill);
    await system.stop();
  });
});
