import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  fail,
  noreply,
  ok,
  reply,
  sys,
  type ExitReason,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');

/** A server whose terminate is told what to do. */
function server(terminate: (reason: ExitReason) => void | Promise<void> = () => undefined) {
  const seen: unknown[] = [];
  const behaviour = defineServer({
    init: () => ok('state'),
    call: { get: (state) => reply(state, state) },
    info: (state, message) => {
      seen.push(message);
      return noreply(state);
    },
    terminate: (_state, reason) => {
      seen.push(reason.kind);
      return terminate(reason);
    },
  });
  return { behaviour, seen };
}

describe('system.stopProcess', () => {
  test.each<[string, ExitReason | undefined]>([
    ['normal unless told otherwise', undefined],
    ['shutdown', exitReason.shutdown],
    ['anything', boom],
  ])('[GEN-031] succeeds when the server ends with that reason: %s', async (_what, reason) => {
    const system = quietSystem();
    const { behaviour, seen } = server();
    const { pid } = await system.start(behaviour);
    const gone = system.awaitExit(pid);
    await expect(system.stopProcess(pid, reason)).resolves.toBeUndefined();
    expect(system.isAlive(pid)).toBe(false);
    expect(await gone).toEqual(reason ?? exitReason.normal);
    expect(seen).toEqual([(reason ?? exitReason.normal).kind]);
  });

  test('[GEN-031] fails with the reason that it ended with, when that is another', async () => {
    const system = quietSystem();
    const { behaviour } = server(() => {
      throw new Error('in terminate');
    });
    const ref = await system.start(behaviour);
    expect(await reasonOf(system.stopProcess(ref))).toMatchObject({
      kind: 'error',
      error: { message: 'in terminate' },
    });
  });

  test('[GEN-031] of the dead: noproc; of oneself: callingSelf', async () => {
    const system = quietSystem();
    expect(await reasonOf(system.stopProcess('nobody'))).toEqual(exitReason.noproc);
    const { call, pid } = await system.start(probe);
    const reason = await call.run((self) => reasonOf(self.system.stopProcess(self.pid)));
    expect(reason).toEqual(exitReason.callingSelf);
    expect(system.isAlive(pid)).toBe(true);
  });

  test('[GEN-031] fails by timeout while the server still ends', async () => {
    const clock = createTestClock();
    const system = quietSystem({ clock });
    let finish: () => void = () => undefined;
    const { behaviour } = server(() => new Promise<void>((resolve) => (finish = resolve)));
    const { pid } = await system.start(behaviour);
    const gone = system.awaitExit(pid);
    const reason = reasonOf(system.stopProcess(pid, exitReason.shutdown, { timeout: 50 }));
    await clock.advance(50);
    expect(await reason).toEqual(exitReason.timeout);
    expect(system.isAlive(pid)).toBe(true);
    finish();
    expect(await gone).toEqual(exitReason.shutdown);
    expect(clock.pending).toBe(0);
  });

  test('[GEN-030] what was sent before is handled first, what comes later never', async () => {
    const system = quietSystem();
    const { behaviour, seen } = server();
    const { pid } = await system.start(behaviour);
    system.send(pid, 'before');
    const stopped = system.stopProcess(pid);
    system.send(pid, 'after');
    await stopped;
    expect(seen).toEqual(['before', 'normal']);
  });

  test('[GEN-026] [GEN-031] terminate runs whether exits are trapped or not', async () => {
    const system = quietSystem();
    const { behaviour, seen } = server();
    const parent = await system.start(probe, { trapExit: true });
    const pid = (await parent.call.runNow((self) => self.spawnLink(behaviour))) as never;
    await system.stopProcess(pid, boom);
    expect(seen).toEqual(['custom']);
    expect(await parent.call.seen()).toEqual([{ type: 'EXIT', from: pid, reason: boom }]);
  });

  test('what is no timeout fails, and nothing is stopped', async () => {
    const system = quietSystem();
    const { pid } = await system.start(server().behaviour);
    await expect(system.stopProcess(pid, undefined, { timeout: Number.NaN })).rejects.toMatchObject(
      { code: 'INVALID_ARGUMENT' },
    );
    await settle();
    expect(system.isAlive(pid)).toBe(true);
  });
});

describe('fail', () => {
  test('[GEN-008] the start fails with the reason, the process ends normal, nothing is reported', async () => {
    const errors: string[] = [];
    const system = quietSystem({
      logger: { ...console, error: (message: string) => errors.push(message) },
    });
    const reasons: ExitReason[] = [];
    system.telemetry.on('snakepit.process.exited', (_, { reason }) => reasons.push(reason));
    const refusing = defineServer({ init: () => fail(boom) });
    const late = defineServer({
      init: async () => {
        await settle(1);
        return fail(boom);
      },
    });
    for (const one of [refusing, late]) {
      expect(await reasonOf(system.start(one, undefined, { name: 'one' }))).toBe(boom);
    }
    expect(reasons).toEqual([exitReason.normal, exitReason.normal]);
    expect([errors, system.whereis('one')]).toEqual([[], undefined]);
  });

  test('[GEN-008] a caller that is linked and does not trap lives on', async () => {
    const system = quietSystem();
    const refusing = defineServer({ init: () => fail(boom) });
    const { call, pid } = await system.start(probe, {});
    const results: unknown[] = [];
    await call.runNow((self) =>
      self.startLink(refusing, undefined, {}, (result) => results.push(result)),
    );
    await settle();
    expect(results).toEqual([{ ok: false, reason: boom }]);
    expect(system.isAlive(pid)).toBe(true);
  });
});

describe('the state value of a server', () => {
  test('init, waiting, handling what, continuing, suspended, terminating why', async () => {
    const system = quietSystem();
    const gates: (() => void)[] = [];
    const wait = (): Promise<void> => new Promise((resolve) => gates.push(resolve));
    const slow = defineServer({
      init: async () => {
        await wait();
        return ok(0, { continue: 'more' });
      },
      continue: async (n) => {
        await wait();
        return noreply(n);
      },
      cast: {
        work: async (n) => {
          await wait();
          return noreply(n);
        },
      },
      info: async (n) => {
        await wait();
        return noreply(n);
      },
      terminate: wait,
    });
    const pid = system.spawn(slow);
    const gone = system.awaitExit(pid);
    const now = (): unknown => system.processInfo(pid)?.stateValue;
    const step = async (): Promise<unknown> => {
      gates.shift()?.();
      await settle();
      return now();
    };
    expect(now()).toBeUndefined();
    expect(await step()).toBe('init');
    expect(await step()).toBe('continuing');
    expect(await step()).toBe('waiting');
    system.cast(pid, { type: 'work' });
    expect(await step()).toEqual({ handling: 'work' });
    await step();
    system.send(pid, { type: 'news' });
    expect(await step()).toEqual({ handling: 'news' });
    await step();
    system.send(pid, 'words');
    expect(await step()).toEqual({ handling: 'string' });
    await step();
    await sys.suspend(system, pid);
    expect(now()).toBe('suspended');
    await sys.terminate(system, pid, exitReason.shutdown);
    expect(now()).toEqual({ terminating: 'shutdown' });
    await step();
    expect(await gone).toEqual(exitReason.shutdown);
  });
});
