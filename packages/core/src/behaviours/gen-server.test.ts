import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  ignore,
  noreply,
  ok,
  reply,
  stop,
  type ExitReason,
  type From,
} from '../index.ts';
import { quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok({ n: start }),
  call: {
    get: (state) => reply(state.n, state),
    add: (state, by: number) => reply(state.n + by, { n: state.n + by }),
    fail: (): never => {
      throw new Error('boom');
    },
    junk: () => 42 as never,
  },
  cast: { reset: () => noreply({ n: 0 }) },
});

const quiet = quietSystem;

describe('defineServer', () => {
  test('[GEN-001] start returns only after init has finished', async () => {
    const system = quiet();
    const steps: string[] = [];
    const server = defineServer({
      init: async () => {
        await settle();
        steps.push('initialised');
        return ok(0);
      },
    });
    await system.start(server).then(() => steps.push('started'));
    expect(steps).toEqual(['initialised', 'started']);
    await system.stop();
  });

  test('[GEN-012] [GEN-021] calls answer; casts change the state', async () => {
    const system = quiet();
    const ref = await system.start(counter, 1);
    await expect(ref.call.add(2)).resolves.toBe(3);
    ref.cast.reset();
    await expect(ref.call.get()).resolves.toBe(0);
    await system.stop();
    expect([...system.processes()]).toEqual([]);
  });

  test('[GEN-023] a callback that throws ends the process with the error; the caller gets it [GEN-017]', async () => {
    const system = quiet();
    const ref = await system.start(counter, 1);
    const reason = await reasonOf(ref.call.fail());
    expect(reason).toMatchObject({ kind: 'error', error: new Error('boom') });
    expect(system.isAlive(ref.pid)).toBe(false);
    await expect(reasonOf(ref.call.get())).resolves.toEqual(exitReason.noproc);
  });

  test('[GEN-024] a junk return value ends it with badReturn', async () => {
    const system = quiet();
    const ref = await system.start(counter, 1);
    await expect(reasonOf(ref.call.junk())).resolves.toEqual(exitReason.badReturn(42));
  });

  test('[GEN-004] [GEN-005] [GEN-006] a start that is declined, stopped or failed says so', async () => {
    const system = quiet();
    const start = (init: () => never) => reasonOf(system.start(defineServer({ init })));
    await expect(start(() => ignore() as never)).resolves.toEqual(exitReason.normal);
    await expect(start(() => stop(exitReason.custom('nope')) as never)).resolves.toEqual(
      exitReason.custom('nope'),
    );
    await expect(
      start(() => {
        throw new Error('early');
      }),
    ).resolves.toMatchObject({ kind: 'error' });
  });

  test('[GEN-003] continue runs before a message that was already waiting', async () => {
    const system = quiet();
    const seen: string[] = [];
    const server = defineServer({
      init: async (_: undefined, self) => {
        self.send(self.pid, 'early');
        await Promise.resolve();
        return ok(0, { continue: 'first' });
      },
      continue: (state, argument) => {
        seen.push(`continue ${String(argument)}`);
        return noreply(state);
      },
      info: (state, message) => {
        seen.push(String(message));
        return noreply(state);
      },
      call: { sync: (state) => reply(seen, state) },
    });
    const ref = await system.start(server);
    await expect(ref.call.sync()).resolves.toEqual(['continue first', 'early']);
  });

  test('[GEN-001] while a callback awaits, other messages wait their turn', async () => {
    const system = quiet();
    const server = defineServer({
      init: () => ok([] as string[]),
      call: {
        slow: async (state) => {
          await new Promise<void>((resolve) => setImmediate(resolve));
          return reply('slow', [...state, 'slow']);
        },
        fast: (state) => reply([...state, 'fast'], state),
      },
    });
    const ref = await system.start(server);
    const slow = ref.call.slow();
    await expect(ref.call.fast()).resolves.toEqual(['slow', 'fast']);
    await expect(slow).resolves.toBe('slow');
  });

  test('[GEN-013] a call may be answered later by anyone who has its from', async () => {
    const system = quiet();
    const server = defineServer({
      init: () => ok(undefined as From | undefined),
      call: { wait: (_state, _: undefined, _self, from) => noreply(from) },
      cast: {
        answer: (state, value: string, self) => {
          if (state !== undefined) self.reply(state, value);
          return noreply(undefined);
        },
      },
    });
    const ref = await system.start(server);
    const answer = ref.call.wait(undefined);
    ref.cast.answer('late');
    await expect(answer).resolves.toBe('late');
  });

  test('[GEN-015] [MSG-008] a call that gets no answer in time rejects with timeout; the server lives', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const server = defineServer({
      init: () => ok(0),
      call: { never: (state) => noreply(state), ping: (state) => reply('pong', state) },
    });
    const ref = await system.start(server);
    const failed = reasonOf(ref.call.never(undefined, { timeout: 100 }));
    await clock.advance(100);
    await expect(failed).resolves.toEqual(exitReason.timeout);
    await expect(ref.call.ping()).resolves.toBe('pong');
  });

  test('[GEN-019] stop with a reply: terminate runs to its end, then the reply is sent, then it exits', async () => {
    const system = quiet();
    const events: string[] = [];
    const server = defineServer({
      init: () => ok('state'),
      call: { end: (state) => stop(exitReason.shutdown, state, { reply: 'bye' }) },
      terminate: async (_state, reason) => {
        await new Promise<void>((resolve) => setImmediate(resolve));
        events.push(`terminated ${reason.kind}`);
      },
    });
    const ref = await system.start(server);
    const gone = system.awaitExit(ref.pid);
    const value = await ref.call.end();
    events.push(String(value));
    await expect(gone).resolves.toEqual(exitReason.shutdown);
    expect(events).toEqual(['terminated shutdown', 'bye']);
  });

  test('[GEN-028] [GEN-026] a trapping server ends with its parent’s reason after terminate', async () => {
    const system = quiet();
    const terminated: ExitReason[] = [];
    const server = defineServer({
      trapExit: true,
      init: () => ok(0),
      terminate: (_state, reason) => {
        terminated.push(reason);
      },
    });
    const { pid } = await system.start(server);
    const gone = system.awaitExit(pid);
    system.exit(pid, exitReason.custom('over'));
    await expect(gone).resolves.toEqual(exitReason.custom('over'));
    expect(terminated).toEqual([exitReason.custom('over')]);
  });

  test('[GEN-010] a start that takes too long is killed and reports timeout', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    const server = defineServer({ init: () => new Promise<never>(() => undefined) });
    const failed = reasonOf(system.start(server, undefined, { timeout: 50 }));
    await clock.advance(50);
    await expect(failed).resolves.toEqual(exitReason.timeout);
    expect([...system.processes()]).toEqual([]);
  });
});
