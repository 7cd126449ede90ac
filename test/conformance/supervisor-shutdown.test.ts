import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  ExitError,
  exitReason,
  ok,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import { Supervisor, type ChildSpec } from '@snakepit/supervisor';
import {
  boom,
  brief,
  gate,
  pidOf,
  rest,
  states,
  until,
  withBench,
  type Bench,
} from '../fixtures/supervised.ts';

/** Ends in its own way when asked to. */
const answering = defineServer({
  trapExit: true,
  init: (how: { readonly reason: ExitReason }) => ok(how),
  terminate: (how, _reason, self) => {
    self.exit(how.reason);
  },
});

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
    }));

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

describe('reports of ends', () => {
  const ways: readonly [ChildSpec['restart'], ChildSpec['shutdown'], ExitReason, boolean][] = [
    ['permanent', 1_000, exitReason.shutdown, false],
    ['permanent', 1_000, exitReason.normal, true],
    ['permanent', 1_000, exitReason.shutdownWith('x'), true],
    ['permanent', 1_000, boom, true],
    ['transient', 1_000, exitReason.normal, false],
    ['transient', 1_000, exitReason.shutdownWith('x'), false],
    ['transient', 'infinity', boom, true],
    ['temporary', 1_000, exitReason.normal, false],
  ];
  test.each(ways)(
    '[SHD-006] %s, shutdown %s, ends with %j: reported %s',
    (restart, shutdown, reason, reported) =>
      withBench(async (bench) => {
        const spec: ChildSpec = {
          id: 'a',
          start: [answering, { reason }],
          ...(restart === undefined ? {} : { restart }),
          ...(shutdown === undefined ? {} : { shutdown }),
        };
        const tree = await Supervisor.start(bench.system, { children: [spec] });
        await Supervisor.terminateChild(tree, 'a');
        expect(bench.newReports()).toEqual(reported ? [`shutdownError a ${brief(reason)}`] : []);
      }),
  );

  test('[SHD-007] a child that dies while a sibling is being stopped is not restarted; one report with its reason', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const children = [bench.child('a'), bench.child('b', { shutdown: 100 }, { stubborn: true })];
      const tree = await Supervisor.start(bench.system, { children });
      const a = await pidOf(tree, 'a');
      bench.news();
      const stopped = Supervisor.stop(tree);
      await clock.advance(10);
      bench.end(a);
      await clock.advance(90);
      await stopped;
      expect(bench.news()).toEqual(['-a boom', '-b killed']);
      expect(bench.newReports()).toEqual(['shutdownError a boom', 'shutdownError b killed']);
    }, clock);
  });

  async function busyWith(
    bench: Bench,
    run: (a: Pid, tree: Awaited<ReturnType<typeof Supervisor.start>>) => Promise<unknown>,
  ) {
    const tree = await Supervisor.start(bench.system, {
      maxRestarts: 1,
      children: [bench.child('a')],
    });
    const start = gate();
    bench.holding.set('busy', start.passed);
    const busy = Supervisor.startChild(tree, bench.child('busy', { restart: 'temporary' }));
    await rest();
    bench.news();
    const waiting = run(await a(bench), tree);
    await rest();
    start.open();
    await busy;
    await waiting;
    return tree;
  }

  function a(bench: Bench): Promise<Pid> {
    const probe = [...bench.system.processes()].find(
      ({ behaviour, status }) => behaviour === 'genServer' && status === 'waiting',
    );
    return probe === undefined ? Promise.reject(new Error('a runs')) : Promise.resolve(probe.pid);
  }

  test("[SHD-008] terminateChild that waits before the child's own EXIT: no restart", () =>
    withBench(async (bench) => {
      const tree = await busyWith(bench, async (pid, sup) => {
        const asked = Supervisor.terminateChild(sup, 'a');
        await rest();
        bench.end(pid);
        return asked;
      });
      expect(bench.news().filter((line) => line !== '+busy')).toEqual(['-a boom']);
      expect(await states(tree)).toEqual(['a undefined', 'busy up']);
      expect(bench.reports.map(({ context }) => context)).toEqual(['shutdownError']);
    }));

  test('[SHD-008] terminateChild that waits after it: restarted first, then stopped', () =>
    withBench(async (bench) => {
      const tree = await busyWith(bench, async (pid, sup) => {
        bench.end(pid);
        await until(() => !bench.system.isAlive(pid));
        return Supervisor.terminateChild(sup, 'a');
      });
      expect(bench.news().filter((line) => line !== '+busy')).toEqual([
        '-a boom',
        '+a',
        '-a shutdown',
      ]);
      expect(await states(tree)).toEqual(['a undefined', 'busy up']);
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

describe('significant children', () => {
  const significant = { restart: 'transient', significant: true } as const;

  test.each<[string, Partial<ChildSpec>, ExitReason, boolean]>([
    ['a transient one that ends cleanly', significant, exitReason.normal, true],
    ['a transient one that crashes', significant, boom, false],
    ['a temporary one that crashes', { restart: 'temporary', significant: true }, boom, true],
    ['one that is not significant', { restart: 'transient' }, exitReason.normal, false],
  ])('[AUT-001] [AUT-002] [AUT-003] [AUT-007] anySignificant, %s', (_, spec, reason, ends) =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        autoShutdown: 'anySignificant',
        children: [bench.child('a'), bench.child('b'), bench.child('s', spec)],
      });
      bench.news();
      const s = await pidOf(tree, 's');
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(s, reason);
      await until(() => !bench.system.isAlive(s));
      await rest();
      expect(bench.system.isAlive(tree.pid)).toBe(!ends);
      if (!ends) return;
      expect(await gone).toEqual(exitReason.shutdown);
      expect(bench.news().slice(1)).toEqual(['-b shutdown', '-a shutdown']);
    }),
  );

  test('[AUT-004] allSignificant: when no other significant child runs; one stopped by hand does not hold it up', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        autoShutdown: 'allSignificant',
        children: ['a', 'b', 'c'].map((id) => bench.child(id, significant)),
      });
      const gone = bench.system.awaitExit(tree.pid);
      await Supervisor.terminateChild(tree, 'c');
      bench.end(await pidOf(tree, 'a'), exitReason.normal);
      await until(async () => (await states(tree)).includes('a undefined'));
      bench.end(await pidOf(tree, 'b'), exitReason.normal);
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test('[AUT-005] a sibling that restarts counts as active; if it then ignores, that is no ending', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        autoShutdown: 'allSignificant',
        maxRestarts: 1_000_000,
        children: [bench.child('a', significant), bench.child('b', significant)],
      });
      bench.failing.set('a', boom);
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('!a'));
      bench.end(await pidOf(tree, 'b'), exitReason.normal);
      await until(async () => (await states(tree)).includes('b undefined'));
      bench.failing.clear();
      bench.ignoring.add('a');
      await until(async () => (await states(tree)).includes('a undefined'));
      await rest();
      expect(await states(tree)).toEqual(['a undefined', 'b undefined']);
    }));

  test('[AUT-006] stopped by hand or as a bystander it never triggers it', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        autoShutdown: 'anySignificant',
        children: [bench.child('a'), bench.child('s', { restart: 'temporary', significant: true })],
      });
      bench.end(await pidOf(tree, 'a'));
      await until(async () => (await states(tree)).length === 1);
      await Supervisor.startChild(tree, bench.child('t', significant));
      await Supervisor.terminateChild(tree, 't');
      expect(await states(tree)).toEqual(['a up', 't undefined']);
    }));

  test.each([true, false])(
    '[AUT-008] an inner supervisor that shuts itself down, significant: %s',
    (isSignificant) =>
      withBench(async (bench) => {
        const inner = {
          autoShutdown: 'anySignificant' as const,
          children: [bench.child('s', significant)],
        };
        const tree = await Supervisor.start(bench.system, {
          autoShutdown: 'anySignificant',
          children: [
            {
              id: 'in',
              start: [Supervisor, inner],
              type: 'supervisor',
              restart: 'transient',
              significant: isSignificant,
            },
          ],
        });
        bench.end(
          await pidOf(Supervisor.at(bench.system, await pidOf(tree, 'in')), 's'),
          exitReason.normal,
        );
        await until(() => bench.log.includes('-s normal'));
        await rest();
        expect(bench.system.isAlive(tree.pid)).toBe(!isSignificant);
      }),
  );

  test('[AUT-009] a permanent inner supervisor that shuts itself down is restarted and counted', () =>
    withBench(async (bench) => {
      const inner = {
        name: 'in',
        autoShutdown: 'anySignificant' as const,
        children: [bench.child('s', significant)],
      };
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 1,
        children: [{ id: 'in', start: [Supervisor, inner], type: 'supervisor' }],
      });
      const gone = bench.system.awaitExit(tree.pid);
      for (let round = 0; round < 2; round++) {
        await until(() => bench.log.filter((line) => line === '+s').length === round + 1);
        await rest();
        bench.end(await pidOf(Supervisor.at(bench.system, 'in'), 's'), exitReason.normal);
      }
      expect(await gone).toEqual(exitReason.shutdown);
    }));
});

describe('reports', () => {
  test('[RPT-001] a report carries supervisor, context, reason and offender', () =>
    withBench(async (bench) => {
      const seen: unknown[] = [];
      bench.system.telemetry.on('snakepit.supervisor.report', (_, metadata) => seen.push(metadata));
      const tree = await Supervisor.start(bench.system, {
        name: 'app',
        children: [bench.child('a')],
      });
      const pid = await pidOf(tree, 'a');
      bench.end(pid);
      await until(() => seen.length > 0);
      expect(seen).toEqual([
        {
          supervisor: tree.pid,
          name: 'app',
          context: 'childTerminated',
          reason: boom,
          offender: {
            pid,
            restarting: false,
            id: 'a',
            restart: 'permanent',
            significant: false,
            shutdown: 5_000,
            type: 'worker',
          },
        },
      ]);
    }));

  test.each<[ChildSpec['restart'] & string, ExitReason, boolean]>([
    ['permanent', exitReason.normal, true],
    ['permanent', boom, true],
    ['transient', exitReason.shutdown, false],
    ['transient', boom, true],
    ['temporary', exitReason.normal, false],
    ['temporary', boom, true],
  ])(
    '[RPT-002] childTerminated of a %s child that ended with %j: %s',
    (restart, reason, reported) =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          children: [bench.child('a', { restart })],
        });
        const pid = await pidOf(tree, 'a');
        bench.end(pid, reason);
        await until(() => !bench.system.isAlive(pid));
        await rest();
        expect(bench.newReports()).toEqual(reported ? [`childTerminated a ${brief(reason)}`] : []);
      }),
  );

  test('[RPT-003] startError at every failed restart: the old pid first, then restarting; none for startChild', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 2,
        children: [bench.child('a')],
      });
      bench.failing.set('b', boom);
      await Supervisor.startChild(tree, bench.child('b'));
      expect(bench.newReports()).toEqual([]);
      const pid = await pidOf(tree, 'a');
      bench.failing.set('a', boom);
      bench.end(pid);
      await until(() => !bench.system.isAlive(tree.pid));
      const errors = bench.reports.filter(({ context }) => context === 'startError');
      expect(errors.map((report) => [report.pid, report.restarting])).toEqual([
        [pid, false],
        [pid, true],
      ]);
    }));

  test('[RPT-006] the report of a crash comes before the stops, the stops before the starts', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        children: [bench.child('a'), bench.child('b')],
      });
      bench.system.telemetry.on('snakepit.supervisor.report', (_, { context }) =>
        bench.log.push(context),
      );
      bench.news();
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('+b'));
      expect(bench.news()).toEqual(['-a boom', 'childTerminated', '-b shutdown', '+a', '+b']);
    }));

  test('every start, restart and end is an event', () =>
    withBench(async (bench) => {
      const seen: string[] = [];
      bench.system.telemetry.attachMany(
        [
          'snakepit.supervisor.child.started',
          'snakepit.supervisor.child.restarted',
          'snakepit.supervisor.child.terminated',
        ],
        (_, { id }, name) => seen.push(`${name.split('.').at(-1) ?? ''} ${String(id)}`),
      );
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      bench.end(await pidOf(tree, 'a'));
      await until(() => seen.length === 4);
      await Supervisor.stop(tree);
      expect(seen).toEqual([
        'started a',
        'terminated a',
        'started a',
        'restarted a',
        'terminated a',
      ]);
    }));
});
