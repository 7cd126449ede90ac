import { describe, expect, test } from '@jest/globals';
import { Supervisor } from '@snakepit/supervisor';
import { boom, pidOf, rest, states, until, withBench } from '../fixtures/supervised.ts';

describe('startChild', () => {
  test('[SUP-012] adds the child last', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(await Supervisor.startChild(tree, bench.child('b'))).toEqual({
        ok: true,
        pid: await pidOf(tree, 'b'),
      });
      expect(await states(tree)).toEqual(['a up', 'b up']);
    }));

  test('[SUP-013] a known id is refused: alreadyStarted when it runs, alreadyPresent when not', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      const pid = await pidOf(tree, 'a');
      expect(await Supervisor.startChild(tree, bench.child('a'))).toEqual({
        ok: false,
        error: { kind: 'alreadyStarted', pid },
      });
      await Supervisor.terminateChild(tree, 'a');
      expect(await Supervisor.startChild(tree, bench.child('a'))).toEqual({
        ok: false,
        error: { kind: 'alreadyPresent' },
      });
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));

  test('[SUP-014] [INT-007] a failed start is not kept, not counted and harms nobody', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a')],
      });
      bench.failing.set('b', boom);
      expect(await Supervisor.startChild(tree, bench.child('b'))).toEqual({
        ok: false,
        error: { kind: 'startFailed', reason: boom, id: 'b' },
      });
      expect(await states(tree)).toEqual(['a up']);
      bench.failing.clear();
      expect(await Supervisor.startChild(tree, bench.child('b'))).toMatchObject({ ok: true });
    }));

  test('[SUP-014] a taken name is told unwrapped', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('a', { name: 'taken' })],
      });
      expect(await Supervisor.startChild(tree, bench.child('b', { name: 'taken' }))).toEqual({
        ok: false,
        error: { kind: 'alreadyStarted', pid: await pidOf(tree, 'a') },
      });
    }));

  test('[SUP-015] a child that ignores: its spec is kept, unless it is temporary', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {});
      bench.ignoring.add('p').add('x');
      const none = { ok: true, pid: undefined };
      expect(await Supervisor.startChild(tree, bench.child('p'))).toEqual(none);
      expect(await Supervisor.startChild(tree, bench.child('x', { restart: 'temporary' }))).toEqual(
        none,
      );
      expect(await states(tree)).toEqual(['p undefined']);
    }));

  test('[SPEC-015] a faulty spec gives the fault and leaves the supervisor unharmed', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      const result = await Supervisor.startChild(tree, bench.child('b', { shutdown: -1 }));
      expect(result).toMatchObject({ ok: false, error: { kind: 'invalidShutdown', value: -1 } });
      expect(await states(tree)).toEqual(['a up']);
    }));
});

describe('an id that is no plain value', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.each<[string, unknown]>([
    ['a cycle', cycle],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a function', () => 1],
  ])('[SPEC-015] %s is refused in a spec, unknown elsewhere, and harms nobody', (_, id) =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(
        await Supervisor.startChild(tree, bench.child('b', { id: id as never })),
      ).toMatchObject({ ok: false, error: { kind: 'invalidId' } });
      const notFound = { ok: false, error: { kind: 'notFound' } };
      expect(await Supervisor.terminateChild(tree, id as never)).toEqual(notFound);
      expect(await Supervisor.getChildSpec(tree, id as never)).toEqual(notFound);
      expect(await states(tree)).toEqual(['a up']);
    }),
  );
});

describe('terminateChild', () => {
  test('[SUP-016] stops the child, keeps its spec, and is ok again when it is down', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      expect(await states(tree)).toEqual(['a undefined']);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));

  test('[SUP-016] a temporary child is removed; an unknown id or a pid is notFound', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('x', { restart: 'temporary' })],
      });
      const pid = await pidOf(tree, 'x');
      const notFound = { ok: false, error: { kind: 'notFound' } };
      expect(await Supervisor.terminateChild(tree, pid as never)).toEqual(notFound);
      expect(await Supervisor.terminateChild(tree, 'x')).toEqual({ ok: true });
      expect(await Supervisor.terminateChild(tree, 'x')).toEqual(notFound);
      expect(await states(tree)).toEqual([]);
    }));

  test('[SUP-017] never restarts, counts or shuts anything down', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        maxRestarts: 0,
        autoShutdown: 'anySignificant',
        children: [bench.child('a'), bench.child('s', { restart: 'transient', significant: true })],
      });
      await Supervisor.terminateChild(tree, 's');
      await Supervisor.terminateChild(tree, 'a');
      await rest();
      expect(await states(tree)).toEqual(['a undefined', 's undefined']);
    }));
});

describe('restartChild and deleteChild', () => {
  test('[SUP-018] restartChild: stopped, running, unknown, failing, ignoring', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a')],
      });
      expect(await Supervisor.restartChild(tree, 'a')).toEqual({
        ok: false,
        error: { kind: 'running' },
      });
      expect(await Supervisor.restartChild(tree, 'z')).toEqual({
        ok: false,
        error: { kind: 'notFound' },
      });
      await Supervisor.terminateChild(tree, 'a');
      bench.failing.set('a', boom);
      expect(await Supervisor.restartChild(tree, 'a')).toEqual({
        ok: false,
        error: { kind: 'startFailed', reason: boom },
      });
      expect(await states(tree)).toEqual(['a undefined']);
      bench.failing.clear();
      bench.ignoring.add('a');
      expect(await Supervisor.restartChild(tree, 'a')).toEqual({ ok: true, pid: undefined });
      bench.ignoring.clear();
      expect(await Supervisor.restartChild(tree, 'a')).toEqual({
        ok: true,
        pid: await pidOf(tree, 'a'),
      });
    }));

  test('[SUP-019] deleteChild: running, unknown, stopped', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(await Supervisor.deleteChild(tree, 'a')).toEqual({
        ok: false,
        error: { kind: 'running' },
      });
      expect(await Supervisor.deleteChild(tree, 'z')).toEqual({
        ok: false,
        error: { kind: 'notFound' },
      });
      await Supervisor.terminateChild(tree, 'a');
      expect(await Supervisor.deleteChild(tree, 'a')).toEqual({ ok: true });
      expect(await states(tree)).toEqual([]);
    }));

  test('[SUP-020] restart keeps the place, delete and start again goes last', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('c'), bench.child('a'), bench.child('b')],
      });
      await Supervisor.startChild(tree, bench.child('z'));
      await Supervisor.startChild(tree, bench.child('k'));
      await Supervisor.terminateChild(tree, 'a');
      await Supervisor.restartChild(tree, 'a');
      expect(await states(tree)).toEqual(['c up', 'a up', 'b up', 'z up', 'k up']);
      await Supervisor.terminateChild(tree, 'a');
      await Supervisor.deleteChild(tree, 'a');
      await Supervisor.startChild(tree, bench.child('a'));
      expect(await states(tree)).toEqual(['c up', 'b up', 'z up', 'k up', 'a up']);
    }));
});

describe('what a supervisor tells', () => {
  test('[SUP-021] whichChildren is newest first', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('a'), { id: 'in', start: [Supervisor, {}], type: 'supervisor' }],
      });
      await Supervisor.terminateChild(tree, 'a');
      expect(await Supervisor.whichChildren(tree)).toEqual([
        { id: 'in', pid: await pidOf(tree, 'in'), type: 'supervisor', behaviour: 'supervisor' },
        { id: 'a', pid: undefined, type: 'worker', behaviour: 'probe' },
      ]);
    }));

  test('[SUP-022] countChildren: specs, live processes, and kinds alive or not', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [
          bench.child('a'),
          bench.child('b'),
          { id: 'in', start: [Supervisor, {}], type: 'supervisor' },
        ],
      });
      await Supervisor.terminateChild(tree, 'a');
      await Supervisor.terminateChild(tree, 'in');
      expect(await Supervisor.countChildren(tree)).toEqual({
        specs: 3,
        active: 1,
        supervisors: 1,
        workers: 2,
      });
    }));

  test('[SUP-023] getChildSpec has the defaults filled in; an unknown id is notFound', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      expect(await Supervisor.getChildSpec(tree, 'a')).toMatchObject({
        ok: true,
        spec: {
          id: 'a',
          restart: 'permanent',
          shutdown: 5_000,
          type: 'worker',
          significant: false,
        },
      });
      expect(await Supervisor.getChildSpec(tree, 'z')).toEqual({
        ok: false,
        error: { kind: 'notFound' },
      });
    }));

  test('[SUP-024] a temporary child vanishes when it ends; its id can be used again', () =>
    withBench(async (bench) => {
      const spec = bench.child('x', { restart: 'temporary' });
      const tree = await Supervisor.start(bench.system, { children: [spec] });
      bench.end(await pidOf(tree, 'x'));
      await until(async () => (await states(tree)).length === 0);
      expect(await Supervisor.startChild(tree, spec)).toMatchObject({ ok: true });
    }));

  test('[SPEC-014] ids are compared by structure, and 1 is not "1"', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [
          bench.child('a', { id: 1 }),
          bench.child('b', { id: '1' }),
          bench.child('c', { id: ['w', { n: 1 }] }),
        ],
      });
      expect(await Supervisor.terminateChild(tree, ['w', { n: 1 }])).toEqual({ ok: true });
      expect((await Supervisor.countChildren(tree)).active).toBe(2);
    }));
});
