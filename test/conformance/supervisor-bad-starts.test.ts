import { describe, expect, test } from '@jest/globals';
import {
  createSystemClock,
  createTestClock,
  defineServer,
  ExitError,
  exitReason,
  formatExitReason,
  noreply,
  ok,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type ChildSpec,
  type StartFunction,
  type SupervisorOptions,
} from '@snakepit/supervisor';
import { type Bench, add, boom, gate, rest, until, withBench } from '../fixtures/supervised.ts';

const idle = defineServer({ name: 'idle', init: () => ok(0), info: (state) => noreply(state) });

/** Says how it ended, and takes its time for that. */
const polite = defineServer({
  name: 'polite',
  trapExit: true,
  init: (log: string[]) => ok(log),
  terminate: (log, reason) => {
    log.push(`polite ends: ${reason.kind}`);
  },
});

/** The exit reason that something failed with. */
async function reasonOf(failing: Promise<unknown>): Promise<unknown> {
  try {
    return await failing;
  } catch (error) {
    return error instanceof ExitError ? error.reason : error;
  }
}

/** Stops a system whose supervisors hang, without waiting for them. */
async function stopNow(bench: Bench): Promise<void> {
  await bench.system.stop({ timeout: 10 });
  expect([...bench.system.processes()]).toEqual([]);
}

describe('a start function that brings nonsense', () => {
  const nonsense: readonly unknown[] = [
    ...[undefined, null, 42, 'ok', {}],
    ...[{ ok: true }, { ok: true, pid: 5 }, { ok: false }, { ok: false, reason: 'why' }],
  ];
  test.each(nonsense.flatMap((value) => [[value, 'at once'] as const, [value, 'later'] as const]))(
    '[SUP-004] [SUP-005] %j, %s, fails the start with that value',
    (value, when) =>
      withBench(async (bench) => {
        const start = (() => (when === 'later' ? Promise.resolve(value) : value)) as StartFunction;
        const started = Supervisor.start(bench.system, {
          children: [bench.child('a'), { id: 'b', start }, bench.child('c')],
        });
        expect(await reasonOf(started)).toEqual(
          exitReason.shutdownWith({
            kind: 'failedToStartChild',
            id: 'b',
            reason: exitReason.custom(value),
          }),
        );
        expect(bench.news()).toEqual(['+a', '-a shutdown']);
        expect([...bench.system.processes()]).toEqual([]);
      }),
  );

  test.each<[string, () => never]>([
    [
      'an error',
      () => {
        throw new Error('no');
      },
    ],
    [
      'a word',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- anything can be thrown
        throw 'no';
      },
    ],
    [
      'nothing',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- anything can be thrown
        throw undefined;
      },
    ],
  ])('[SUP-004] %s thrown at once fails a startChild, and harms nobody', (_, start) =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a')],
      });
      expect(await Supervisor.startChild(tree, { id: 'b', start })).toMatchObject({
        ok: false,
        error: { kind: 'startFailed', reason: { kind: 'error' }, id: 'b' },
      });
      expect(await Supervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 1 });
    }),
  );
});

describe('a start that never settles', () => {
  const never: StartFunction = () => new Promise<never>(() => undefined);

  test('[SUP-010] holds its supervisor; the system stops it all the same, and nothing is left', () =>
    withBench(async (bench) => {
      const started = Supervisor.start(bench.system, {
        children: [bench.child('a'), { id: 'b', start: never }],
      });
      const failed = reasonOf(started);
      await until(() => bench.log.includes('+a'));
      await stopNow(bench);
      expect(await failed).toEqual(exitReason.killed);
      expect(bench.news()).toEqual(['+a', '-a killed']);
    }, createSystemClock()));

  test('[SHD-013] in a nested supervisor with all the time of the world', () =>
    withBench(async (bench) => {
      const inner: SupervisorOptions = { children: [bench.child('a'), { id: 'b', start: never }] };
      const started = Supervisor.start(bench.system, {
        children: [{ id: 'inner', start: [Supervisor, inner], shutdown: 'infinity' }],
      });
      const failed = reasonOf(started);
      await until(() => bench.log.includes('+a'));
      await stopNow(bench);
      expect(await failed).toEqual(exitReason.killed);
    }, createSystemClock()));

  test('[SUP-025] who waits for a startChild learns of the end', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {});
      const failed = reasonOf(Supervisor.startChild(tree, { id: 'b', start: never }));
      await rest();
      await stopNow(bench);
      expect(await failed).toEqual(exitReason.killed);
    }, createSystemClock()));
});

describe('[PRC-022] a start that settles after its supervisor is gone', () => {
  /** Kills a supervisor during a start, which goes on afterwards. */
  async function startLate(
    bench: Bench,
    start: (passed: Promise<void>) => StartFunction,
    more: { shutdown?: number | 'brutalKill' | 'infinity' } = {},
  ): Promise<void> {
    const open = gate();
    const tree = await Supervisor.start(bench.system, {});
    const failed = Supervisor.startChild(tree, { id: 'late', start: start(open.passed), ...more });
    void failed.catch(() => undefined);
    await rest();
    bench.system.exit(tree.pid, exitReason.kill);
    await bench.system.awaitExit(tree.pid);
    open.open();
    await rest();
  }

  test('starts nothing by its own process', () =>
    withBench(async (bench) => {
      let pid: Pid | undefined;
      await startLate(bench, (passed) => async (self) => {
        await passed;
        pid = self.spawnLink(idle);
        return { ok: true, pid };
      });
      expect(pid && bench.system.isAlive(pid)).toBe(false);
      expect([...bench.system.processes()]).toEqual([]);
    }));

  test.each([1_000, 'infinity'] as const)(
    'what it started elsewhere is asked to end, with the shutdown %j of its spec',
    (shutdown) =>
      withBench(async (bench) => {
        const log: string[] = [];
        const start =
          (passed: Promise<void>): StartFunction =>
          async () => {
            await passed;
            return { ok: true, pid: await bench.system.start(polite, log).then(({ pid }) => pid) };
          };
        await startLate(bench, start, { shutdown });
        await until(() => [...bench.system.processes()].length === 0);
        expect(log).toEqual(['polite ends: shutdown']);
      }),
  );

  test('and killed, if it does not obey in time; a brutalKill child at once', async () => {
    const stubborn = defineServer({
      name: 'stubborn',
      trapExit: true,
      init: () => ok(0),
      terminate: () => new Promise<void>(() => undefined),
    });
    const clock = createTestClock();
    await withBench(async (bench) => {
      const start =
        (passed: Promise<void>): StartFunction =>
        async () => {
          await passed;
          return { ok: true, pid: (await bench.system.start(stubborn)).pid };
        };
      await startLate(bench, start, { shutdown: 100 });
      expect([...bench.system.processes()]).toHaveLength(1);
      await clock.advance(100);
      expect([...bench.system.processes()]).toEqual([]);
      await startLate(bench, start, { shutdown: 'brutalKill' });
      expect([...bench.system.processes()]).toEqual([]);
      expect(clock.pending).toBe(0);
    }, clock);
  });

  test('what failed late is nobody’s affair', () =>
    withBench(async (bench) => {
      await startLate(bench, (passed) => () => passed.then(() => Promise.reject(new Error('no'))));
      await startLate(bench, (passed) => () => passed.then(() => ({ ok: false, reason: boom })));
      await startLate(bench, (passed) => () => passed.then(() => 'junk' as never));
      expect([...bench.system.processes()]).toEqual([]);
    }));
});

describe('a supervisor as its own child', () => {
  test('options that contain themselves are refused, with the way', () =>
    withBench(async (bench) => {
      const children: ChildSpec[] = [];
      const options: SupervisorOptions = { children };
      const inner: SupervisorOptions = {
        children: [{ id: 'again', start: [Supervisor, options], type: 'supervisor' }],
      };
      children.push(bench.child('a'), {
        id: 'inner',
        start: [Supervisor, inner],
        type: 'supervisor',
      });
      await expect(Supervisor.start(bench.system, options)).rejects.toThrow(
        '[INVALID_SUPERVISOR] a supervisor cannot start: child "inner" › "again" has the options of a supervisor that it is part of: it would start itself, without end',
      );
      expect(bench.news()).toEqual([]);
      const tree = await Supervisor.start(bench.system, {});
      const spec = { id: 'x', start: [Supervisor, options] } as const;
      expect(await Supervisor.startChild(tree, spec)).toMatchObject({
        error: { kind: 'startFailed', reason: { kind: 'error' } },
      });
    }));

  test('the same options twice, side by side, are fine', () =>
    withBench(async (bench) => {
      const options: SupervisorOptions = { children: [{ id: 'a', start: [idle] }] };
      const tree = await Supervisor.start(bench.system, {
        children: [
          { id: 'x', start: [Supervisor, options] },
          { id: 'y', start: [Supervisor, options] },
        ],
      });
      expect(await Supervisor.countChildren(tree)).toMatchObject({ active: 2, supervisors: 2 });
    }));

  test('a start function that gives the supervisor itself has failed', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {});
      const start: StartFunction = (self) => ({ ok: true, pid: self.pid });
      const refused = await Supervisor.startChild(tree, { id: 'me', start });
      const { error } = refused as { readonly error?: { readonly reason?: ExitReason } };
      expect(error?.reason && formatExitReason(error.reason)).toContain(
        '[OWN_CHILD] the start function of child "me" gave the supervisor itself',
      );
      expect(await Supervisor.stop(tree)).toEqual(exitReason.shutdown);
    }));
});

describe('calls', () => {
  test('[SUP-026] one that a dynamic supervisor does not know ends it too, its children stopped', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      await add(tree, bench.child('a'));
      bench.news();
      const answer = bench.system.call(tree.pid, { type: 'child.promote' });
      expect(await reasonOf(answer)).toEqual(
        exitReason.custom({ kind: 'badCall', request: 'child.promote' }),
      );
      expect(bench.news()).toEqual(['-a shutdown']);
    }));

  test('need no this', () =>
    withBench(async (bench) => {
      // eslint-disable-next-line @typescript-eslint/unbound-method -- that is what is shown here
      const { start, startChild, countChildren, stop } = Supervisor;
      const tree = await start(bench.system, {});
      await startChild(tree, bench.child('a'));
      expect(await countChildren(tree)).toMatchObject({ active: 1 });
      expect(await stop(tree)).toEqual(exitReason.shutdown);
    }));

  test('[NAM-004] a second start under one name fails, and leaves the first alone', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        name: 'app',
        children: [bench.child('a')],
      });
      bench.news();
      const second = Supervisor.start(bench.system, { name: 'app', children: [bench.child('b')] });
      await expect(second).rejects.toMatchObject({ reason: exitReason.alreadyStarted(tree.pid) });
      expect(bench.news()).toEqual([]);
      expect(await Supervisor.countChildren(tree)).toMatchObject({ active: 1 });
    }));
});
