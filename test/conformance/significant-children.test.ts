import { describe, expect, test } from '@jest/globals';
import { exitReason, type ExitReason } from '@snakepit/core';
import { Supervisor, type ChildSpec } from '@snakepit/supervisor';
import { boom, pidOf, rest, states, until, withBench } from '../fixtures/supervised.ts';

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

  test('[AUT-003] one crash too many of a significant child ends its supervisor for that reason', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        autoShutdown: 'anySignificant',
        maxRestarts: 1,
        children: [bench.child('a'), bench.child('s', significant)],
      });
      const gone = bench.system.awaitExit(tree.pid);
      const first = await pidOf(tree, 's');
      bench.end(first);
      await until(() => !bench.system.isAlive(first));
      await rest();
      bench.end(await pidOf(tree, 's'));
      expect(await gone).toEqual(exitReason.shutdown);
      expect(bench.newReports()).toEqual([
        'childTerminated s boom',
        'childTerminated s boom',
        'shutdown s reachedMaxRestartIntensity',
      ]);
    }));

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
