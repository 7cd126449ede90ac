import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  ignore,
  noreply,
  ok,
  stop,
  type ExitReason,
  type Pid,
  type StartLinkOptions,
  type StartResult,
} from '../index.ts';
import { probe, quietSystem, reasonOf, settle } from '../probe.fixture.ts';

const boom = exitReason.custom('boom');
const error = new Error('init failed');
type Init = Parameters<typeof defineServer>[0]['init'];

/** Starts a linked server from a probe, and tells what the probe learned of it. */
async function startFrom(trapExit: boolean, init: Init, options: StartLinkOptions = {}) {
  const clock = createTestClock();
  const reports: string[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message: string) => reports.push(message),
  };
  const system = quietSystem({ clock, logger });
  const starter = await system.start(probe, { trapExit });
  const gone = system.awaitExit(starter.pid);
  const results: StartResult[] = [];
  const terminated: string[] = [];
  const server = defineServer({ init, terminate: () => void terminated.push('terminated') });
  const pid = (await starter.call.runNow((self) =>
    self.startLink(server, undefined, options, (result) => results.push(result)),
  )) as Pid;
  return { clock, system, starter, gone, results, reports, terminated, pid };
}

const failures: readonly [string, Init, ExitReason, boolean][] = [
  ['[GEN-005] stops', () => stop(boom), boom, true],
  ['[GEN-005] stops cleanly', () => stop(exitReason.shutdown), exitReason.shutdown, false],
  [
    '[GEN-006] throws',
    () => {
      throw error;
    },
    exitReason.error(error),
    true,
  ],
  ['[GEN-006] rejects', () => Promise.reject(error), exitReason.error(error), true],
  ['[GEN-006] exits', (_, self) => self.exit(boom), boom, true],
  ['[GEN-007] returns junk', () => 42 as never, exitReason.badReturn(42), true],
  ['[GEN-007] returns nothing', () => undefined as never, exitReason.badReturn(undefined), true],
];

describe('startLink', () => {
  test('[GEN-002] a server that is initialised is linked to who started it', async () => {
    const { system, starter, results, pid } = await startFrom(true, () => ok(0));
    await settle();
    expect(results).toEqual([{ ok: true, pid }]);
    expect(system.processInfo(pid)).toMatchObject({
      parent: starter.pid,
      linkedPids: [starter.pid],
    });
    await system.stop();
  });

  test('[GEN-004] one that declines gives no process, no EXIT and no report', async () => {
    const { system, starter, results, reports, terminated } = await startFrom(true, () => ignore());
    await settle();
    expect(results).toEqual([{ ok: true, pid: undefined }]);
    await expect(starter.call.seen()).resolves.toEqual([]);
    expect([reports, terminated]).toEqual([[], []]);
    await system.stop();
  });

  test.each(failures)(
    'an init that %s fails the start; a trapping starter [GEN-009] gets the result and no EXIT',
    async (_, init, reason, isReported) => {
      const { system, starter, results, reports, terminated } = await startFrom(true, init);
      await settle();
      expect(results).toEqual([{ ok: false, reason }]);
      await expect(starter.call.seen()).resolves.toEqual([]);
      expect(reports).toHaveLength(isReported ? 1 : 0);
      expect(terminated).toEqual([]);
      await system.stop();
    },
  );

  test.each(failures)(
    'an init that %s ends a starter that does not trap [GEN-009]',
    async (_, init, reason) => {
      const { system, gone, results } = await startFrom(false, init);
      await expect(gone).resolves.toEqual(reason);
      expect(results).toEqual([{ ok: false, reason }]);
      await system.stop();
    },
  );

  test.each([true, false])(
    '[GEN-010] a start that takes too long is killed; a starter (trapping: %p) gets no EXIT',
    async (trapExit) => {
      const never: Init = () => new Promise<never>(() => undefined);
      const started = await startFrom(trapExit, never, { timeoutMs: 50, name: 'slow' });
      const { clock, system, starter, results, pid } = started;
      await clock.advance(49);
      expect(system.isAlive(pid)).toBe(true);
      await clock.advance(1);
      expect(results).toEqual([{ ok: false, reason: exitReason.timeout }]);
      expect([system.isAlive(pid), system.whereis('slow')]).toEqual([false, undefined]);
      await expect(starter.call.seen()).resolves.toEqual([]);
      expect(clock.pending).toBe(0);
      await system.stop();
    },
  );

  test('a start in time needs its limit no longer', async () => {
    const { clock, system, results, pid } = await startFrom(true, () => ok(0), { timeoutMs: 50 });
    await clock.advance(100);
    expect([results, clock.pending]).toEqual([[{ ok: true, pid }], 0]);
    await system.stop();
  });

  test('an exit signal during init fails the start, also one that init sends itself', async () => {
    const waiting = await startFrom(true, () => new Promise<never>(() => undefined));
    await settle();
    waiting.system.exit(waiting.pid, boom);
    await settle();
    expect(waiting.results).toEqual([{ ok: false, reason: boom }]);
    await waiting.system.stop();

    const selfish = await startFrom(true, (_, self) => {
      self.exit(self.pid, boom);
      return ok(0);
    });
    await settle();
    expect(selfish.results).toEqual([{ ok: false, reason: boom }]);
    await selfish.system.stop();
  });

  test('what onStarted throws is reported, and harms neither of the two', async () => {
    const reports: string[] = [];
    const system = quietSystem({
      logger: { ...console, error: (message: string) => reports.push(message) },
    });
    const starter = await system.start(probe, {});
    const server = defineServer({ init: () => ok(0), info: (state) => noreply(state) });
    const pid = (await starter.call.runNow((self) =>
      self.startLink(server, undefined, {}, () => {
        throw error;
      }),
    )) as Pid;
    await settle();
    expect(reports).toEqual([
      `who started genServer ${pid.toString()} failed: error(Error: init failed)`,
    ]);
    expect([system.isAlive(pid), system.isAlive(starter.pid)]).toEqual([true, true]);
    await system.stop();
  });
});

describe('start', () => {
  test.each(failures)('from outside, an init that %s rejects it', async (_, init, reason) => {
    const system = quietSystem();
    await expect(reasonOf(system.start(defineServer({ init })))).resolves.toEqual(reason);
    await system.stop();
  });
});
