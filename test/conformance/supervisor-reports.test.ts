import { describe, expect, test } from '@jest/globals';
import {
  createTestClock,
  defineServer,
  exitReason,
  ok,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import { Supervisor, type ChildSpec } from '@snakepit/supervisor';
import {
  type Bench,
  boom,
  brief,
  gate,
  pidOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

/** Ends in its own way when asked to. */
const answering = defineServer({
  trapExit: true,
  init: (how: { readonly reason: ExitReason }) => ok(how),
  terminate: (how, _reason, self) => {
    self.exit(how.reason);
  },
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
      // In the order of the stop: that a had died by itself is found when its turn comes.
      expect(bench.newReports()).toEqual(['shutdownError b killed', 'shutdownError a boom']);
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

  test("[SHD-008] terminateChild that waits before the child's own EXIT: no restart, and its real reason", () =>
    withBench(async (bench) => {
      const tree = await busyWith(bench, async (pid, sup) => {
        const asked = Supervisor.terminateChild(sup, 'a');
        await rest();
        bench.end(pid);
        return asked;
      });
      expect(bench.news().filter((line) => line !== '+busy')).toEqual(['-a boom']);
      expect(await states(tree)).toEqual(['a undefined', 'busy up']);
      expect(bench.newReports()).toEqual(['shutdownError a boom']);
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

  test('[RPT-003] at init and in a group restart the offender has no pid', () =>
    withBench(async (bench) => {
      bench.failing.set('a', boom);
      await Supervisor.start(bench.system, { children: [bench.child('a')] }).catch(() => undefined);
      bench.failing.clear();
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        maxRestarts: 2,
        children: [bench.child('a')],
      });
      bench.failing.set('a', boom);
      bench.end(await pidOf(tree, 'a'));
      await bench.system.awaitExit(tree.pid);
      const errors = bench.reports.filter(({ context }) => context === 'startError');
      expect(errors.map((report) => [report.pid, report.restarting])).toEqual([
        [undefined, false],
        [undefined, false],
        [undefined, false],
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
        (_, { id }, name) => seen.push(`${name.split('.').at(-1) ?? ''} ${JSON.stringify(id)}`),
      );
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      bench.end(await pidOf(tree, 'a'));
      await until(() => seen.length === 4);
      await Supervisor.stop(tree);
      expect(seen).toEqual([
        'started "a"',
        'terminated "a"',
        'started "a"',
        'restarted "a"',
        'terminated "a"',
      ]);
    }));
});
