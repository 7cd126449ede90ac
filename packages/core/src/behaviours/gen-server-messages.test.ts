import { describe, expect, test } from '@jest/globals';
import {
  defineServer,
  exitReason,
  noreply,
  ok,
  reply,
  stop,
  type ProcessContext,
} from '../index.ts';
import { probe, quietSystem, reasonOf } from '../probe.fixture.ts';
import { setUpServer } from './instructed-server.fixture.ts';

const boom = exitReason.custom('boom');

describe('messages', () => {
  test('[GEN-022] without an info handler a message is logged, and the server lives', async () => {
    const { system, ref, warnings } = await setUpServer();
    system.send(ref, 'hello');
    await ref.call.become('second');
    expect(warnings).toEqual([
      `server ${ref.pid.toString()} received a message that it has no info handler for`,
    ]);
    await system.stop();
  });

  test('[GEN-014] the reply is sent before the continue, the continue runs before the next message', async () => {
    const system = quietSystem();
    const steps: string[] = [];
    let goOn: () => void = () => undefined;
    const looked = new Promise<void>((resolve) => (goOn = resolve));
    const server = defineServer({
      init: () => ok(0),
      call: {
        begin: (state) => reply('answer', state, { continue: 2 }),
        state: () => reply(steps, 0),
      },
      cast: { note: (state) => (steps.push('cast'), noreply(state)) },
      continue: async (state, left) => {
        await looked;
        steps.push(`continue ${String(left)}`);
        const next = (left as number) - 1;
        return noreply(state, next > 0 ? { continue: next } : undefined);
      },
    });
    const ref = await system.start(server);
    const answer = ref.call.begin().then((value) => steps.push(value));
    ref.cast.note();
    await answer;
    expect(system.processInfo(ref.pid)?.stateValue).toBe('continuing');
    goOn();
    await expect(ref.call.state()).resolves.toEqual(['answer', 'continue 2', 'continue 1', 'cast']);
    await system.stop();
  });

  test('[GEN-021] a cast returns at once, also to the dead', async () => {
    const { system, ref } = await setUpServer();
    ref.cast.do((state) => noreply(state));
    system.exit(ref.pid, exitReason.kill);
    await system.awaitExit(ref.pid);
    ref.cast.do((state) => noreply(state));
    await system.stop();
  });

  test('a callback may give any thenable', async () => {
    const { system, ref } = await setUpServer();
    const thenable = {
      then: (resolve: (value: unknown) => void) => {
        resolve(reply('thenable', 'second'));
      },
    };
    await expect(ref.call.do(() => thenable as never)).resolves.toBe('thenable');
    await system.stop();
  });
});

describe('calls', () => {
  test('[GEN-016] to a dead pid or an unknown name fail at once with noproc', async () => {
    const { system, ref } = await setUpServer();
    system.exit(ref.pid, exitReason.kill);
    await system.awaitExit(ref.pid);
    await expect(reasonOf(ref.call.become('x'))).resolves.toEqual(exitReason.noproc);
    await expect(reasonOf(system.call('nobody', { type: 'x' }))).resolves.toEqual(
      exitReason.noproc,
    );
    await system.stop();
  });

  test.each([exitReason.normal, exitReason.shutdown, boom])(
    '[GEN-017] [GEN-020] a server that ends with %j during the call fails it so',
    async (reason) => {
      const { system, ref, terminated } = await setUpServer();
      await expect(reasonOf(ref.call.do((state) => stop(reason, `${state}!`)))).resolves.toEqual(
        reason,
      );
      expect(terminated).toEqual([['first!', reason]]);
      await system.stop();
    },
  );

  test('[GEN-018] a process that calls itself fails at once, by whatever way it calls', async () => {
    const { system, ref } = await setUpServer();
    const call = { type: 'become', arg: 'x' } as const;
    const ways = [
      (self: ProcessContext) => self.call(self.pid, call),
      (self: ProcessContext) => self.system.call(self.pid, call),
      () => ref.call.become('x'),
    ];
    for (const way of ways) {
      const reason = ref.call.do(async (state, self) => reply(await reasonOf(way(self)), state));
      await expect(reason).resolves.toEqual(exitReason.callingSelf);
    }
    await system.stop();
  });

  test('[GEN-015] a caller that does not catch the timeout ends with it; the callee is not affected', async () => {
    const { clock, system, ref } = await setUpServer();
    const caller = await system.start(probe, {});
    const failed = reasonOf(
      caller.call.run((self) =>
        self.call(
          ref,
          { type: 'do', arg: (state: string) => noreply(state) },
          {
            timeout: 1,
          },
        ),
      ),
    );
    await clock.advance(1);
    await expect(failed).resolves.toMatchObject({
      kind: 'error',
      error: { reason: exitReason.timeout },
    });
    await expect(ref.call.become('x')).resolves.toBe('done');
    await system.stop();
  });
});
