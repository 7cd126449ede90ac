import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import {
  abc,
  boom,
  pidOf,
  pidsOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

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
