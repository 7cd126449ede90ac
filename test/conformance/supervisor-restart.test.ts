import { describe, expect, test } from '@jest/globals';
import { exitReason, type ExitReason } from '@snakepit/core';
import { Supervisor, type RestartType, type Strategy } from '@snakepit/supervisor';
import { type Bench, boom, pidOf, rest, states, until, withBench } from '../fixtures/supervised.ts';

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
