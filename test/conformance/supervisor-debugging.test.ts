import { describe, expect, test } from '@jest/globals';
import { exitReason, sys } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import { gate, pidOf, rest, until, withBench } from '../fixtures/supervised.ts';

describe('sys on a supervisor', () => {
  test('[SYS-001] its state is that of its chart; while it starts a child it answers later', () =>
    withBench(async (bench) => {
      const hold = gate();
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(await sys.getState(bench.system, tree)).toMatchObject({ value: { running: 'idle' } });
      bench.holding.set('b', hold.passed);
      const started = Supervisor.startChild(tree, bench.child('b'));
      const order: string[] = [];
      const state = sys.getState(bench.system, tree).then(() => order.push('state'));
      await rest();
      expect(order).toEqual([]);
      order.push('open');
      hold.open();
      await Promise.all([started, state]);
      expect(order).toEqual(['open', 'state']);
    }));

  test('[SYS-004] suspended it restarts nobody; the exits are handled on resume', () =>
    withBench(async (bench) => {
      const children = [bench.child('a'), bench.child('b')];
      const tree = await Supervisor.start(bench.system, { children });
      const a = await pidOf(tree, 'a');
      bench.news();
      await sys.suspend(bench.system, tree);
      bench.end(a);
      await rest();
      expect(bench.news()).toEqual(['-a boom']);
      expect(await sys.getStatus(bench.system, tree)).toMatchObject({ status: 'suspended' });
      await sys.resume(bench.system, tree);
      await until(() => bench.log.length > 0);
      expect(bench.news()).toEqual(['+a']);
      expect(bench.newReports()).toEqual(['childTerminated a boom']);
    }));

  test("[SYS-004] its parent's EXIT while suspended stops it and its children in order", () =>
    withBench(async (bench) => {
      const children = [bench.child('a'), bench.child('b'), bench.child('c')];
      const inner = { id: 'inner', start: [Supervisor, { children }], type: 'supervisor' } as const;
      const tree = await Supervisor.start(bench.system, { children: [inner] });
      const pid = await pidOf(tree, 'inner');
      bench.news();
      await sys.suspend(bench.system, pid);
      const [b] = [...bench.system.processes()].filter(({ label }) => label === 'probe').slice(1);
      if (b === undefined) throw new Error('b runs');
      bench.end(b.pid);
      await rest();
      expect(bench.news()).toEqual(['-b boom']);
      const gone = bench.system.awaitExit(pid);
      expect(await Supervisor.terminateChild(tree, 'inner')).toEqual({ ok: true });
      expect(await gone).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['-c shutdown', '-a shutdown']);
    }));

  test('[SYS-008] [GEN-031] ended through sys, it stops its children in order', () =>
    withBench(async (bench) => {
      const children = [bench.child('a'), bench.child('b')];
      const tree = await Supervisor.start(bench.system, { children });
      bench.news();
      const reason = exitReason.custom('over');
      await bench.system.stopProcess(tree, reason);
      expect(bench.news()).toEqual(['-b shutdown', '-a shutdown']);
    }));
});
