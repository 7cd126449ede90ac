import { describe, expect, test } from '@jest/globals';
import { createMachine } from 'xstate';
import {
  createTestClock,
  defineTask,
  exitReason,
  type ExitError,
  type Pid,
  type RegistryKey,
} from '@snakepit/core';
import { DynamicSupervisor, PartitionSupervisor, type SupervisorRef } from '@snakepit/supervisor';
import { echo, pidsOfPartitions, startPartitions } from '../fixtures/partitions.ts';
import { boom, gate, rest, until, withBench } from '../fixtures/supervised.ts';

/** The number of the partition that serves a key. */
async function routed(tree: SupervisorRef, key: RegistryKey): Promise<number> {
  const pid = PartitionSupervisor.pidFor(tree, key);
  return (await pidsOfPartitions(tree)).findIndex((one) => one === pid);
}

function reasonOf(error: unknown): unknown {
  return (error as ExitError).reason;
}

describe('routing', () => {
  test.each<[RegistryKey, number]>([
    [6, 2],
    [-5, 1],
    [0, 0],
    [-0, 0],
    [4, 0],
    [2 ** 53 - 1, 3],
    [6n, 2],
    [-5n, 1],
    [2n ** 64n + 3n, 3],
  ])('[PAR-002] of 4 partitions, the integer %p goes to %i', (key, partition) =>
    withBench(async (bench) => {
      expect(await routed(await startPartitions(bench), key)).toBe(partition);
    }),
  );

  // Computed apart from the code: FNV-1a with 32 bits, modulo 4.
  test.each<[RegistryKey, number]>([
    ['', 0x811c9dc5 % 4],
    ['a', 0xe40c292c % 4],
    ['foobar', 0xbf9cf968 % 4],
  ])('[PAR-002] the text %p goes by FNV-1a to %i', (key, partition) =>
    withBench(async (bench) => {
      expect(await routed(await startPartitions(bench), key)).toBe(partition);
    }),
  );

  test('[PAR-002] equal keys go to the same partition, lists and objects by structure', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { partitions: 64 });
      const same: [RegistryKey, RegistryKey][] = [
        [
          { a: 1, b: [2] },
          { b: [2], a: 1 },
        ],
        [
          ['room', 1],
          ['room', 1],
        ],
        [true, true],
        [null, null],
        [1.5, 1.5],
      ];
      for (const [a, b] of same) {
        expect(await routed(tree, a)).toBe(await routed(tree, b));
      }
      expect(await routed(tree, tree.pid)).toBe(tree.pid.id % 64);
    }));

  test('[PAR-002] many texts spread over all partitions', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      const counts = new Map<Pid | undefined, number>();
      for (let n = 0; n < 4_000; n++) {
        const pid = PartitionSupervisor.pidFor(tree, `user-${String(n)}`);
        counts.set(pid, (counts.get(pid) ?? 0) + 1);
      }
      expect(counts.size).toBe(4);
      for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    }));

  test.each([[undefined], [Number.NaN], [new Map()], [new Date(0)], [Symbol('s')], [() => 1]])(
    '[PAR-002] the key %p shows no value, and is refused',
    (key) =>
      withBench(async (bench) => {
        const tree = await startPartitions(bench);
        expect(() => PartitionSupervisor.pidFor(tree, key as never)).toThrow(
          'it must be a string, number, bigint, boolean, null, a pid, or a list or plain object',
        );
      }),
  );

  test('[PAR-002] { via: [name, key] } is that process, wherever a target is accepted', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { withArguments: (_, partition) => partition });
      const { system } = bench;
      expect(await system.call({ via: ['parts', -5] }, { type: 'input' })).toBe(1);
      expect(system.whereis({ via: ['parts', 6] })).toBe(PartitionSupervisor.pidFor(tree, 2));
      await expect(system.start(echo, 0, { name: { via: ['parts', 6] } })).rejects.toThrow(
        'a partition supervisor finds its own children',
      );
    }));

  test('[PAR-003] after a partition restarts, its keys go to the new process', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { child: { start: bench.child('p').start } });
      const [before, other] = [0, 1].map((key) => PartitionSupervisor.pidFor(tree, key));
      const restart = gate();
      bench.holding.set('p', restart.passed);
      bench.end(before ?? tree.pid);
      await until(() => bench.log.includes('-p boom'));
      await rest();
      // Nobody serves it in between, and never the dead one.
      expect(PartitionSupervisor.pidFor(tree, 0)).toBeUndefined();
      restart.open();
      await until(() => PartitionSupervisor.pidFor(tree, 0) !== undefined);
      const [now] = await pidsOfPartitions(tree);
      expect(PartitionSupervisor.pidFor(tree, 4)).toBe(now);
      expect(PartitionSupervisor.pidFor(tree, 1)).toBe(other);
    }));
});

describe('withArguments', () => {
  test('[PAR-004] makes the input of each partition', () =>
    withBench(async (bench) => {
      await startPartitions(bench, { withArguments: (input, partition) => [input, partition] });
      for (const partition of [0, 1, 2, 3]) {
        const asked = bench.system.call({ via: ['parts', partition] }, { type: 'input' });
        expect(await asked).toEqual(['input', partition]);
      }
    }));

  test('[PAR-004] may name each, and gives a start function its second argument', () =>
    withBench(async (bench) => {
      const seen: unknown[] = [];
      const names = await startPartitions(bench, {
        child: { start: [DynamicSupervisor, {}] },
        withArguments: (input, n) => ({ ...(input as object), name: `sup-${String(n)}` }),
      });
      expect(bench.system.whereis('sup-3')).toBe(PartitionSupervisor.pidFor(names, 3));
      await PartitionSupervisor.stop(names);
      const tree = await startPartitions(bench, {
        partitions: 2,
        child: {
          start: (self, ...extra) => {
            seen.push(extra);
            return { ok: true, pid: self.spawnLink(echo, 0) };
          },
        },
        withArguments: (input, n) => [input, n],
      });
      expect(seen).toEqual([[[undefined, 0]], [[undefined, 1]]]);
      const children = await PartitionSupervisor.whichChildren(tree);
      expect(children.map(({ behaviour }) => behaviour)).toEqual(['function', 'function']);
      expect(await routed(tree, 1)).toBe(1);
    }));

  test('a partition that declines to start is nobody', () =>
    withBench(async (bench) => {
      bench.ignoring.add('p');
      const tree = await startPartitions(bench, { child: { start: bench.child('p').start } });
      expect(PartitionSupervisor.pidFor(tree, 0)).toBeUndefined();
      const junk = startPartitions(bench, { name: 'junk', child: { start: () => 7 as never } });
      expect(await junk.catch(reasonOf)).toMatchObject({
        detail: { id: 0, reason: exitReason.custom(7) },
      });
    }));
});

describe('resize', () => {
  test('[PAR-006] stops the highest, starts them again, and routes accordingly', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      const before = await pidsOfPartitions(tree);
      expect(await PartitionSupervisor.resize(tree, 2)).toBe(4);
      expect(PartitionSupervisor.partitions(tree)).toBe(2);
      expect((await pidsOfPartitions(tree)).slice(2)).toEqual([undefined, undefined]);
      expect(PartitionSupervisor.pidFor(tree, 6)).toBe(before[0]);
      expect(await PartitionSupervisor.resize(tree, 3)).toBe(2);
      const third = PartitionSupervisor.pidFor(tree, 2);
      expect(before).not.toContain(third);
      expect(await routed(tree, 2)).toBe(2);
      expect(await PartitionSupervisor.resize(tree, 3)).toBe(3);
      expect(PartitionSupervisor.pidFor(tree, 2)).toBe(third);
      expect(await PartitionSupervisor.resize(tree, 4)).toBe(3);
      expect(await PartitionSupervisor.countChildren(tree)).toMatchObject({ specs: 4, active: 4 });
    }));

  test('[PAR-006] routes to fewer before it stops any', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await startPartitions(bench, {
        child: { start: bench.child('p', {}, { stubborn: true }).start, shutdown: 100 },
      });
      const resized = PartitionSupervisor.resize(tree, 3);
      await clock.advance(99);
      expect(PartitionSupervisor.partitions(tree)).toBe(3);
      expect(bench.log).not.toContain('-p killed');
      await clock.advance(1);
      expect(await resized).toBe(4);
      expect(bench.log).toContain('-p killed');
    }, clock);
  });

  test('[PAR-006] with zero partitions routing is an error, and a cast is dropped', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      expect(await PartitionSupervisor.resize(tree, 0)).toBe(4);
      expect(() => PartitionSupervisor.pidFor(tree, 1)).toThrow('zero partitions');
      expect(() => bench.system.whereis({ via: ['parts', 1] })).toThrow('zero partitions');
      bench.system.cast({ via: ['parts', 1] }, { type: 'any' });
      expect(await PartitionSupervisor.resize(tree, 4)).toBe(0);
    }));

  test.each([-1, 5, 1.5, Number.NaN])('[PAR-006] to %d is refused', (partitions) =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      await expect(PartitionSupervisor.resize(tree, partitions)).rejects.toThrow(
        'it must be a whole number from 0 to 4',
      );
      expect(PartitionSupervisor.partitions(tree)).toBe(4);
    }),
  );

  test('[PAR-006] one after the other, asked for at once', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench);
      const answers = [1, 4, 2].map((n) => PartitionSupervisor.resize(tree, n));
      expect(await Promise.all(answers)).toEqual([4, 1, 4]);
      expect(await PartitionSupervisor.countChildren(tree)).toMatchObject({ active: 2 });
    }));

  test('[PAR-006] what fails to start leaves the routing as it was, and can be tried again', () =>
    withBench(async (bench) => {
      const { start: probe } = bench.child('p');
      const tree = await startPartitions(bench, {
        child: { start: probe },
        withArguments: (input, n) => ({ ...(input as object), id: `p${String(n)}` }),
      });
      await PartitionSupervisor.resize(tree, 1);
      bench.failing.set('p2', boom);
      expect(await PartitionSupervisor.resize(tree, 4).catch(reasonOf)).toEqual(boom);
      expect(PartitionSupervisor.partitions(tree)).toBe(1);
      // What that try has started is stopped by the next one that does not want it.
      expect(await PartitionSupervisor.resize(tree, 1)).toBe(1);
      expect(await PartitionSupervisor.countChildren(tree)).toMatchObject({ active: 1 });
      bench.failing.clear();
      expect(await PartitionSupervisor.resize(tree, 4)).toBe(1);
      expect(await PartitionSupervisor.countChildren(tree)).toMatchObject({ active: 4 });
    }));

  test('[PAR-006] a temporary child, which is forgotten when it stops, cannot be started again', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { child: { start: [echo], restart: 'temporary' } });
      await PartitionSupervisor.resize(tree, 3);
      await expect(PartitionSupervisor.resize(tree, 4)).rejects.toThrow(
        'partition 3 cannot be used',
      );
      expect(PartitionSupervisor.partitions(tree)).toBe(3);
    }));

  test('[PAR-006] a name that somebody else has taken meanwhile is told', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, {
        child: { start: [DynamicSupervisor, {}] },
        withArguments: (_, n) => ({ name: `sup-${String(n)}` }),
      });
      await PartitionSupervisor.resize(tree, 3);
      const other = await DynamicSupervisor.start(bench.system, { name: 'sup-3' });
      expect(await PartitionSupervisor.resize(tree, 4).catch(reasonOf)).toEqual(
        exitReason.alreadyStarted(other.pid),
      );
    }));

  test('a bare machine may be a partition', () =>
    withBench(async (bench) => {
      const machine = createMachine({ initial: 'idle', states: { idle: {} } });
      const tree = await startPartitions(bench, { child: { start: [machine] } });
      const [first] = await pidsOfPartitions(tree);
      expect(PartitionSupervisor.pidFor(tree, 8)).toBe(first);
    }));

  test('a task as partition is temporary by itself', () =>
    withBench(async (bench) => {
      const tree = await startPartitions(bench, { child: { start: [defineTask(() => 1)] } });
      await until(async () => (await PartitionSupervisor.countChildren(tree)).specs === 0);
    }));
});
