import { describe, expect, test } from '@jest/globals';
import { createTestClock, type TestClock } from '@snakepit/core';
import {
  DynamicSupervisor,
  Supervisor,
  type RestartBackoff,
  type SupervisorRef,
} from '@snakepit/supervisor';
import { type Bench, add, pidOf, pidsOf, rest, states, withBench } from '../fixtures/supervised.ts';

const backoff: RestartBackoff = { initialMs: 100, maxMs: 1_000, resetAfterMs: 5_000 };
const many = 1_000_000;

/** Runs a test on a clock that only it moves. */
function onClock(run: (bench: Bench, clock: TestClock) => Promise<void>): Promise<void> {
  const clock = createTestClock();
  return withBench((bench) => run(bench, clock), clock);
}

/** Ends a child that runs and waits until its supervisor knows. */
async function crash(bench: Bench, tree: SupervisorRef, id: string): Promise<void> {
  bench.end(await pidOf(tree, id));
  await rest();
}

/** The state value of a supervisor's chart. */
function stateOf(bench: Bench, tree: SupervisorRef): unknown {
  return bench.system.processInfo(tree.pid)?.stateValue;
}

describe('backoff', () => {
  test('a child waits before its restart, longer each time, and is shown as restarting', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        maxRestarts: many,
        children: [bench.child('a')],
      });
      for (const delayMs of [100, 200, 400, 800, 1_000, 1_000]) {
        await crash(bench, tree, 'a');
        expect(stateOf(bench, tree)).toEqual({ running: 'backingOff' });
        expect(await Supervisor.whichChildren(tree)).toMatchObject([
          { id: 'a', pid: 'restarting' },
        ]);
        expect(await Supervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 0 });
        await clock.advance(delayMs - 1);
        expect(await states(tree)).toEqual(['a restarting']);
        await clock.advance(1);
        expect(await states(tree)).toEqual(['a up']);
        expect(stateOf(bench, tree)).toEqual({ running: 'idle' });
      }
    }));

  test('a child that ran long enough begins anew', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        children: [bench.child('a')],
      });
      await crash(bench, tree, 'a');
      await clock.advance(100);
      await clock.advance(4_999);
      await crash(bench, tree, 'a');
      await clock.advance(199);
      expect(await states(tree)).toEqual(['a restarting']);
      await clock.advance(1);
      await clock.advance(5_000);
      await crash(bench, tree, 'a');
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a up']);
    }));

  test('a restart that fails waits longer, however long the start took', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff: { ...backoff, resetAfterMs: 0 },
        maxRestarts: many,
        children: [bench.child('a')],
      });
      bench.failing.set('a', { kind: 'custom', value: 'no' });
      await crash(bench, tree, 'a');
      bench.news();
      // With 0 whoever ran at all begins anew; a start that failed is not that.
      await clock.advance(100);
      await clock.advance(200);
      await clock.advance(399);
      expect(bench.news()).toEqual(['!a', '!a']);
      await clock.advance(1);
      expect(bench.news()).toEqual(['!a']);
      bench.failing.clear();
      await clock.advance(800);
      expect(await states(tree)).toEqual(['a up']);
    }));

  test('the random part shortens a wait, by what the given source says', () =>
    onClock(async (bench, clock) => {
      const draws = [0, 1, 0.5];
      const waits: number[] = [];
      bench.system.telemetry.on('snakepit.supervisor.child.backing_off', ({ delayMs }) => {
        waits.push(delayMs);
      });
      const tree = await Supervisor.start(bench.system, {
        backoff: { ...backoff, factor: 1, jitter: 0.4, random: () => draws.shift() ?? 0 },
        children: [bench.child('a')],
      });
      for (const delayMs of [100, 60, 80]) {
        await crash(bench, tree, 'a');
        await clock.advance(delayMs);
        expect(await states(tree)).toEqual(['a up']);
      }
      expect(waits).toEqual([100, 60, 80]);
    }));

  test('siblings are served and restarted meanwhile, each with its own wait', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        maxRestarts: many,
        children: [bench.child('a'), bench.child('b')],
      });
      await crash(bench, tree, 'a');
      await clock.advance(100);
      await crash(bench, tree, 'a');
      await crash(bench, tree, 'b');
      expect(await states(tree)).toEqual(['a restarting', 'b restarting']);
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a restarting', 'b up']);
      expect(await Supervisor.startChild(tree, bench.child('c'))).toMatchObject({ ok: true });
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a up', 'b up', 'c up']);
    }));

  test('terminateChild ends the wait; the child stays stopped until restartChild, whose wait begins anew', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        maxRestarts: many,
        children: [bench.child('a')],
      });
      await crash(bench, tree, 'a');
      await clock.advance(100);
      await crash(bench, tree, 'a');
      expect(clock.pending).toBe(1);
      const refused = { ok: false, error: { kind: 'restarting' } };
      expect(await Supervisor.restartChild(tree, 'a')).toEqual(refused);
      expect(await Supervisor.deleteChild(tree, 'a')).toEqual(refused);
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      expect(clock.pending).toBe(0);
      expect(stateOf(bench, tree)).toEqual({ running: 'idle' });
      await clock.advance(10_000);
      expect(await states(tree)).toEqual(['a undefined']);
      expect(await Supervisor.restartChild(tree, 'a')).toMatchObject({ ok: true });
      await crash(bench, tree, 'a');
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a up']);
    }));

  test('a wait that was ended and one that began meanwhile are told apart', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff: { ...backoff, factor: 1 },
        maxRestarts: many,
        children: [bench.child('a')],
      });
      await crash(bench, tree, 'a');
      // What is left of an earlier wait: it arrived, but its turn had not come.
      bench.system.send(tree.pid, { type: 'backoff.over', serial: 0, wait: 0 });
      await rest();
      expect(await states(tree)).toEqual(['a restarting']);
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a up']);
      bench.system.send(tree.pid, { type: 'backoff.over', serial: 0, wait: 1 });
      await rest();
      expect(await states(tree)).toEqual(['a up']);
    }));

  test('a supervisor that is stopped stops no later than without: the wait ends with it', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        children: [bench.child('a'), bench.child('b')],
      });
      await crash(bench, tree, 'a');
      bench.news();
      await Supervisor.stop(tree);
      expect(bench.news()).toEqual(['-b shutdown']);
      expect(clock.pending).toBe(0);
    }));

  test('oneForAll: the whole restart waits, the siblings run on until then', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        backoff,
        children: [bench.child('a'), bench.child('b'), bench.child('c')],
      });
      bench.news();
      await crash(bench, tree, 'b');
      expect(await states(tree)).toEqual(['a up', 'b restarting', 'c up']);
      expect(bench.news()).toEqual(['-b boom']);
      await clock.advance(100);
      expect(bench.news()).toEqual(['-c shutdown', '-a shutdown', '+a', '+b', '+c']);
    }));

  test('oneForAll: whose wait is over first restarts all, and the other waits end', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'oneForAll',
        backoff,
        children: [bench.child('a'), bench.child('b')],
      });
      await crash(bench, tree, 'b');
      await clock.advance(50);
      await crash(bench, tree, 'a');
      bench.news();
      await clock.advance(50);
      expect(bench.news()).toEqual(['+a', '+b']);
      expect(clock.pending).toBe(0);
      await clock.advance(10_000);
      expect(bench.news()).toEqual([]);
    }));

  test('restForOne: those after it go and come when its wait is over', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        strategy: 'restForOne',
        backoff,
        children: [bench.child('a'), bench.child('b'), bench.child('c')],
      });
      const [a] = await pidsOf(tree, ['a']);
      bench.news();
      await crash(bench, tree, 'b');
      await clock.advance(100);
      expect(bench.news()).toEqual(['-b boom', '-c shutdown', '+b', '+c']);
      expect((await pidsOf(tree, ['a']))[0]).toBe(a);
    }));

  test('[INT-006] a restart counts when it falls due; who gives up does not wait first', () =>
    onClock(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        maxRestarts: 1,
        children: [bench.child('a'), bench.child('b')],
      });
      await crash(bench, tree, 'a');
      const gone = bench.system.awaitExit(tree.pid);
      await crash(bench, tree, 'b');
      expect(await gone).toEqual({ kind: 'shutdown' });
    }));

  test('[AUT-005] a significant child that waits counts as active', () =>
    onClock(async (bench, clock) => {
      const tree = await Supervisor.start(bench.system, {
        backoff,
        autoShutdown: 'allSignificant',
        children: ['a', 'b'].map((id) =>
          bench.child(id, { restart: 'transient', significant: true }),
        ),
      });
      await crash(bench, tree, 'a');
      bench.end(await pidOf(tree, 'b'), { kind: 'normal' });
      await rest();
      expect(await states(tree)).toEqual(['a restarting', 'b undefined']);
      await clock.advance(100);
      expect(await states(tree)).toEqual(['a up', 'b undefined']);
    }));
});

describe('backoff of a dynamic supervisor', () => {
  test('a child waits, is shown as restarting, and is stopped by the pid it had', () =>
    onClock(async (bench, clock) => {
      const tree = await DynamicSupervisor.start(bench.system, { backoff, maxRestarts: many });
      const a = await add(tree, bench.child('a'));
      const b = await add(tree, bench.child('b'));
      bench.news();
      bench.end(a);
      bench.end(b);
      await rest();
      const list = await DynamicSupervisor.whichChildren(tree);
      expect(list.map(({ pid }) => pid)).toEqual(['restarting', 'restarting']);
      expect(stateOf(bench, tree)).toEqual({ running: 'backingOff' });
      expect(await DynamicSupervisor.terminateChild(tree, b)).toEqual({ ok: true });
      await clock.advance(100);
      expect(bench.news()).toEqual(['-a boom', '-b boom', '+a']);
      expect(await DynamicSupervisor.countChildren(tree)).toMatchObject({ specs: 1, active: 1 });
      expect(clock.pending).toBe(0);
    }));

  test('a restart that fails waits again, longer', () =>
    onClock(async (bench, clock) => {
      const tree = await DynamicSupervisor.start(bench.system, { backoff, maxRestarts: many });
      const a = await add(tree, bench.child('a'));
      bench.failing.set('a', { kind: 'custom', value: 'no' });
      bench.news();
      bench.end(a);
      await clock.advance(100);
      expect(bench.news()).toEqual(['-a boom', '!a']);
      bench.failing.clear();
      await clock.advance(199);
      expect(bench.news()).toEqual([]);
      await clock.advance(1);
      expect(bench.news()).toEqual(['+a']);
    }));
});
