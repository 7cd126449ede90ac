import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason } from '@snakepit/core';
import { Supervisor, type SupervisorRef } from '@snakepit/supervisor';
import {
  type Bench,
  boom,
  pidOf,
  pidsOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

const budget = { maxRestarts: 2, maxSeconds: 10 };

/** Ends a child that runs and waits until its supervisor is at rest. */
async function crash(bench: Bench, tree: SupervisorRef, id: string): Promise<void> {
  bench.end(await pidOf(tree, id));
  await rest();
}

describe('restart budget', () => {
  test('[R10.2] a child that used up its budget is given up alone; siblings and supervisor go on', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a', { budget }), bench.child('b')],
      });
      const [b] = await pidsOf(tree, ['b']);
      // Two restarts are allowed, and do not count for the supervisor, which allows none.
      await crash(bench, tree, 'a');
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a up', 'b up']);
      bench.newReports();
      const lastPid = await pidOf(tree, 'a');
      await crash(bench, tree, 'a');
      expect(await Supervisor.whichChildren(tree)).toEqual([
        { id: 'b', pid: b, type: 'worker', behaviour: 'probe' },
        { id: 'a', pid: 'failed', lastPid, type: 'worker', behaviour: 'probe' },
      ]);
      expect(await Supervisor.countChildren(tree)).toEqual({
        specs: 2,
        active: 1,
        supervisors: 0,
        workers: 2,
      });
      expect(bench.newReports()).toEqual([
        'childTerminated a boom',
        'childGivenUp a spentRestartBudget',
      ]);
    }));

  test('its restarts are remembered as the supervisor remembers its own: those that are old do not count', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('a', { budget })],
      });
      for (let round = 0; round < 10; round++) {
        await crash(bench, tree, 'a');
        await clock.advance(5_500);
      }
      expect(await states(tree)).toEqual(['a up']);
      await crash(bench, tree, 'a');
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a failed']);
    }, clock);
  });

  test('attempts that fail use it up too', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a', { budget }), bench.child('b')],
      });
      const a = await pidOf(tree, 'a');
      bench.news();
      bench.failing.set('a', boom);
      bench.end(a);
      await until(async () => (await states(tree)).includes('a failed'));
      expect(bench.news()).toEqual(['-a boom', '!a', '!a']);
      expect(await states(tree)).toEqual(['a failed', 'b up']);
    }));

  test('a budget of 0 restarts nothing', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        budget: { maxRestarts: 0, maxSeconds: 1 },
        children: [bench.child('a'), bench.child('b')],
      });
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a failed', 'b up']);
    }));

  test("the supervisor's is for each child without one of its own, for those added later too", () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        budget: { maxRestarts: 1, maxSeconds: 10 },
        children: [bench.child('a', { budget }), bench.child('b')],
      });
      await Supervisor.startChild(tree, bench.child('c'));
      for (const id of ['a', 'a', 'b', 'c', 'b', 'c']) await crash(bench, tree, id);
      expect(await states(tree)).toEqual(['a up', 'b failed', 'c failed']);
      expect(await Supervisor.getChildSpec(tree, 'c')).toMatchObject({
        spec: { budget: { maxRestarts: 1, maxSeconds: 10 } },
      });
    }));

  test('a child without a budget counts for the supervisor, whatever its siblings have', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a', { budget }), bench.child('b')],
      });
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(await pidOf(tree, 'b'));
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  describe('a child that was given up', () => {
    async function givenUp(bench: Bench): Promise<SupervisorRef> {
      const tree = await Supervisor.start(bench.system, {
        children: [
          bench.child('a', { budget: { maxRestarts: 1, maxSeconds: 10 } }),
          bench.child('b'),
        ],
      });
      await crash(bench, tree, 'a');
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a failed', 'b up']);
      return tree;
    }

    test('is started again by restartChild, with its budget unused', () =>
      withBench(async (bench) => {
        const tree = await givenUp(bench);
        expect(await Supervisor.restartChild(tree, 'a')).toMatchObject({ ok: true });
        expect(await states(tree)).toEqual(['a up', 'b up']);
        await crash(bench, tree, 'a');
        expect(await states(tree)).toEqual(['a up', 'b up']);
        await crash(bench, tree, 'a');
        expect(await states(tree)).toEqual(['a failed', 'b up']);
      }));

    test('whose restartChild fails is an ordinary stopped child', () =>
      withBench(async (bench) => {
        const tree = await givenUp(bench);
        bench.failing.set('a', boom);
        expect(await Supervisor.restartChild(tree, 'a')).toEqual({
          ok: false,
          error: { kind: 'startFailed', reason: boom },
        });
        expect(await states(tree)).toEqual(['a undefined', 'b up']);
      }));

    test('keeps its id; terminateChild changes nothing, deleteChild forgets it', () =>
      withBench(async (bench) => {
        const tree = await givenUp(bench);
        expect(await Supervisor.startChild(tree, bench.child('a'))).toEqual({
          ok: false,
          error: { kind: 'alreadyPresent' },
        });
        expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
        expect(await states(tree)).toEqual(['a failed', 'b up']);
        expect(await Supervisor.deleteChild(tree, 'a')).toEqual({ ok: true });
        expect(await states(tree)).toEqual(['b up']);
      }));

    test('is told by an event, with the process that it had', () =>
      withBench(async (bench) => {
        const seen: unknown[] = [];
        bench.system.telemetry.on('snakepit.supervisor.child.failed', (_, { id, pid }) => {
          seen.push([id, pid]);
        });
        const tree = await givenUp(bench);
        const [, { lastPid } = {}] = await Supervisor.whichChildren(tree);
        expect(seen).toEqual([['a', lastPid]]);
      }));
  });

  describe('in a group', () => {
    test('the siblings keep running when it is given up, and later restarts of the group go on without it', () =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          strategy: 'oneForAll',
          children: [
            bench.child('a'),
            bench.child('b', { budget: { maxRestarts: 1, maxSeconds: 10 } }),
            bench.child('c'),
          ],
        });
        await crash(bench, tree, 'b');
        bench.news();
        await crash(bench, tree, 'b');
        expect(bench.news()).toEqual(['-b boom']);
        expect(await states(tree)).toEqual(['a up', 'b failed', 'c up']);
        await crash(bench, tree, 'a');
        expect(bench.news()).toEqual(['-a boom', '-c shutdown', '+a', '+c']);
        expect(await states(tree)).toEqual(['a up', 'b failed', 'c up']);
      }));

    test.each(['oneForAll', 'restForOne'] as const)(
      '%s: those after one that cannot be started again are started without it',
      (strategy) =>
        withBench(async (bench) => {
          const tree = await Supervisor.start(bench.system, {
            strategy,
            children: [
              bench.child('a'),
              bench.child('b', { budget: { maxRestarts: 1, maxSeconds: 10 } }),
              bench.child('c'),
            ],
          });
          bench.failing.set('b', boom);
          bench.end(await pidOf(tree, 'b'));
          await until(async () => (await states(tree)).includes('b failed'));
          expect(await states(tree)).toEqual(['a up', 'b failed', 'c up']);
        }),
    );

    test('one that was stopped by hand is not started because its sibling is given up', () =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          strategy: 'oneForAll',
          children: [
            bench.child('a', { budget: { maxRestarts: 0, maxSeconds: 10 } }),
            bench.child('b'),
          ],
        });
        await Supervisor.terminateChild(tree, 'b');
        await crash(bench, tree, 'a');
        expect(await states(tree)).toEqual(['a failed', 'b undefined']);
      }));
  });

  test('[AUT-004] to be given up is no end of its own, and holds up nobody else’s', () =>
    withBench(async (bench) => {
      const significant = { restart: 'transient', significant: true } as const;
      const tree = await Supervisor.start(bench.system, {
        autoShutdown: 'allSignificant',
        budget: { maxRestarts: 0, maxSeconds: 10 },
        children: [bench.child('a', significant), bench.child('b', significant)],
      });
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a failed', 'b up']);
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(await pidOf(tree, 'b'), exitReason.normal);
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test('with a backoff: each restart within the budget waits, and it does not wait to be given up', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        backoff: { initialMs: 100, maxMs: 1_000 },
        children: [bench.child('a', { budget })],
      });
      for (const delayMs of [100, 200]) {
        await crash(bench, tree, 'a');
        await clock.advance(delayMs);
        expect(await states(tree)).toEqual(['a up']);
      }
      await crash(bench, tree, 'a');
      expect(await states(tree)).toEqual(['a failed']);
      expect(clock.pending).toBe(0);
    }, clock);
  });
});
