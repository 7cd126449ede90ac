import { describe, expect, test } from '@jest/globals';
import { defineServer, exitReason, isSnakepitError, ok, type Pid } from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type ChildSpec,
  type SupervisorRef,
} from '@snakepit/supervisor';
import { add, boom, rest, until, withBench } from '../fixtures/supervised.ts';

function up(tree: SupervisorRef): Promise<number> {
  return DynamicSupervisor.countChildren(tree).then(({ active }) => active);
}

describe('start', () => {
  test('[DYN-010] has no children, is usable as a child, and starts them on request', () =>
    withBench(async (bench) => {
      const root = await Supervisor.start(bench.system, {
        children: [
          { id: 'jobs', start: [DynamicSupervisor, { name: 'jobs' }], type: 'supervisor' },
        ],
      });
      const jobs = DynamicSupervisor.at(bench.system, 'jobs');
      expect(await DynamicSupervisor.whichChildren(jobs)).toEqual([]);
      await add(jobs, bench.child('a'));
      await Supervisor.stop(root);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));

  test('[DYN-010] needs no options, as a child neither; faulty ones fail the start with the fault', () =>
    withBench(async ({ system }) => {
      const child = (options?: unknown): ChildSpec => ({
        id: 'jobs',
        start: options === undefined ? [DynamicSupervisor] : [DynamicSupervisor, options],
        type: 'supervisor',
      });
      const root = await Supervisor.start(system, { children: [child()] });
      await Supervisor.stop(root);
      for (const options of [null, 7, { extraArguments: 5 }]) {
        await expect(Supervisor.start(system, { children: [child(options)] })).rejects.toThrow(
          'INVALID_SUPERVISOR',
        );
      }
    }));

  test('[DYN-010] allows 3 restarts in 5 seconds unless told otherwise', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      const gone = bench.system.awaitExit(tree.pid);
      await add(tree, bench.child('a'));
      for (let round = 1; round <= 4; round++) {
        expect(bench.system.isAlive(tree.pid)).toBe(true);
        const [only] = await DynamicSupervisor.whichChildren(tree);
        bench.end(only?.pid as Pid);
        await until(() => bench.log.length === (round < 4 ? 2 * round + 1 : 8));
        await rest();
      }
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test.each([
    ['strategy', 'oneForAll', 'invalidStrategy'],
    ['maxRestarts', -1, 'invalidIntensity'],
    ['maxSeconds', 0, 'invalidPeriod'],
    ['maxChildren', 1.5, 'invalidMaxChildren'],
    ['maxChildren', -1, 'invalidMaxChildren'],
    ['extraArguments', 'x', 'invalidExtraArguments'],
    ['autoShutdown', 'anySignificant', 'invalidAutoShutdown'],
  ])('[DYN-011] %s: %j is %s', (key, value, kind) =>
    withBench(async ({ system }) => {
      const failure: unknown = await DynamicSupervisor.start(system, { [key]: value }).catch(
        (error: unknown) => error,
      );
      if (!isSnakepitError(failure)) throw new Error('an error with a code is meant');
      expect(failure.details).toMatchObject({
        fault: { kind: 'supervisorData', fault: { kind, value } },
      });
      expect(failure.message).toContain(key);
    }),
  );
});

describe('startChild', () => {
  test.each<[object, string]>([
    [{ start: () => ({ ok: true, pid: undefined }) }, 'invalidChildSpec'],
    [{ id: 'a' }, 'invalidChildSpec'],
    [
      {
        id: 'a',
        start: () => ({ ok: true, pid: undefined }),
        significant: true,
        restart: 'temporary',
      },
      'invalidSignificant',
    ],
    [{ id: 'a', start: () => ({ ok: true, pid: undefined }), shutdown: 'x' }, 'invalidShutdown'],
  ])('[DYN-012] a faulty spec is refused before the supervisor is asked: %j', (spec, kind) =>
    withBench(async ({ system }) => {
      const tree = await DynamicSupervisor.start(system);
      system.exit(tree.pid, exitReason.kill);
      // The supervisor is gone, and yet there is an answer.
      expect(await DynamicSupervisor.startChild(tree, spec as ChildSpec)).toMatchObject({
        ok: false,
        error: { kind },
      });
    }),
  );

  test('[DYN-012] ids may repeat', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('a'));
      await add(tree, bench.child('a'));
      expect(await up(tree)).toBe(2);
    }));

  test('[DYN-013] gives the pid; a child that ignores is not kept; a failure is told', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 0 });
      const pid = await add(tree, bench.child('a'));
      expect(bench.system.isAlive(pid)).toBe(true);
      bench.ignoring.add('b');
      expect(await DynamicSupervisor.startChild(tree, bench.child('b'))).toEqual({
        ok: true,
        pid: undefined,
      });
      bench.failing.set('c', boom);
      expect(await DynamicSupervisor.startChild(tree, bench.child('c'))).toEqual({
        ok: false,
        error: { kind: 'startFailed', reason: boom },
      });
      const raised = await DynamicSupervisor.startChild(tree, {
        id: 'd',
        start: () => {
          throw new Error('no');
        },
      });
      expect(raised).toMatchObject({
        error: { kind: 'startFailed', reason: { kind: 'error', error: { message: 'no' } } },
      });
      expect(await DynamicSupervisor.countChildren(tree)).toEqual({
        specs: 1,
        active: 1,
        supervisors: 0,
        workers: 1,
      });
    }));

  test('[DYN-014] maxChildren counts running and restarting ones and is looked at before the start', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, {
        maxChildren: 2,
        maxRestarts: 1_000_000,
      });
      await add(tree, bench.child('a'));
      const b = await add(tree, bench.child('b'));
      bench.failing.set('b', boom);
      bench.end(b);
      await until(() => bench.log.includes('!b'));
      expect(await DynamicSupervisor.startChild(tree, bench.child('c'))).toEqual({
        ok: false,
        error: { kind: 'maxChildren', limit: 2 },
      });
      expect(bench.log).not.toContain('+c');
      await DynamicSupervisor.terminateChild(tree, b);
      await add(tree, bench.child('c'));
    }));

  test('[DYN-015] extraArguments come first, at every start', () =>
    withBench(async (bench) => {
      const seen: unknown[] = [];
      const { start } = bench.child('a');
      if (typeof start === 'function') throw new Error('a pair is meant');
      const tree = await DynamicSupervisor.start(bench.system, { extraArguments: [1, 'two'] });
      const pid = await add(tree, {
        id: 'a',
        start: (self, ...extra) => {
          seen.push(extra);
          return { ok: true, pid: self.spawnLink(start[0], start[1] as never) };
        },
      });
      await until(() => bench.log.includes('+a'));
      bench.end(pid);
      await until(() => seen.length === 2);
      expect(seen).toEqual([
        [1, 'two'],
        [1, 'two'],
      ]);
    }));

  test('[DYN-015] a behaviour gets them before its own input', () =>
    withBench(async ({ system }) => {
      const seen: unknown[] = [];
      const server = defineServer({ init: (input: unknown) => (seen.push(input), ok(0)) });
      const tree = await DynamicSupervisor.start(system, { extraArguments: [1, 'two'] });
      await add(tree, { id: 'a', start: [server, 'own'] });
      expect(seen).toEqual([[1, 'two', 'own']]);
    }));

  test('[DYN-021] a request without caller is no call, and an unexpected message is ignored', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('a'));
      for (const type of [
        'child.start',
        'child.terminate',
        'children.list',
        'children.count',
        'what',
      ]) {
        for (const from of [undefined, 'me']) {
          bench.system.send(tree.pid, { type, pid: 4711, spec: {}, from });
        }
      }
      expect(await up(tree)).toBe(1);
    }));
});
