import { describe, expect, test } from '@jest/globals';
import {
  createSystemClock,
  createTestClock,
  defineServer,
  ExitError,
  exitReason,
  ok,
  type ExitReason,
} from '@snakepit/core';
import { DynamicSupervisor, type ChildSpec } from '@snakepit/supervisor';
import { add, boom, gate, rest, until, withBench } from '../fixtures/supervised.ts';

/** Ends in its own way when asked to. */
const answering = defineServer({
  trapExit: true,
  init: (how: { readonly reason: ExitReason }) => ok(how),
  terminate: (how, _reason, self) => {
    self.exit(how.reason);
  },
});

describe('stop', () => {
  test('[DYN-019] all are asked at once, each with its own time', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      for (const shutdown of [100, 200, 200, 300]) {
        await add(tree, bench.child(`s${String(shutdown)}`, { shutdown }, { stubborn: true }));
      }
      await add(tree, bench.child('meek', { shutdown: 'infinity' }));
      await add(tree, bench.child('brutal', { shutdown: 'brutalKill' }, { stubborn: true }));
      bench.news();
      const stopped = DynamicSupervisor.stop(tree);
      await clock.advance(99);
      expect(bench.news().sort()).toEqual(['-brutal killed', '-meek shutdown']);
      await clock.advance(1);
      expect(bench.news()).toEqual(['-s100 killed']);
      await clock.advance(100);
      expect(bench.news()).toEqual(['-s200 killed', '-s200 killed']);
      expect(bench.system.isAlive(tree.pid)).toBe(true);
      await clock.advance(100);
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['-s300 killed']);
      expect(clock.pending).toBe(0);
    }, clock);
  });

  test('[DYN-020] one report per child that ended otherwise than asked', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('ok'));
      await add(tree, bench.child('slow', { shutdown: 0 }, { stubborn: true }));
      await add(tree, bench.child('brutal', { shutdown: 'brutalKill' }));
      await DynamicSupervisor.stop(tree);
      expect(bench.newReports()).toEqual(['shutdownError slow killed']);
    }, createSystemClock()));

  test('[DYN-020] a permanent child that ends with normal is reported, with a detail of shutdown it is not', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      for (const reason of [exitReason.normal, exitReason.shutdownWith('x')]) {
        const start: ChildSpec['start'] = [answering, { reason }];
        await add(tree, { id: 'permanent', start });
        await add(tree, { id: 'transient', start, restart: 'transient' });
      }
      await DynamicSupervisor.stop(tree);
      expect(bench.newReports()).toEqual(['shutdownError permanent normal']);
    }));

  test("[SHD-008] terminateChild before the child's own EXIT: its real reason is reported", () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 0 });
      const a = await add(tree, bench.child('a'));
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = DynamicSupervisor.startChild(tree, bench.child('busy'));
      await rest();
      const asked = DynamicSupervisor.terminateChild(tree, a);
      await rest();
      bench.end(a);
      await until(() => !bench.system.isAlive(a));
      start.open();
      await busy;
      expect(await asked).toEqual({ ok: true });
      expect(bench.newReports()).toEqual(['shutdownError a boom']);
    }));

  test('[DYN-021] a child that dies meanwhile is not restarted; a startChild that waits fails with shutdown', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('slow', { shutdown: 100 }, { stubborn: true }));
      const stopped = DynamicSupervisor.stop(tree);
      await clock.advance(1);
      const reason = add(tree, bench.child('late')).catch(
        (error: unknown) => (error as ExitError).reason,
      );
      await clock.advance(99);
      await stopped;
      expect(await reason).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['+slow', '-slow killed']);
    }, clock);
  });

  test('[DYN-021] a death that was in the mailbox before the stop is consumed by it', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 0 });
      const a = await add(tree, bench.child('a', { restart: 'temporary' }));
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = DynamicSupervisor.startChild(tree, bench.child('busy'));
      await rest();
      const stopped = DynamicSupervisor.stop(tree);
      await rest();
      bench.end(a);
      await until(() => !bench.system.isAlive(a));
      start.open();
      await busy;
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(bench.newReports()).toEqual(['shutdownError a boom']);
    }));

  test('[SHD-010] it obeys its parent, with that reason', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('a'));
      const gone = bench.system.awaitExit(tree.pid);
      bench.system.exit(tree.pid, boom);
      expect(await gone).toEqual(boom);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));
});
