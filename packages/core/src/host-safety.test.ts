import { describe, expect, test } from '@jest/globals';
import { setup } from 'xstate';
import {
  createTelemetry,
  defineServer,
  defineStatechart,
  defineTask,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
  stop,
  sys,
  type HasPid,
  type ProcessContext,
} from './index.ts';
import { missing } from './behaviours/missing-effect.fixture.ts';
import { probe, quietSystem, reasonOf, settle } from './probe.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('boom');
/** An async function where the compiler expects one that returns nothing. */
const rejects = (): never => Promise.reject(error) as never;
const forever = (): Promise<never> => new Promise(() => undefined);

const failing = defineServer({ init: () => stop(boom) });

/** Node tells of a rejection that nobody handles when microtasks are done; Jest fails the test by that. */
async function nothingUnhandled(): Promise<void> {
  await settle();
  await new Promise<void>((resolve) => setTimeout(resolve, 2));
}

describe('nothing that fails in a process reaches the host', () => {
  test('[PRC-022] a callback that rejects after its process was ended in its own turn', async () => {
    const system = quietSystem();
    const server = defineServer({
      init: () => ok(0),
      info: async (state, _, self) => {
        self.exit(self.pid, exitReason.kill);
        await Promise.resolve();
        throw error;
        return noreply(state);
      },
    });
    const { pid } = await system.start(server);
    const gone = system.awaitExit(pid);
    system.send(pid, 'end');
    await expect(gone).resolves.toEqual(exitReason.killed);
    await nothingUnhandled();
    await system.stop();
  });

  test('[PRC-004] an effect of a chart that rejects ends its process with the error', async () => {
    const system = quietSystem();
    const machine = setup({ actions: { work: missing('work') } }).createMachine({
      on: { go: { actions: 'work' } },
    });
    const behaviour = defineStatechart(machine, {
      effects: () => ({ work: rejects }),
    });
    const pid = await system.start(behaviour);
    const gone = system.awaitExit(pid);
    system.send(pid, { type: 'go' });
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await nothingUnhandled();
    await system.stop();
  });

  test('a release that rejects is reported', async () => {
    const reports: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, error: (message) => reports.push(message) },
    });
    const behaviour = defineStatechart(setup({}).createMachine({ id: 'held' }), {
      released: rejects,
    });
    const pid = await system.start(behaviour);
    system.exit(pid, exitReason.shutdown);
    await system.awaitExit(pid);
    await nothingUnhandled();
    expect(reports).toEqual([`the release of held ${pid.toString()} failed: error(Error: boom)`]);
    await system.stop();
  });

  test('[SYS-009] a telemetry handler that rejects is reported', async () => {
    const reports: string[] = [];
    const system = quietSystem({
      logger: { ...silentLogger, warn: (message) => reports.push(message) },
    });
    system.telemetry.on('snakepit.process.exited', rejects);
    const pid = system.spawn(defineTask(() => 1));
    await system.awaitExit(pid);
    await nothingUnhandled();
    expect(reports).toEqual(['a telemetry handler of snakepit.process.exited failed']);
    await system.stop();
  });

  test('[SYS-009] a bus that throws, whatever it is, leaves the scheduler running', async () => {
    const telemetry = createTelemetry(() => {
      throw error;
    });
    const system = quietSystem({ telemetry });
    const throws = (): never => {
      throw error;
    };
    telemetry.on('snakepit.process.spawned', throws);
    telemetry.on('snakepit.process.exited', throws);
    const pid = system.spawn(defineTask(() => 1));
    await expect(system.awaitExit(pid)).resolves.toEqual(exitReason.normal);
    const other = system.spawn(defineTask(() => 1));
    await expect(system.awaitExit(other)).resolves.toEqual(exitReason.normal);
    await system.stop();
  });

  test('a question, or a stop, with a timeout that is none, by a process that does not wait for it', async () => {
    const system = quietSystem();
    const [one, other] = [await system.start(probe), await system.start(probe)];
    await one.call.runNow(() => {
      void sys.getState(system, other.pid, { timeout: -1 });
      void sys.getState(system, {} as HasPid);
      void system.stopProcess(other.pid, exitReason.normal, { timeout: -1 });
    });
    await nothingUnhandled();
    expect([one.pid, other.pid].map((pid) => system.isAlive(pid))).toEqual([true, true]);
    await system.stop();
  });

  test('a start by a process that it does not wait for', async () => {
    const system = quietSystem();
    const ref = await system.start(probe);
    await ref.call.runNow(() => {
      void system.start(failing);
    });
    await nothingUnhandled();
    expect(system.isAlive(ref.pid)).toBe(true);
    await system.stop();
    const left = await reasonOf(system.start(failing)).catch((thrown: unknown) => thrown);
    expect(left).toMatchObject({ code: 'SYSTEM_STOPPED' });
  });

  test('[GEN-015] a call of a process that it does not wait for', async () => {
    const system = quietSystem();
    const callee = await system.start(probe, {});
    const caller = await system.start(probe, {});
    const call = (self: ProcessContext): void => {
      void self.call(callee, { type: 'run', arg: forever });
    };
    await caller.call.runNow(call);
    system.exit(callee.pid, boom);
    await system.awaitExit(callee.pid);
    await nothingUnhandled();
    expect(system.isAlive(caller.pid)).toBe(true);
    await system.stop();
  });

  test('[PRC-022] a call of a stale continuation', async () => {
    const system = quietSystem();
    const { pid, call } = await system.start(probe, {});
    const self = (await call.runNow((own) => own)) as ProcessContext;
    system.exit(pid, boom);
    await system.awaitExit(pid);
    void self.call('anybody', { type: 'seen' });
    await nothingUnhandled();
    await system.stop();
  });
});

describe('what a dead process leaves behind', () => {
  test('[PRC-022] its calls end with it, and their timers', async () => {
    const system = quietSystem();
    const ended: unknown[] = [];
    const callee = await system.start(
      defineServer({ init: () => ok(0), call: { never: (state) => noreply(state) } }),
    );
    const caller = await system.start(probe, {});
    let calls: Promise<unknown>[] = [];
    const waiting = caller.call.run(async (self) => {
      calls = [Infinity, 60_000].map((timeout) =>
        self.call(callee, { type: 'never' }, { timeout }),
      );
      for (const call of calls) void reasonOf(call).then((reason) => ended.push(reason));
      await forever();
    });
    await settle();
    system.exit(caller.pid, boom);
    await expect(reasonOf(waiting)).resolves.toEqual(boom);
    await settle();
    expect(ended).toEqual([boom, boom]);
    await system.stop();
  });

  test('[GEN-019] [GEN-027] the reply of a stop is sent even when terminate fails', async () => {
    const system = quietSystem();
    const server = defineServer({
      init: () => ok(0),
      call: { end: (state) => stop(exitReason.shutdown, state, { reply: 'bye' }) },
      terminate: () => {
        throw error;
      },
    });
    const ref = await system.start(server);
    const gone = system.awaitExit(ref.pid);
    await expect(ref.call.end()).resolves.toBe('bye');
    await expect(gone).resolves.toEqual(exitReason.error(error));
    await system.stop();
  });

  test('[PRC-021] who is doomed in its turn cannot unlink, nor stop a timer any more', async () => {
    const system = quietSystem();
    const peer = await system.start(probe, { trapExit: true });
    const timers = await system.start(probe, {});
    const timer = await timers.call.runNow((self) => self.sendAfter(60_000, 'late'));
    const server = defineServer({
      init: (_: undefined, self) => (self.link(peer.pid), ok(0)),
      call: {
        end: (state, _: undefined, self) => {
          self.exit(self.pid, exitReason.kill);
          self.unlink(peer.pid);
          return reply(self.cancelTimer(timer as never), state);
        },
      },
    });
    const ref = await system.start(server);
    await reasonOf(ref.call.end());
    await expect(peer.call.seen()).resolves.toEqual([
      { type: 'EXIT', from: ref.pid, reason: exitReason.killed },
    ]);
    const left = await timers.call.runNow((self) => self.cancelTimer(timer as never));
    expect(left).toBeGreaterThan(0);
    await system.stop();
  });
});
