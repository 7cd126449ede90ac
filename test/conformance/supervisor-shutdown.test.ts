import { describe, expect, test } from '@jest/globals';
import {
  createSystemClock,
  createTestClock,
  defineServer,
  ExitError,
  exitReason,
  ok,
  type Pid,
} from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import { boom, gate, pidOf, rest, states, until, withBench } from '../fixtures/supervised.ts';

describe('order', () => {
  test('[SHD-001] children stop one by one in reverse start order, each dead before the next is asked', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const children = [
        bench.child('a'),
        bench.child('b', { shutdown: 100 }, { stubborn: true }),
        bench.child('c'),
      ];
      const tree = await Supervisor.start(bench.system, { children });
      bench.news();
      const stopped = Supervisor.stop(tree);
      await clock.advance(99);
      expect(bench.news()).toEqual(['-c shutdown']);
      await clock.advance(1);
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['-b killed', '-a shutdown']);
    }, clock);
  });

  test('[SHD-009] a tree goes down depth first', () =>
    withBench(async (bench) => {
      const inner = { children: [bench.child('x')] };
      const tree = await Supervisor.start(bench.system, {
        children: [
          bench.child('s2'),
          { id: 'inner', start: [Supervisor, inner], type: 'supervisor' },
          bench.child('s1'),
        ],
      });
      bench.news();
      await Supervisor.stop(tree);
      expect(bench.news()).toEqual(['-s1 shutdown', '-x shutdown', '-s2 shutdown']);
    }));
});

describe('the shutdown of one child', () => {
  test('[SHD-002] milliseconds: asked, and killed when they are over', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const children = [
        bench.child('meek', { shutdown: 50 }),
        bench.child('stubborn', { shutdown: 50 }, { stubborn: true }),
      ];
      const tree = await Supervisor.start(bench.system, { children });
      bench.news();
      await Supervisor.terminateChild(tree, 'meek');
      const stopped = Supervisor.terminateChild(tree, 'stubborn');
      await clock.advance(49);
      expect(bench.news()).toEqual(['-meek shutdown']);
      await clock.advance(1);
      expect(await stopped).toEqual({ ok: true });
      expect(bench.news()).toEqual(['-stubborn killed']);
      expect(clock.pending).toBe(0);
    }, clock);
  });

  test('[SHD-003] infinity: without limit', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const spec = bench.child('a', { shutdown: 'infinity' }, { stubborn: true });
      const tree = await Supervisor.start(bench.system, { children: [spec] });
      const a = await pidOf(tree, 'a');
      const stopped = Supervisor.terminateChild(tree, 'a');
      await clock.advance(100_000_000);
      expect(bench.system.isAlive(a)).toBe(true);
      bench.system.exit(a, exitReason.kill);
      expect(await stopped).toEqual({ ok: true });
    }, clock);
  });

  test('[SHD-003] brutalKill: killed at once', () =>
    withBench(async (bench) => {
      const spec = bench.child('a', { shutdown: 'brutalKill' }, { stubborn: true });
      const tree = await Supervisor.start(bench.system, { children: [spec] });
      await Supervisor.terminateChild(tree, 'a');
      expect(bench.news()).toEqual(['+a', '-a killed']);
      expect(bench.newReports()).toEqual([]);
    }));

  test('[SHD-004] 0 ms: who does not trap still ends with shutdown, who traps is killed', () =>
    withBench(async (bench) => {
      const children = [
        bench.child('meek', { shutdown: 0 }),
        bench.child('stubborn', { shutdown: 0 }, { stubborn: true }),
      ];
      const tree = await Supervisor.start(bench.system, { children });
      bench.news();
      await Supervisor.stop(tree);
      expect(bench.news()).toEqual(['-stubborn killed', '-meek shutdown']);
    }, createSystemClock()));

  test('[SHD-005] a child that removed its link cannot hang the supervisor', () =>
    withBench(async (bench) => {
      const loner = defineServer({
        init: (_: undefined, self) => {
          self.unlink(self.parent);
          return ok(0);
        },
      });
      const tree = await Supervisor.start(bench.system, {
        children: [{ id: 'a', start: [loner] }],
      });
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      expect(await states(tree)).toEqual(['a undefined']);
    }));
});

describe('who stops a supervisor', () => {
  test.each([exitReason.shutdown, exitReason.normal, boom])(
    '[SHD-010] its parent, with %j: it exits with that',
    (reason) =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          children: [bench.child('a'), bench.child('b')],
        });
        bench.news();
        const gone = bench.system.awaitExit(tree.pid);
        bench.system.exit(tree.pid, reason);
        expect(await gone).toEqual(reason);
        expect(bench.news()).toEqual(['-b shutdown', '-a shutdown']);
      }),
  );

  test('[SHD-010] nobody else', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      const rival = defineServer({
        init: (victim: Pid, self) => {
          self.exit(victim, exitReason.shutdown);
          return ok(0);
        },
      });
      await bench.system.start(rival, tree.pid);
      await rest();
      expect(await states(tree)).toEqual(['a up']);
    }));

  test('[SHD-011] killed by anybody, its children die with it', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('a'), bench.child('b')],
      });
      const gone = bench.system.awaitExit(tree.pid);
      bench.system.exit(tree.pid, exitReason.kill);
      expect(await gone).toEqual(exitReason.killed);
      await until(() => bench.log.length === 4);
      expect(bench.news().slice(2).sort()).toEqual(['-a killed', '-b killed']);
    }));

  test('[SHD-012] a parent that simply returns takes its supervisor down, the children with shutdown', () =>
    withBench(async (bench) => {
      const parent = defineServer({
        init: (_: undefined, self) => {
          self.spawnLink(Supervisor, { name: 'inner', children: [bench.child('a')] });
          return ok(0);
        },
        info: (state) => ({ kind: 'stop', reason: exitReason.normal, state, reply: undefined }),
      });
      const { pid } = await bench.system.start(parent, undefined);
      await until(() => bench.log.includes('+a'));
      const inner = [...bench.system.processes()].find(
        ({ behaviour }) => behaviour === 'statechart',
      );
      if (inner === undefined) throw new Error('the supervisor runs');
      await rest();
      const gone = bench.system.awaitExit(inner.pid);
      bench.system.send(pid, 'return');
      expect(await gone).toEqual(exitReason.normal);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));

  test('[SHD-013] a supervisor child blocked in a slow start is killed after its time, with what it starts', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const never = gate();
      const options = { children: [bench.child('x')] };
      const tree = await Supervisor.start(bench.system, {
        children: [{ id: 'in', start: [Supervisor, options], type: 'supervisor', shutdown: 300 }],
      });
      const inner = Supervisor.at(bench.system, await pidOf(tree, 'in'));
      bench.holding.set('slow', never.passed);
      const blocked = Supervisor.startChild(inner, bench.child('slow')).catch(() => 'failed');
      await clock.advance(0);
      const stopped = Supervisor.stop(tree);
      await clock.advance(299);
      expect(bench.system.isAlive(tree.pid)).toBe(true);
      await clock.advance(1);
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(await blocked).toBe('failed');
      expect(bench.newReports()).toEqual(['shutdownError in killed']);
      await clock.advance(0);
      expect([...bench.system.processes()]).toEqual([]);
    }, clock);
  });

  test('[SHD-014] while it stops it answers nothing; callers fail with its reason', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const spec = bench.child('a', { shutdown: 100 }, { stubborn: true });
      const tree = await Supervisor.start(bench.system, { children: [spec] });
      const stopped = Supervisor.stop(tree);
      await clock.advance(10);
      const calls = [Supervisor.whichChildren(tree), Supervisor.startChild(tree, bench.child('b'))];
      const reasons = Promise.all(
        calls.map((call) =>
          call.then(
            () => 'answered',
            (error: unknown) => (error as ExitError).reason.kind,
          ),
        ),
      );
      await clock.advance(90);
      await stopped;
      expect(await reasons).toEqual(['shutdown', 'shutdown']);
      expect(bench.news()).toEqual(['+a', '-a killed']);
    }, clock);
  });
});
