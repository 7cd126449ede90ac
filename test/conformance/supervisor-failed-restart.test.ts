import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import {
  type Bench,
  abc,
  boom,
  gate,
  pidOf,
  pidsOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

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

  test('[STR-016] what comes after the retry was queued is handled after the attempt', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForOne', { ids: ['a'] });
      let seen: Promise<string[]> | undefined;
      bench.failing.set('a', boom);
      bench.system.telemetry.on('snakepit.supervisor.report', (_, { context }) => {
        if (context !== 'startError') return;
        bench.failing.clear();
        // By then the supervisor has taken its retry, and only yields to the event loop.
        setImmediate(() => void (seen = states(tree)));
      });
      bench.end(await pidOf(tree, 'a'));
      await until(() => seen !== undefined);
      expect(await seen).toEqual(['a up']);
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

  test('[STR-020] [SUP-018] oneForAll: a member that awaited a retry is undefined once another one fails before it', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'oneForAll', { maxRestarts: 1_000_000 });
      bench.failing.set('c', boom);
      bench.end(await pidOf(tree, 'c'));
      await until(() => bench.log.includes('!c'));
      bench.failing.set('b', boom);
      await until(() => bench.log.includes('!b'));
      expect(await Supervisor.terminateChild(tree, 'b')).toEqual({ ok: true });
      await rest();
      expect(await states(tree)).toEqual(['a up', 'b undefined', 'c undefined']);
      bench.failing.clear();
      expect(await Supervisor.restartChild(tree, 'c')).toMatchObject({ ok: true });
    }));

  test('[STR-018] restForOne: the retry of a later member is void once its group is restarted', () =>
    withBench(async (bench) => {
      const tree = await abc(bench, 'restForOne', { maxRestarts: 3 });
      const [b, c] = await pidsOf(tree, ['b', 'c']);
      if (b === undefined || c === undefined) throw new Error('both run');
      bench.failing.set('c', boom);
      bench.failing.set('b', boom);
      // Both deaths wait: c fails to restart (1), then b (2); from then on there is one retry, of b.
      const start = gate();
      bench.holding.set('busy', start.passed);
      const busy = Supervisor.startChild(tree, bench.child('busy', { restart: 'temporary' }));
      await rest();
      bench.end(c);
      await until(() => !bench.system.isAlive(c));
      bench.end(b);
      await until(() => !bench.system.isAlive(b));
      bench.news();
      start.open();
      await busy;
      await until(() => bench.log.filter((line) => line === '!b').length === 1);
      expect((await states(tree)).slice(0, 3)).toEqual(['a up', 'b restarting', 'c undefined']);
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
