import { describe, expect, test } from '@jest/globals';
import {
  ExitError,
  exitReason,
  isSnakepitError,
  type Pid,
  type ProcessContext,
} from '@snakepit/core';
import { Supervisor, type ChildSpec } from '@snakepit/supervisor';
import { boom, gate, pidOf, rest, states, until, withBench } from '../fixtures/supervised.ts';

async function failureOf(start: Promise<unknown>): Promise<unknown> {
  return start.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('Supervisor.start', () => {
  test('[SUP-001] a supervisor without children starts and stays alive', () =>
    withBench(async ({ system }) => {
      const tree = await Supervisor.start(system, { children: [] });
      await rest();
      expect(system.isAlive(tree.pid)).toBe(true);
      expect(await Supervisor.whichChildren(tree)).toEqual([]);
    }));

  test('[SUP-001] start returns after every child has been started', () =>
    withBench(async (bench) => {
      await Supervisor.start(bench.system, { children: [bench.child('a'), bench.child('b')] });
      expect(bench.news()).toEqual(['+a', '+b']);
    }));

  test.each<[string, unknown]>([
    ['junk', 42],
    ['nothing to ask for children', { children: () => [] }],
  ])(
    '[SUP-002] there is no init to run: options that are %s are refused, nothing starts',
    (_, junk) =>
      withBench(async ({ system }) => {
        const starting = Supervisor.start(system, junk as never);
        await expect(starting).rejects.toMatchObject({ code: 'INVALID_SUPERVISOR' });
        const pid = system.spawn(Supervisor, junk as never);
        expect(await system.awaitExit(pid)).toMatchObject({
          kind: 'error',
          error: { code: 'INVALID_SUPERVISOR' },
        });
        expect([...system.processes()]).toEqual([]);
      }),
  );

  test('[SUP-003] the next child starts only after the one before it has started', () =>
    withBench(async (bench) => {
      const start = gate();
      bench.holding.set('a', start.passed);
      const starting = Supervisor.start(bench.system, {
        children: [bench.child('a'), bench.child('b')],
      });
      await rest();
      expect(bench.news()).toEqual([]);
      start.open();
      await starting;
      expect(bench.news()).toEqual(['+a', '+b']);
    }));

  test.each<[string, ChildSpec['start'], string]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'error',
    ],
    ['rejects', () => Promise.reject(new Error('no')), 'error'],
    ['exits', (self: ProcessContext) => self.exit(exitReason.custom('gone')), 'custom'],
    ['gives a failure', () => ({ ok: false, reason: exitReason.custom('no') }), 'custom'],
    ['gives junk', () => 42 as never, 'custom'],
  ])('[SUP-004] a start function that %s fails the start', (_, start, kind) =>
    withBench(async ({ system }) => {
      const failure = await failureOf(Supervisor.start(system, { children: [{ id: 'x', start }] }));
      expect(failure).toBeInstanceOf(ExitError);
      expect((failure as ExitError).reason).toMatchObject({
        kind: 'shutdownWith',
        detail: { kind: 'failedToStartChild', id: 'x', reason: { kind } },
      });
    }),
  );

  test('[SUP-004] a start function may start a linked process and give its pid, or decline', () =>
    withBench(async (bench) => {
      const { start } = bench.child('inner');
      if (typeof start === 'function') throw new Error('a pair is meant');
      const slow = (self: ProcessContext) =>
        new Promise<{ ok: true; pid: Pid }>((resolve) => {
          const pid = self.startLink(start[0], start[1] as never, {}, () => {
            resolve({ ok: true, pid });
          });
        });
      const tree = await Supervisor.start(bench.system, {
        children: [
          { id: 'slow', start: slow },
          { id: 'none', start: () => ({ ok: true, pid: undefined }) },
        ],
      });
      expect(await states(tree)).toEqual(['slow up', 'none undefined']);
      bench.end(await pidOf(tree, 'slow'));
      await until(() => bench.log.filter((line) => line === '+inner').length === 2);
    }));

  test('[SUP-005] a failed start stops the children before it in reverse and never starts those after', () =>
    withBench(async (bench) => {
      bench.failing.set('c', exitReason.custom('nope'));
      const children = ['a', 'b', 'c', 'd'].map((id) => bench.child(id));
      const failure = await failureOf(Supervisor.start(bench.system, { name: 'app', children }));
      expect((failure as ExitError).reason).toEqual(
        exitReason.shutdownWith({
          kind: 'failedToStartChild',
          id: 'c',
          reason: exitReason.custom('nope'),
        }),
      );
      expect((failure as ExitError).message).toContain(
        'supervisor app: child "c" failed to start: nope',
      );
      expect(bench.news()).toEqual(['+a', '+b', '!c', '-b shutdown', '-a shutdown']);
      expect(bench.newReports()).toEqual(['startError c nope']);
      expect([...bench.system.processes()]).toEqual([]);
    }));

  test('the message of a failure names the path down the tree', () =>
    withBench(async (bench) => {
      bench.failing.set('leaf', exitReason.error(new Error('no such file')));
      const options = { children: [bench.child('leaf')] };
      const failure = await failureOf(
        Supervisor.start(bench.system, {
          children: [{ id: 'inner', start: [Supervisor, options], type: 'supervisor' }],
        }),
      );
      expect((failure as ExitError).message).toContain(
        'child "inner" › "leaf" failed to start: error(Error: no such file)',
      );
      expect((failure as ExitError).cause).toMatchObject({ message: 'no such file' });
    }));

  test.each(['normal', 'shutdown'] as const)(
    '[SUP-006] init that stops with %s fails the start too',
    (kind) =>
      withBench(async (bench) => {
        bench.failing.set('a', exitReason[kind]);
        const failure = await failureOf(
          Supervisor.start(bench.system, { children: [bench.child('a')] }),
        );
        expect((failure as ExitError).reason).toMatchObject({ detail: { reason: { kind } } });
      }),
  );

  test('[SUP-007] a child that ignores keeps its spec, unless it is temporary', () =>
    withBench(async (bench) => {
      for (const id of ['p', 't', 'x']) bench.ignoring.add(id);
      const tree = await Supervisor.start(bench.system, {
        children: [
          bench.child('p'),
          bench.child('t', { restart: 'transient' }),
          bench.child('x', { restart: 'temporary' }),
          bench.child('z'),
        ],
      });
      expect(await states(tree)).toEqual(['p undefined', 't undefined', 'z up']);
    }));

  test('[SUP-008] a child that dies while a later one starts is handled after the start, as a restart', () =>
    withBench(async (bench) => {
      const start = gate();
      bench.holding.set('b', start.passed);
      const starting = Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a'), bench.child('b')],
      });
      await until(() => bench.log.includes('+a'));
      const first = [...bench.system.processes()].find(
        ({ behaviour, parent }) => behaviour === 'genServer' && parent.id > 0,
      );
      if (first === undefined) throw new Error('a runs');
      bench.end(first.pid);
      await until(() => bench.log.includes('-a boom'));
      start.open();
      const tree = await starting;
      expect(await bench.system.awaitExit(tree.pid).then(({ kind }) => kind)).toMatch(
        /shutdown|noproc/,
      );
      expect(bench.news()).toEqual(['+a', '-a boom', '+b', '-b shutdown']);
    }));

  test('[SUP-009] a parent that ends meanwhile is seen only after the rest was started', () =>
    withBench(async (bench) => {
      const start = gate();
      bench.holding.set('a', start.passed);
      const options = { name: 'inner', children: [bench.child('a'), bench.child('b')] };
      const starting = failureOf(Supervisor.start(bench.system, options));
      await until(() => bench.system.whereis('inner') !== undefined);
      const pid = bench.system.whereis('inner');
      if (pid === undefined) throw new Error('it has its name');
      const gone = bench.system.awaitExit(pid);
      bench.system.exit(pid, boom);
      start.open();
      expect(await gone).toEqual(boom);
      await starting;
      expect(bench.news()).toEqual(['+a', '+b', '-b shutdown', '-a shutdown']);
    }));

  test('[SPEC-013] [SPEC-015] faulty specs start nothing and say which and why', () =>
    withBench(async (bench) => {
      const children = [bench.child('a'), bench.child('a')];
      const failure = await failureOf(Supervisor.start(bench.system, { children }));
      if (!isSnakepitError(failure)) throw new Error('an error with a code is meant');
      expect(failure.code).toBe('INVALID_SUPERVISOR');
      expect(failure.message).toContain('two children have the id "a"');
      expect(failure.details).toMatchObject({
        fault: { kind: 'startSpec', fault: { kind: 'duplicateChildName', value: 'a' } },
      });
      expect(bench.news()).toEqual([]);
    }));

  test('[SPEC-015] a nested supervisor with faulty options fails its parent with the same fault', () =>
    withBench(async (bench) => {
      const failure = await failureOf(
        Supervisor.start(bench.system, {
          children: [
            bench.child('a'),
            { id: 'inner', start: [Supervisor, { maxRestarts: -1 }], type: 'supervisor' },
          ],
        }),
      );
      expect((failure as Error).message).toContain(
        'maxRestarts must be a whole number ≥ 0; got -1',
      );
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));
});
