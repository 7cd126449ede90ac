import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason, type ExitReason, type Pid } from '@snakepit/core';
import {
  Supervisor,
  type RestartType,
  type Strategy,
  type SupervisorRef,
} from '@snakepit/supervisor';
import {
  boom,
  gate,
  pidOf,
  rest,
  states,
  until,
  withBench,
  type Bench,
} from '../fixtures/supervised.ts';

async function abc(
  bench: Bench,
  strategy: Strategy,
  more: { maxRestarts?: number; ids?: readonly string[]; temporary?: string } = {},
): Promise<SupervisorRef> {
  const ids = more.ids ?? ['a', 'b', 'c'];
  const tree = await Supervisor.start(bench.system, {
    strategy,
    maxRestarts: more.maxRestarts ?? 3,
    children: ids.map((id) =>
      bench.child(id, id === more.temporary ? { restart: 'temporary' } : { restart: 'permanent' }),
    ),
  });
  bench.news();
  return tree;
}

function pidsOf(tree: SupervisorRef, ids: readonly string[]): Promise<Pid[]> {
  return Promise.all(ids.map((id) => pidOf(tree, id)));
}

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

describe('restart types', () => {
  const reasons: readonly [ExitReason, string][] = [
    [exitReason.normal, 'normal'],
    [exitReason.shutdown, 'shutdown'],
    [exitReason.shutdownWith('x'), 'shutdown with a detail'],
    [boom, 'boom'],
    [exitReason.custom('shutdown'), 'the string "shutdown"'],
    [exitReason.kill, 'kill'],
    [exitReason.killed, 'killed'],
    [exitReason.noproc, 'noproc'],
    [exitReason.timeout, 'timeout'],
  ];

  async function restarted(
    bench: Bench,
    restart: RestartType,
    reason: ExitReason,
  ): Promise<boolean> {
    const tree = await Supervisor.start(bench.system, {
      children: [bench.child('a', { restart })],
    });
    const pid = await pidOf(tree, 'a');
    bench.end(pid, reason);
    await until(() => !bench.system.isAlive(pid));
    await rest();
    return (await states(tree)).includes('a up');
  }

  test.each(reasons)('[STR-001] permanent: restarted after %j', (reason) =>
    withBench(async (bench) => {
      expect(await restarted(bench, 'permanent', reason)).toBe(true);
    }),
  );

  test.each(reasons)('[STR-002] transient: restarted only when the end is abnormal: %j', (reason) =>
    withBench(async (bench) => {
      const isClean = ['normal', 'shutdown', 'shutdownWith'].includes(reason.kind);
      expect(await restarted(bench, 'transient', reason)).toBe(!isClean);
    }),
  );

  test.each(reasons)('[STR-003] temporary: not restarted after %j', (reason) =>
    withBench(async (bench) => {
      expect(await restarted(bench, 'temporary', reason)).toBe(false);
    }),
  );

  test.each<Strategy>(['oneForOne', 'oneForAll', 'restForOne'])(
    '[STR-004] [INT-007] %s: a clean end of a transient child touches nobody and is not counted',
    (strategy) =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          strategy,
          maxRestarts: 0,
          children: [
            bench.child('a'),
            bench.child('t', { restart: 'transient' }),
            bench.child('z'),
          ],
        });
        bench.end(await pidOf(tree, 't'), exitReason.normal);
        await until(async () => (await states(tree)).includes('t undefined'));
        expect(bench.news()).toEqual(['+a', '+t', '+z', '-t normal']);
        expect(await states(tree)).toEqual(['a up', 't undefined', 'z up']);
      }),
  );

  test.each<Strategy>(['oneForOne', 'oneForAll', 'restForOne'])(
    '[STR-005] [INT-007] %s: 50 crashes of temporary children touch nobody and are not counted',
    (strategy) =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          strategy,
          maxRestarts: 0,
          children: [bench.child('a')],
        });
        for (let round = 0; round < 50; round++) {
          await Supervisor.startChild(tree, bench.child('x', { restart: 'temporary' }));
          bench.end(await pidOf(tree, 'x'));
          await until(async () => (await states(tree)).length === 1);
        }
        expect(await states(tree)).toEqual(['a up']);
      }),
  );
});

describe('strategies', () => {
  test('[STR-006] oneForOne: only the failed child is started again', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne');
      const [a, b, c] = await pidsOf(tree, ['a', 'b', 'c']);
      bench.end(b as Pid);
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

describe('failed restarts', () => {
  test('[STR-016] [STR-018] [SUP-016] the child is shown as restarting; terminateChild cancels the retry', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 1_000_000, ids: ['a'] });
      bench.failing.set('a', boom);
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('!a'));
      expect(await Supervisor.whichChildren(tree)).toMatchObject([{ id: 'a', pid: 'restarting' }]);
      expect(await Supervisor.startChild(tree, bench.child('a'))).toMatchObject({
        error: { kind: 'alreadyPresent' },
      });
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      bench.news();
      await rest();
      expect(bench.news()).toEqual([]);
      expect(await states(tree)).toEqual(['a undefined']);
    }));

  test('[STR-017] [SUP-018] [SUP-019] requests already waiting are served between the attempts', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 1_000_000, ids: ['a'] });
      const a = await pidOf(tree, 'a');
      bench.failing.set('a', boom);
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = Supervisor.startChild(tree, bench.child('busy'));
      await rest();
      bench.end(a);
      await until(() => !bench.system.isAlive(a));
      bench.news();
      const answers = Promise.all([
        Supervisor.whichChildren(tree),
        Supervisor.restartChild(tree, 'a'),
        Supervisor.deleteChild(tree, 'a'),
        Supervisor.terminateChild(tree, 'a'),
        Supervisor.deleteChild(tree, 'a'),
      ]);
      start.open();
      await busy;
      const [list, ...rests] = await answers;
      expect(list).toMatchObject([{ id: 'busy' }, { id: 'a', pid: 'restarting' }]);
      expect(rests).toEqual([
        { ok: false, error: { kind: 'restarting' } },
        { ok: false, error: { kind: 'restarting' } },
        { ok: true },
        { ok: true },
      ]);
      await rest();
      expect(bench.news()).toEqual(['+busy', '!a']);
    }));

  test('[STR-019] retries go on without delay, the supervisor still answers, and recovers by itself', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 1_000_000, ids: ['a'] });
      bench.failing.set('a', boom);
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.length > 20);
      expect((await Supervisor.countChildren(tree)).active).toBe(0);
      bench.failing.clear();
      await until(async () => (await states(tree)).includes('a up'));
    }));

  test('[STR-020] a group start stops at the member that fails: those before stay up, those after wait', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'restForOne', {
        maxRestarts: 1_000_000,
        ids: ['a', 'b', 'c', 'd'],
      });
      bench.failing.set('c', boom);
      bench.end(await pidOf(tree, 'b'));
      await until(() => bench.log.includes('!c'));
      expect(await states(tree)).toEqual(['a up', 'b up', 'c restarting', 'd undefined']);
      bench.failing.clear();
      await until(async () => (await states(tree)).includes('d up'));
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up', 'd up']);
    }));

  async function failTwice(bench: Bench, id: string): Promise<void> {
    bench.failing.set(id, boom);
    await until(() => bench.log.filter((line) => line === `!${id}`).length === 2);
    bench.failing.clear();
  }

  test('[STR-021] oneForAll: every retry starts from the first; three are counted', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 3 });
      const failing = failTwice(bench, 'b');
      bench.end(await pidOf(tree, 'c'));
      await failing;
      await until(() => bench.log.includes('+c'));
      const starts = bench.news().filter((line) => !line.startsWith('-'));
      expect(starts).toEqual(['+a', '!b', '+a', '!b', '+a', '+b', '+c']);
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up']);
    }));

  test('[STR-021] restForOne: every retry starts from the one that failed; three are counted', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'restForOne', { maxRestarts: 3, ids: ['a', 'b', 'c', 'd'] });
      const failing = failTwice(bench, 'c');
      bench.end(await pidOf(tree, 'b'));
      await failing;
      await until(() => bench.log.includes('+d'));
      const starts = bench.news().filter((line) => !line.startsWith('-'));
      expect(starts).toEqual(['+b', '!c', '!c', '+c', '+d']);
    }));

  test('[STR-022] a child that ignores on restart stays down without retry; a group goes on without it', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll');
      bench.ignoring.add('b');
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('+c'));
      await rest();
      expect(await states(tree)).toEqual(['a up', 'b undefined', 'c up']);
      bench.ignoring.clear();
      bench.end(await pidOf(tree, 'a'));
      await until(async () => (await states(tree)).includes('b up'));
    }));

  test('[STR-011] a restarted child begins with its stored input and a new pid', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { ids: ['a'] });
      const before = await pidOf(tree, 'a');
      bench.end(before);
      await until(() => bench.log.includes('+a'));
      expect(await pidOf(tree, 'a')).not.toBe(before);
    }));

  test('[STR-025] a name held by somebody else fails the restart until the intensity is used up', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 2,
        children: [bench.child('a', { name: 'mine' })],
      });
      const gone = bench.system.awaitExit(tree.pid);
      const a = await pidOf(tree, 'a');
      const off = bench.system.telemetry.on('snakepit.process.exited', (_, { pid }) => {
        if (pid === a) bench.system.spawn(Supervisor, {}, { name: 'mine' });
      });
      bench.end(a);
      expect(await gone).toEqual(exitReason.shutdown);
      off();
      expect(bench.newReports()).toEqual([
        'childTerminated a boom',
        'startError a alreadyStarted',
        'startError a alreadyStarted',
        'shutdown a reachedMaxRestartIntensity',
      ]);
    }));
});

describe('restart intensity', () => {
  test('[INT-003] [INT-010] the fourth restart within the window gives up: the rest are stopped in reverse', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne');
      const gone = bench.system.awaitExit(tree.pid);
      for (let round = 0; round < 4; round++) {
        const b = await pidOf(tree, 'b');
        bench.end(b);
        if (round < 3) await until(async () => (await pidOf(tree, 'b').catch(() => b)) !== b);
      }
      expect(await gone).toEqual(exitReason.shutdown);
      expect(bench.news().slice(-3)).toEqual(['-b boom', '-c shutdown', '-a shutdown']);
      expect(bench.newReports().slice(-2)).toEqual([
        'childTerminated b boom',
        'shutdown b reachedMaxRestartIntensity',
      ]);
    }));

  test('[INT-004] intensity 0: a permanent child that returns normally is enough', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 0 });
      const gone = bench.system.awaitExit(tree.pid);
      bench.end(await pidOf(tree, 'a'), exitReason.normal);
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test.each([
    { first: 1_050, gap: 1_850, survives: false },
    { first: 1_950, gap: 1_100, survives: true },
  ])(
    '[INT-005] intensity 1, period 1: crash at $first ms and $gap ms later, survives $survives',
    async (row) => {
      const clock = createTestClock();
      await withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, {
          maxRestarts: 1,
          maxSeconds: 1,
          children: [bench.child('a')],
        });
        await clock.advance(row.first);
        bench.end(await pidOf(tree, 'a'));
        await clock.advance(row.gap);
        bench.end(await pidOf(tree, 'a'));
        await clock.advance(0);
        expect(bench.system.isAlive(tree.pid)).toBe(row.survives);
      }, clock);
    },
  );

  test('[INT-006] a group restart counts one, however many children', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 1 });
      bench.end(await pidOf(tree, 'a'));
      await until(() => bench.log.includes('+c'));
      await rest();
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up']);
    }));

  test('[INT-008] all children share one window', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 2 });
      const gone = bench.system.awaitExit(tree.pid);
      for (const id of ['a', 'b', 'c']) bench.end(await pidOf(tree, id));
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test('[INT-009] intensity 4 and a start that always fails again: exactly 4 further starts', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 4, ids: ['a'] });
      const gone = bench.system.awaitExit(tree.pid);
      bench.failing.set('a', boom);
      bench.end(await pidOf(tree, 'a'));
      await gone;
      expect(bench.news()).toEqual(['-a boom', '!a', '!a', '!a', '!a']);
    }));

  test('[INT-011] 3,000 kills under an intensity of a million leave it alive', () =>
    withBench(async (bench) => {
      const ids = Array.from({ length: 100 }, (_, at) => String(at));
      const tree = await abc(bench, 'oneForOne', { maxRestarts: 1_000_000, ids });
      for (let round = 0; round < 30; round++) {
        for (const pid of await pidsOf(tree, ids)) bench.system.exit(pid, exitReason.kill);
        await until(
          async () =>
            (await Supervisor.countChildren(tree)).active === 100 &&
            bench.log.length >= (round + 1) * 200,
        );
      }
      expect(bench.system.isAlive(tree.pid)).toBe(true);
    }));

  test('[STR-023] a start that succeeds with a process that dies at once counts each time', () =>
    withBench(async (bench) => {
      const { start } = bench.child('a');
      if (typeof start === 'function') throw new Error('a pair is meant');
      let starts = 0;
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 3,
        children: [
          {
            id: 'a',
            start: (self) => {
              starts += 1;
              const pid = self.spawnLink(start[0], start[1] as never);
              self.send(pid, { endWith: boom });
              return { ok: true, pid };
            },
          },
        ],
      });
      await until(() => !bench.system.isAlive(tree.pid));
      expect(starts).toBe(4);
    }));
});
