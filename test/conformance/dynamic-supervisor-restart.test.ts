import { describe, expect, test } from '@jest/globals';
import { exitReason, type Pid } from '@snakepit/core';
import { DynamicSupervisor, type SupervisorRef } from '@snakepit/supervisor';
import { type Bench, add, boom, gate, rest, until, withBench } from '../fixtures/supervised.ts';

describe('restart', () => {
  test('[DYN-007] each child by itself, all sharing one window', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 2 });
      const [a, b, c] = await addAll(bench, tree, ['a', 'b', 'c']);
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(a);
      bench.end(b);
      await until(
        () => bench.log.includes('+b') && bench.log.filter((line) => line === '+a').length === 2,
      );
      await rest();
      expect(bench.system.isAlive(c)).toBe(true);
      bench.end(c);
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test('[DYN-007] temporary ones and clean transient ones are gone and not counted', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 0 });
      const x = await add(tree, bench.child('x', { restart: 'temporary' }));
      const t = await add(tree, bench.child('t', { restart: 'transient' }));
      bench.end(x);
      bench.end(t, exitReason.normal);
      await until(async () => (await DynamicSupervisor.countChildren(tree)).specs === 0);
      expect(bench.system.isAlive(tree.pid)).toBe(true);
    }));

  test('[DYN-016] a failed restart is retried after what waits already; one that ignores is removed', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 1_000_000 });
      const a = await add(tree, bench.child('a'));
      bench.failing.set('a', boom);
      bench.end(a);
      await until(() => bench.log.filter((line) => line === '!a').length > 3);
      expect(await DynamicSupervisor.whichChildren(tree)).toMatchObject([
        { id: undefined, pid: 'restarting' },
      ]);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 0 });
      bench.failing.clear();
      await until(() => bench.log.at(-1) === '+a');
      bench.ignoring.add('a');
      const [now] = await DynamicSupervisor.whichChildren(tree);
      bench.end(now?.pid as Pid);
      await until(async () => (await DynamicSupervisor.countChildren(tree)).specs === 0);
    }));

  test('[DYN-016] [DYN-017] requests already waiting are served between the attempts', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 1_000_000 });
      const a = await add(tree, bench.child('a'));
      bench.failing.set('a', boom);
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = DynamicSupervisor.startChild(tree, bench.child('busy'));
      await rest();
      bench.end(a);
      await until(() => !bench.system.isAlive(a));
      bench.news();
      const answers = Promise.all([
        DynamicSupervisor.countChildren(tree),
        DynamicSupervisor.terminateChild(tree, a),
        DynamicSupervisor.countChildren(tree),
      ]);
      start.open();
      await busy;
      expect(await answers).toMatchObject([{ specs: 2, active: 1 }, { ok: true }, { specs: 1 }]);
      await rest();
      expect(bench.news()).toEqual(['+busy', '!a']);
    }));

  test('[DYN-017] terminateChild: by pid, by the old pid of a restarting one, else notFound', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 1_000_000 });
      const [a, b] = await addAll(bench, tree, ['a', 'b']);
      const notFound = { ok: false, error: { kind: 'notFound' } };
      expect(await DynamicSupervisor.terminateChild(tree, a)).toEqual({ ok: true });
      expect(await DynamicSupervisor.terminateChild(tree, a)).toEqual(notFound);
      expect(await DynamicSupervisor.terminateChild(tree, tree.pid)).toEqual(notFound);
      bench.failing.set('b', boom);
      bench.end(b);
      await until(() => bench.log.filter((line) => line === '!b').length > 2);
      expect(await DynamicSupervisor.terminateChild(tree, b)).toEqual({ ok: true });
      bench.news();
      await rest();
      expect(bench.news()).toEqual([]);
      expect(await DynamicSupervisor.whichChildren(tree)).toEqual([]);
    }));
});

async function addAll(
  bench: Bench,
  tree: SupervisorRef,
  ids: readonly string[],
): Promise<[Pid, Pid, Pid]> {
  const pids: Pid[] = [];
  for (const id of ids) pids.push(await add(tree, bench.child(id)));
  return pids as [Pid, Pid, Pid];
}
