import { describe, expect, test } from '@jest/globals';
import { createTestClock, ExitError, exitReason, isSnakepitError, type Pid } from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type ChildSpec,
  type SupervisorRef,
} from '@snakepit/supervisor';
import { boom, gate, rest, until, withBench, type Bench } from '../fixtures/supervised.ts';

async function add(tree: SupervisorRef, spec: ChildSpec): Promise<Pid> {
  const result = await DynamicSupervisor.startChild(tree, spec);
  if (!result.ok || result.pid === undefined) throw new Error('the child starts');
  return result.pid;
}

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
});

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

  test('[DYN-016] a failed restart is retried from the end of the mailbox; one that ignores is removed', () =>
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

describe('stop', () => {
  test('[DYN-019] all are asked at once, each with its own time', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      for (const shutdown of [100, 200, 200, 300]) {
        await add(tree, bench.child(`s${String(shutdown)}`, { shutdown }, { stubborn: true }));
      }
      await add(tree, bench.child('meek', { shutdown: 'infinity' }));
      await add(tree, bench.child('brutal', { shutdown: 'brutalKill' }, { stubborn: true }));
      bench.news();
      const stopped = DynamicSupervisor.stop(tree);
      await clock.advance(99);
      expect(bench.news().sort()).toEqual(['-brutal killed', '-meek shutdown']);
      await clock.advance(1);
      expect(bench.news()).toEqual(['-s100 killed']);
      await clock.advance(100);
      expect(bench.news()).toEqual(['-s200 killed', '-s200 killed']);
      expect(bench.system.isAlive(tree.pid)).toBe(true);
      await clock.advance(100);
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['-s300 killed']);
      expect(clock.pending).toBe(0);
    }, clock);
  });

  test('[DYN-020] one report per child that ended otherwise than asked', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('ok'));
      await add(tree, bench.child('slow', { shutdown: 0 }, { stubborn: true }));
      await add(tree, bench.child('brutal', { shutdown: 'brutalKill' }));
      await DynamicSupervisor.stop(tree);
      expect(bench.newReports()).toEqual(['shutdownError slow killed']);
    }));

  test('[DYN-021] a child that dies meanwhile is not restarted; a startChild that waits fails with shutdown', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('slow', { shutdown: 100 }, { stubborn: true }));
      const stopped = DynamicSupervisor.stop(tree);
      await clock.advance(1);
      const reason = add(tree, bench.child('late')).catch(
        (error: unknown) => (error as ExitError).reason,
      );
      await clock.advance(99);
      await stopped;
      expect(await reason).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['+slow', '-slow killed']);
    }, clock);
  });

  test('[DYN-021] a death that was in the mailbox before the stop is consumed by it', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 0 });
      const a = await add(tree, bench.child('a', { restart: 'temporary' }));
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = DynamicSupervisor.startChild(tree, bench.child('busy'));
      await rest();
      const stopped = DynamicSupervisor.stop(tree);
      await rest();
      bench.end(a);
      await until(() => !bench.system.isAlive(a));
      start.open();
      await busy;
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(bench.newReports()).toEqual(['shutdownError a boom']);
    }));

  test('[SHD-010] it obeys its parent, with that reason', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('a'));
      const gone = bench.system.awaitExit(tree.pid);
      bench.system.exit(tree.pid, boom);
      expect(await gone).toEqual(boom);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
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
