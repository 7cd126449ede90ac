import { describe, expect, test } from '@jest/globals';
import { createSystemClock, createTestClock, exitReason, type Pid } from '@snakepit/core';
import { DynamicSupervisor, Supervisor, type ChildSpec } from '@snakepit/supervisor';
import { add, boom, rest, until, withBench, type Bench } from '../fixtures/supervised.ts';

/** What Erlang's simple_one_for_one is here: one function from the extra arguments to a child spec. */
function template(bench: Bench, more: Partial<ChildSpec> = {}): (id: string) => ChildSpec {
  return (id) => bench.child(id, more);
}

describe('what simple_one_for_one does, as a dynamic supervisor', () => {
  test('[DYN-001] starts nobody by itself; what a child was started with is kept for its restarts', () =>
    withBench(async (bench) => {
      const [permanent, temporary] = [template(bench), template(bench, { restart: 'temporary' })];
      const tree = await DynamicSupervisor.start(bench.system);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 0, active: 0 });
      const first = await add(tree, permanent('first'));
      const second = await add(tree, temporary('second'));
      expect(bench.news()).toEqual(['+first', '+second']);
      bench.end(first);
      await until(() => bench.log.length === 2);
      expect(bench.news()).toEqual(['-first boom', '+first']);
      bench.end(second);
      await until(async () => (await DynamicSupervisor.countChildren(tree)).specs === 1);
      expect(bench.news()).toEqual(['-second boom']);
    }));

  test('[SPEC-016] has no child spec of its own, so it refuses none: each comes with its request', () =>
    withBench(async (bench) => {
      const child = template(bench);
      const options = { children: [child('a'), child('b')] } as object;
      const tree = await DynamicSupervisor.start(bench.system, options);
      expect(await DynamicSupervisor.whichChildren(tree)).toEqual([]);
      const pids = [await add(tree, child('c')), await add(tree, child('c'))];
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 2, active: 2 });
      expect(new Set(pids).size).toBe(2);
    }));

  test('[DYN-009] what ended otherwise than asked is reported one by one, by pid, not counted by reason', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      const stubborn = { shutdown: 0 } as const;
      const killed: Pid[] = [];
      for (const id of ['a', 'b', 'c']) {
        killed.push(await add(tree, bench.child(id, stubborn, { stubborn: true })));
      }
      await DynamicSupervisor.stop(tree);
      expect(bench.reports.map(({ pid, reason }) => [pid, reason])).toEqual(
        killed.map((pid) => [pid, 'killed']),
      );
    }, createSystemClock()));

  test('[DYN-002] startChild: the pid, nobody for one that ignores and is not kept, the bare reason', () =>
    withBench(async (bench) => {
      const child = template(bench);
      const tree = await DynamicSupervisor.start(bench.system);
      const started = await DynamicSupervisor.startChild(tree, child('a'));
      const [only] = await DynamicSupervisor.whichChildren(tree);
      expect(started).toEqual({ ok: true, pid: only?.pid });
      bench.ignoring.add('b');
      expect(await DynamicSupervisor.startChild(tree, child('b'))).toEqual({
        ok: true,
        pid: undefined,
      });
      bench.failing.set('c', boom);
      expect(await DynamicSupervisor.startChild(tree, child('c'))).toEqual({
        ok: false,
        error: { kind: 'startFailed', reason: boom },
      });
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 1 });
    }));

  test('[DYN-003] a child is meant by its pid: a stranger is notFound, and by an id nothing can be done', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      const pid = await add(tree, bench.child('a'));
      const stranger = await DynamicSupervisor.start(bench.system);
      expect(await DynamicSupervisor.terminateChild(tree, stranger.pid)).toEqual({
        ok: false,
        error: { kind: 'notFound' },
      });
      const noChildIds = { ok: false, error: { kind: 'noChildIds' } };
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual(noChildIds);
      expect(await Supervisor.restartChild(tree, 'a')).toEqual(noChildIds);
      expect(await Supervisor.deleteChild(tree, 'a')).toEqual(noChildIds);
      expect(await Supervisor.getChildSpec(tree, 'a')).toEqual(noChildIds);
      expect(await DynamicSupervisor.terminateChild(tree, pid)).toEqual({ ok: true });
    }));

  test('[DYN-004] active are all but the restarting, workers or supervisors are all; no child has an id', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 1_000_000 });
      const pid = await add(tree, bench.child('a'));
      await add(tree, bench.child('b'));
      await add(tree, { id: 'c', start: [DynamicSupervisor] });
      bench.failing.set('a', boom);
      bench.end(pid);
      await until(() => bench.log.filter((line) => line === '!a').length > 2);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({
        active: 2,
        workers: 2,
        supervisors: 1,
      });
      const list = await DynamicSupervisor.whichChildren(tree);
      expect(list.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
      expect(list.filter(({ pid: one }) => one === 'restarting')).toHaveLength(1);
    }));

  test('[DYN-005] a child that ignores its restart is dropped, and the stop does not meet it', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      const pid = await add(tree, bench.child('a'));
      await add(tree, bench.child('b'));
      bench.ignoring.add('a');
      bench.end(pid);
      await until(async () => (await DynamicSupervisor.countChildren(tree)).specs === 1);
      expect(await DynamicSupervisor.whichChildren(tree)).toHaveLength(1);
      bench.news();
      expect(await DynamicSupervisor.stop(tree)).toEqual(exitReason.shutdown);
      expect(bench.news()).toEqual(['-b shutdown']);
    }));

  test('[DYN-006] a restarting child, stopped by its old pid, is gone; the retry is void, the counts right', () =>
    withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system, { maxRestarts: 1_000_000 });
      const pid = await add(tree, bench.child('a'));
      await add(tree, bench.child('b'));
      bench.failing.set('a', boom);
      bench.end(pid);
      await until(() => bench.log.filter((line) => line === '!a').length > 2);
      expect(await DynamicSupervisor.terminateChild(tree, pid)).toEqual({ ok: true });
      bench.failing.clear();
      bench.news();
      await rest();
      expect(bench.news()).toEqual([]);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ active: 1, workers: 1 });
    }));

  test.each(['anySignificant', 'allSignificant'])(
    '[AUT-010] autoShutdown %s is refused: its children are never significant',
    (autoShutdown) =>
      withBench(async ({ system }) => {
        const options = { autoShutdown } as object;
        await expect(DynamicSupervisor.start(system, options)).rejects.toThrow(
          `autoShutdown of a DynamicSupervisor can only be 'never'; got "${autoShutdown}"`,
        );
        const tree = await DynamicSupervisor.start(system, { autoShutdown: 'never' } as object);
        expect(system.isAlive(tree.pid)).toBe(true);
      }),
  );

  test('[DYN-008] all are asked at once and share one timer: 1,000 take as long as one', async () => {
    const clock = createTestClock();
    await withBench(async (bench) => {
      const tree = await DynamicSupervisor.start(bench.system);
      const pids: Pid[] = [];
      for (let n = 0; n < 1_000; n++) {
        const traits = n % 2 === 0 ? { stubborn: true } : {};
        pids.push(await add(tree, bench.child('p', { shutdown: 200 }, traits)));
      }
      const living = (): number => pids.filter((pid) => bench.system.isAlive(pid)).length;
      const stopped = DynamicSupervisor.stop(tree);
      await until(() => living() === 500);
      await clock.advance(199);
      expect(living()).toBe(500);
      // One for all of them, however many there are.
      expect(clock.pending).toBe(1);
      await clock.advance(1);
      expect(await stopped).toEqual(exitReason.shutdown);
      expect(clock.now()).toBe(200);
      expect(bench.log.filter((line) => line === '-p killed')).toHaveLength(500);
    }, clock);
  });
});
