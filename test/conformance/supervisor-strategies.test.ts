import { describe, expect, test } from '@jest/globals';
import { exitReason, type Pid } from '@snakepit/core';
import { Supervisor, type Strategy, type SupervisorRef } from '@snakepit/supervisor';
import {
  type Bench,
  abc,
  gate,
  pidOf,
  pidsOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

/** The EXIT signals arrive in the supervisor's mailbox in this order, while it is busy starting a child. */
async function endAtOnce(bench: Bench, tree: SupervisorRef, pids: readonly Pid[]): Promise<void> {
  const start = gate();
  bench.holding.set('busy', start.passed);
  const started = Supervisor.startChild(tree, bench.child('busy', { restart: 'temporary' }));
  await rest();
  for (const pid of pids) {
    bench.end(pid);
    await until(() => !bench.system.isAlive(pid));
  }
  bench.news();
  start.open();
  await started;
}

describe('strategies', () => {
  test('[STR-006] oneForOne: only the failed child is started again', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne');
      const [a, b, c] = [await pidOf(tree, 'a'), await pidOf(tree, 'b'), await pidOf(tree, 'c')];
      bench.end(b);
      await until(() => bench.log.includes('+b'));
      expect(bench.news()).toEqual(['-b boom', '+b']);
      expect([await pidOf(tree, 'a'), await pidOf(tree, 'c')]).toEqual([a, c]);
      expect(await pidOf(tree, 'b')).not.toBe(b);
    }));

  test('[STR-007] oneForAll: the others are stopped in reverse order, then all start in order', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll');
      bench.end(await pidOf(tree, 'b'));
      await until(() => bench.log.includes('+c'));
      expect(bench.news()).toEqual(['-b boom', '-c shutdown', '-a shutdown', '+a', '+b', '+c']);
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up']);
    }));

  test('[STR-008] [STR-012] restForOne: those after the failed one go and come with it, those before stay', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'restForOne', { ids: ['a', 'b', 'c', 'd'] });
      const a = await pidOf(tree, 'a');
      bench.end(await pidOf(tree, 'b'));
      await until(() => bench.log.includes('+d'));
      expect(bench.news()).toEqual(['-b boom', '-d shutdown', '-c shutdown', '+b', '+c', '+d']);
      expect(await pidOf(tree, 'a')).toBe(a);
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up', 'd up']);
    }));

  test('[STR-009] a group restart starts members that were stopped; in restForOne only from the failed one on', () =>
    withBench(async (bench) => {
      const all = await abc(bench, 'oneForAll');
      await Supervisor.terminateChild(all, 'a');
      bench.end(await pidOf(all, 'b'));
      await until(() => bench.log.includes('+c'));
      expect(await states(all)).toEqual(['a up', 'b up', 'c up']);
      bench.news();
      const tail = await abc(bench, 'restForOne');
      await Supervisor.terminateChild(tail, 'a');
      await Supervisor.terminateChild(tail, 'c');
      bench.end(await pidOf(tail, 'b'));
      await until(() => bench.log.includes('+c'));
      expect(await states(tail)).toEqual(['a undefined', 'b up', 'c up']);
    }));

  test('[STR-010] [STR-003] temporary members of the group are stopped and removed', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { temporary: 'b' });
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('+c'));
      expect(bench.news()).toEqual(['-a boom', '-c shutdown', '-b shutdown', '+a', '+c']);
      expect(await states(tree)).toEqual(['a up', 'c up']);
    }));

  test('[STR-013] exits that come while the group is stopped are consumed: one restart is counted', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 1 });
      await endAtOnce(bench, tree, await pidsOf(tree, ['a', 'b', 'c']));
      await until(() => bench.log.includes('+c'));
      await rest();
      expect(bench.news().filter((line) => !line.includes('busy'))).toEqual(['+a', '+b', '+c']);
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up']);
    }));

  test('[STR-013] [SHD-007] each of them is reported with its own reason', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 1 });
      await endAtOnce(bench, tree, await pidsOf(tree, ['a', 'b', 'c']));
      await until(() => bench.log.includes('+c'));
      expect(bench.newReports()).toEqual([
        'childTerminated a boom',
        'shutdownError c boom',
        'shutdownError b boom',
      ]);
    }));

  test.each<[Strategy, string[], number]>([
    ['oneForOne', ['a', 'b', 'c'], 3],
    ['restForOne', ['a', 'b', 'c'], 1],
    ['restForOne', ['c', 'b', 'a'], 3],
  ])('[STR-014] %s, deaths in the order %j: %i restarts', (strategy, order, restarts) =>
    withBench(async (bench) => {
      const enough = await abc(bench, strategy, { maxRestarts: restarts });
      await endAtOnce(bench, enough, await pidsOf(enough, order));
      await rest();
      expect(await states(enough)).toEqual(expect.arrayContaining(['a up', 'b up', 'c up']));
      const tooFew = await abc(bench, strategy, { maxRestarts: restarts - 1 });
      const gone = bench.system.awaitExit(tooFew.pid);
      await endAtOnce(bench, tooFew, await pidsOf(tooFew, order));
      expect(await gone).toEqual(exitReason.shutdown);
    }),
  );

  test('[STR-015] a member that dies before the group is complete is handled after, with its own count', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 1, ids: ['a', 'b'] });
      const start = gate();
      bench.holding.set('b', start.passed);
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(await pidOf(tree, 'b'));
      await until(() => bench.log.includes('+a'));
      const restarted = [...bench.system.processes()].find(
        ({ behaviour, status, parent }) =>
          behaviour === 'genServer' && status === 'waiting' && parent === tree.pid,
      );
      if (restarted === undefined) throw new Error('a runs again');
      bench.end(restarted.pid);
      await until(() => bench.log.includes('-a boom'));
      await rest();
      expect(bench.system.isAlive(tree.pid)).toBe(true);
      start.open();
      // Two restarts within an intensity of one: had the second not been counted, it would live.
      expect(await gone).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual([
        '-b boom',
        '-a shutdown',
        '+a',
        '-a boom',
        '+b',
        '-b shutdown',
      ]);
    }));

  test('[STR-024] [INT-012] a restarted supervisor has only its own children and an empty window', () =>
    withBench(async (bench) => {
      const outer = await Supervisor.start(bench.system, {
        maxRestarts: 2,
        children: [
          {
            id: 'inner',
            start: [Supervisor, { name: 'inner', maxRestarts: 2, children: [bench.child('w')] }],
            type: 'supervisor',
          },
        ],
      });
      const inner = Supervisor.at(bench.system, 'inner');
      await Supervisor.startChild(inner, bench.child('extra'));
      const gone = bench.system.awaitExit(outer.pid);
      let crashes = 0;
      while (bench.system.isAlive(outer.pid)) {
        const pid = await pidOf(inner, 'w');
        bench.end(pid);
        crashes += 1;
        await until(async () => {
          await rest();
          if (!bench.system.isAlive(outer.pid)) return true;
          const now = bench.system.whereis('inner');
          return (
            now !== undefined &&
            (await states(inner)).includes('w up') &&
            (await pidOf(inner, 'w')) !== pid
          );
        });
        if (crashes === 3) expect(await states(inner)).toEqual(['w up']);
      }
      expect(await gone).toEqual(exitReason.shutdown);
      expect(crashes).toBe(9);
    }));
});
