import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason } from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from '@snakepit/supervisor';
import { boom, gate, pidOf, rest, until, withBench } from '../fixtures/supervised.ts';

// Found by `npm run conformance`, shrunk, and kept.
describe('as on Erlang/OTP', () => {
  test.each([exitReason.normal, exitReason.shutdownWith('x')])(
    '[SHD-006] a transient child under brutalKill that ended with %j before its turn is not reported',
    (reason) => {
      const clock = createTestClock();
      return withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          children: [
            bench.child('a', { restart: 'transient', shutdown: 'brutalKill' }),
            bench.child('b', { shutdown: 100 }, { stubborn: true }),
          ],
        });
        const a = await pidOf(tree, 'a');
        const stopped = Supervisor.stop(tree);
        await clock.advance(10);
        bench.end(a, reason);
        await clock.advance(90);
        await stopped;
        expect(bench.newReports()).toEqual(['shutdownError b killed']);
      }, clock);
    },
  );

  test('[RPT-001] [INT-010] giving up after a failed restart, the offender is reported as restarting', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 1,
        children: [bench.child('a')],
      });
      const a = await pidOf(tree, 'a');
      bench.failing.set('a', boom);
      bench.end(a);
      await bench.system.awaitExit(tree.pid);
      const [last] = bench.reports.slice(-1);
      expect(last).toMatchObject({ context: 'shutdown', id: 'a', restarting: true });
      expect(last?.pid).toBe(a);
    }));

  test('[DYN-018] a child is active until its supervisor has heard of its end', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, {});
      const started = await DynamicSupervisor.startChild(tree, bench.child('a'));
      if (!started.ok || started.pid === undefined) throw new Error('a runs');
      const { pid } = started;
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = DynamicSupervisor.startChild(tree, bench.child('busy'));
      await rest();
      const counted = DynamicSupervisor.countChildren(tree);
      bench.end(pid);
      await until(() => !bench.system.isAlive(pid));
      start.open();
      await busy;
      expect(await counted).toMatchObject({ specs: 2, active: 2 });
    }));
});
