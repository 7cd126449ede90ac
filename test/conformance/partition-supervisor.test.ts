import { availableParallelism } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { exitReason, isSnakepitError, type ExitError } from '@snakepit/core';
import {
  DynamicSupervisor,
  PartitionSupervisor,
  Supervisor,
  type ChildSpec,
} from '@snakepit/supervisor';
import { echo, pidsOfPartitions, startPartitions } from '../fixtures/partitions.ts';
import { boom, rest, until, withBench } from '../fixtures/supervised.ts';

function reasonOf(error: unknown): unknown {
  return (error as ExitError).reason;
}

describe('start', () => {
  test('[PAR-001] [PAR-005] starts n children with ids 0 … n-1 under an ordinary supervisor', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      expect(await PartitionSupervisor.whichChildren(tree)).toEqual(
        [3, 2, 1, 0].map((id) => ({
          id,
          pid: PartitionSupervisor.pidFor(tree, id),
          type: 'worker',
          behaviour: 'genServer',
        })),
      );
      expect(await PartitionSupervisor.countChildren(tree)).toEqual({
        specs: 4,
        active: 4,
        supervisors: 0,
        workers: 4,
      });
      expect(PartitionSupervisor.partitions(tree)).toBe(4);
      expect(await Supervisor.getChildSpec(tree, 2)).toMatchObject({
        spec: { id: 2, restart: 'permanent', shutdown: 5_000 },
      });
      expect(bench.system.processInfo(tree.pid)).toMatchObject({
        name: 'parts',
        label: 'partitionSupervisor',
      });
      expect(await PartitionSupervisor.stop(tree)).toEqual(exitReason.shutdown);
    }));

  test('[PAR-001] has as many partitions as there are cores, unless told otherwise', () =>
    withBench(async (bench) => {
      const tree = await PartitionSupervisor.start(bench.system, {
        name: 'parts',
        child: { start: [echo] },
      });
      expect(PartitionSupervisor.partitions(tree)).toBe(availableParallelism());
    }));

  test('[PAR-001] restarts one for one, 3 times in 5 seconds, unless told otherwise', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { child: { start: bench.child('p').start } });
      const [first, second] = await pidsOfPartitions(tree);
      const gone = bench.system.awaitExit(tree.pid);
      for (let round = 1; round <= 4; round++) {
        expect(bench.system.isAlive(tree.pid)).toBe(true);
        expect(PartitionSupervisor.pidFor(tree, 1)).toBe(second);
        bench.end(PartitionSupervisor.pidFor(tree, 0) ?? tree.pid);
        await until(() => bench.log.filter((line) => line === '-p boom').length === round);
        await rest();
      }
      expect(first && bench.system.isAlive(first)).toBe(false);
      expect(await gone).toEqual(exitReason.shutdown);
    }));

  test('[PAR-001] another strategy may be given', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, {
        strategy: 'oneForAll',
        child: { start: bench.child('p').start },
      });
      const before = await pidsOfPartitions(tree);
      bench.end(before[0] ?? tree.pid);
      await until(() => bench.log.filter((line) => line === '+p').length === 8);
      await until(() => PartitionSupervisor.pidFor(tree, 3) !== undefined);
      expect((await pidsOfPartitions(tree)).some((pid) => before.includes(pid))).toBe(false);
    }));

  const child = { start: [echo] } as const;
  test.each<[object, string, string]>([
    [{ child }, 'missingName', 'a partition supervisor needs a name'],
    [{ name: 'p' }, 'missingChild', 'needs child: { start }'],
    [{ name: 'p', child, partitions: 0 }, 'invalidPartitions', 'a whole number ≥ 1; got 0'],
    [{ name: 'p', child, partitions: 1.5 }, 'invalidPartitions', 'got 1.5'],
    [{ name: 'p', child, withArguments: 7 }, 'invalidWithArguments', 'must be a function; got 7'],
    [
      { name: 'p', child, autoShutdown: 'anySignificant' },
      'invalidAutoShutdown',
      `only be 'never'`,
    ],
    [{ name: 'p', child, strategy: 'all' }, 'invalidStrategy', `got "all"`],
    [{ name: 'p', child, maxRestarts: -1 }, 'invalidIntensity', 'maxRestarts'],
    [{ name: 'p', child: 7 }, 'invalidChild', 'an object { start, … }; got 7'],
    [{ name: 'p', child: { ...child, name: 'x' } }, 'invalidChild', 'by withArguments; got "x"'],
    [{ name: 'p', child: {} }, 'missingStart', 'needs start'],
    [{ name: 'p', child: { ...child, restart: 'x' } }, 'invalidRestartType', `got "x"`],
  ])('[PAR-001] %j is %s', (options, kind, message) =>
    withBench(async ({ system }) => {
      for (const started of [
        PartitionSupervisor.start(system, options as never),
        Supervisor.start(system, {
          children: [{ id: 'p', start: [PartitionSupervisor, options] }],
        }),
      ]) {
        const failure: unknown = await started.catch((error: unknown) => error);
        expect((failure as Error).message).toContain(message);
        if (isSnakepitError(failure)) {
          expect(failure.details).toMatchObject({ fault: { fault: { kind } } });
        }
      }
      expect([...system.processes()]).toEqual([]);
    }),
  );

  test.each([[7], [null], [undefined]])('[PAR-001] %p are no options', (options) =>
    withBench(async ({ system }) => {
      await expect(PartitionSupervisor.start(system, options as never)).rejects.toThrow(
        'partition supervisor options are an object',
      );
    }),
  );

  test('a taken name is told; a partition that fails takes all others down again', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      const again = await startPartitions(bench).catch(reasonOf);
      expect(again).toEqual(exitReason.alreadyStarted(tree.pid));
      await PartitionSupervisor.stop(tree);
      const failing: ChildSpec['start'] = (self, n) =>
        n === 2 ? { ok: false, reason: boom } : { ok: true, pid: self.spawnLink(echo) };
      await expect(
        startPartitions(bench, { child: { start: failing }, withArguments: (_, n) => n }),
      ).rejects.toThrow('partition supervisor parts: child 2 failed to start: boom');
      expect([...bench.system.processes()]).toEqual([]);
    }));

  test('[PAR-005] as a child of a supervisor it is found by its name, and is of the type supervisor', () =>
    withBench(async (bench) => {
      const root = await Supervisor.start(bench.system, {
        children: [
          {
            id: 'jobs',
            start: [
              PartitionSupervisor,
              { name: 'jobs', partitions: 2, child: { start: [DynamicSupervisor, {}] } },
            ],
          },
        ],
      });
      expect(await Supervisor.getChildSpec(root, 'jobs')).toMatchObject({
        spec: { type: 'supervisor', shutdown: 'infinity' },
      });
      const jobs = PartitionSupervisor.at(bench.system, 'jobs');
      expect(await PartitionSupervisor.countChildren(jobs)).toMatchObject({ supervisors: 2 });
      const one = DynamicSupervisor.at(bench.system, { via: ['jobs', 'key'] });
      await DynamicSupervisor.startChild(one, bench.child('a'));
      expect(await DynamicSupervisor.countChildren(one)).toMatchObject({ active: 1 });
      await Supervisor.stop(root);
      expect(bench.news()).toEqual(['+a', '-a shutdown']);
    }));

  test('[PAR-005] of an unknown one every call fails with noproc', () =>
    withBench(async (bench) => {
      const nobody = PartitionSupervisor.at(bench.system, 'nobody');
      const gone = await startPartitions(bench);
      await PartitionSupervisor.stop(gone);
      const dead = PartitionSupervisor.at(bench.system, gone.pid);
      for (const tree of [nobody, gone, dead]) {
        for (const ask of [
          () => PartitionSupervisor.whichChildren(tree),
          () => PartitionSupervisor.countChildren(tree),
          () => PartitionSupervisor.resize(tree, 1),
          // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to reject
          async () => PartitionSupervisor.partitions(tree),
          // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to reject
          async () => PartitionSupervisor.pidFor(tree, 1),
        ]) {
          expect(await ask().catch(reasonOf)).toEqual(exitReason.noproc);
        }
      }
      expect(bench.system.runtime.names.routers.size).toBe(0);
    }));
});
