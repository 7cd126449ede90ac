import { describe, expect, test } from '@jest/globals';
import type { Pid } from '@snakepit/core';
import { DynamicSupervisor, type SupervisorRef } from '@snakepit/supervisor';
import { type Bench, add, boom, rest, withBench } from '../fixtures/supervised.ts';

describe('restart budget of dynamic children', () => {
  async function withFailed(
    run: (bench: Bench, tree: SupervisorRef, pid: Pid) => Promise<void>,
  ): Promise<void> {
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, {
        maxRestarts: 0,
        maxChildren: 2,
        budget: { maxRestarts: 0, maxSeconds: 10 },
      });
      await add(tree, bench.child('b'));
      const a = await add(tree, bench.child('a'));
      bench.end(a);
      await rest();
      await run(bench, tree, a);
    });
  }

  test('one that is given up is listed by the pid it had, and keeps its place', () =>
    withFailed(async (bench, tree, a) => {
      expect(await DynamicSupervisor.whichChildren(tree)).toContainEqual({
        id: undefined,
        pid: 'failed',
        lastPid: a,
        type: 'worker',
        behaviour: 'probe',
      });
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 2, active: 1 });
      expect(await DynamicSupervisor.startChild(tree, bench.child('c'))).toEqual({
        ok: false,
        error: { kind: 'maxChildren', limit: 2 },
      });
    }));

  test('restartChild starts it by that pid; others it refuses', () =>
    withFailed(async (bench, tree, a) => {
      const started = await DynamicSupervisor.restartChild(tree, a);
      if (!started.ok || started.pid === undefined) throw new Error('it starts');
      const refused = (kind: string): object => ({ ok: false, error: { kind } });
      expect(await DynamicSupervisor.restartChild(tree, a)).toEqual(refused('notFound'));
      expect(await DynamicSupervisor.restartChild(tree, started.pid)).toEqual(refused('running'));
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 2, active: 2 });
      bench.end(started.pid);
      await rest();
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 2, active: 1 });
    }));

  test('a restartChild that fails leaves it given up; one that declines forgets it', () =>
    withFailed(async (bench, tree, a) => {
      bench.failing.set('a', boom);
      expect(await DynamicSupervisor.restartChild(tree, a)).toEqual({
        ok: false,
        error: { kind: 'startFailed', reason: boom },
      });
      expect(await DynamicSupervisor.whichChildren(tree)).toMatchObject([
        {},
        { pid: 'failed', lastPid: a },
      ]);
      bench.failing.clear();
      bench.ignoring.add('a');
      expect(await DynamicSupervisor.restartChild(tree, a)).toEqual({ ok: true, pid: undefined });
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1 });
    }));

  test('terminateChild forgets it', () =>
    withFailed(async (_, tree, a) => {
      expect(await DynamicSupervisor.terminateChild(tree, a)).toEqual({ ok: true });
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 1 });
    }));
});
