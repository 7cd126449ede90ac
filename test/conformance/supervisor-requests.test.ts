import { describe, expect, test } from '@jest/globals';
import { defineServer, ExitError, exitReason, ok, Pid } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import {
  boom,
  brief,
  gate,
  pidOf,
  rest,
  states,
  until,
  withBench,
} from '../fixtures/supervised.ts';

describe('stop', () => {
  test('of one that is gone gives noproc, by pid and by name', () =>
    withBench(async ({ system }) => {
      const tree = await Supervisor.start(system, { name: 'app' });
      const named = Supervisor.at(system, 'app');
      expect(await Supervisor.stop(named, boom)).toEqual(boom);
      expect(await Supervisor.stop(tree)).toEqual(exitReason.noproc);
      expect(await Supervisor.stop(named)).toEqual(exitReason.noproc);
    }));
});

describe('a busy or absent supervisor', () => {
  test('[SUP-010] [SUP-011] serves one thing after another, in the order of arrival', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {});
      const start = gate();
      bench.holding.set('slow', start.passed);
      const answers: string[] = [];
      const note = (what: string) => (): void => {
        answers.push(what);
      };
      const all = [
        Supervisor.startChild(tree, bench.child('slow')).then(note('slow')),
        Supervisor.whichChildren(tree).then(note('list')),
        Supervisor.startChild(tree, bench.child('quick')).then(note('quick')),
        Supervisor.countChildren(tree).then(note('count')),
      ];
      await rest();
      expect(answers).toEqual([]);
      start.open();
      await Promise.all(all);
      expect(answers).toEqual(['slow', 'list', 'quick', 'count']);
    }));

  test("[SUP-025] a call to nobody fails with noproc, one that is pending with the supervisor's reason", () =>
    withBench(async (bench) => {
      const reasonOf = (call: Promise<unknown>) =>
        call.then(
          () => 'answered',
          (error: unknown) => (error instanceof ExitError ? brief(error.reason) : 'other'),
        );
      const tree = await Supervisor.start(bench.system, {
        name: 'app',
        children: [bench.child('a')],
      });
      bench.system.exit(tree.pid, boom);
      expect(await reasonOf(Supervisor.whichChildren(tree))).toBe('boom');
      expect(await reasonOf(Supervisor.whichChildren(tree))).toBe('noproc');
      expect(await reasonOf(Supervisor.whichChildren(Supervisor.at(bench.system, 'app')))).toBe(
        'noproc',
      );
    }));

  test('[SUP-026] an unexpected message is ignored, and so is the EXIT of a linked stranger', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        maxRestarts: 0,
        children: [bench.child('a')],
      });
      bench.system.send(tree.pid, { type: 'what' });
      bench.system.send(tree.pid, 'what');
      const stranger = await bench.system.start(linkedTo, tree.pid);
      bench.system.exit(stranger.pid, boom);
      await rest();
      expect(await states(tree)).toEqual(['a up']);
    }));

  test.each(['child.start', 'child.terminate', 'child.restart', 'child.delete', 'child.describe'])(
    '[SUP-026] a message that only looks like the request %s is no call: nobody is answered or harmed',
    (type) =>
      withBench(async (bench) => {
        const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
        for (const from of [undefined, 'me', { pid: tree.pid }]) {
          bench.system.send(tree.pid, { type, id: 'z', spec: {}, from });
          bench.system.send(tree.pid, { type: 'children.list', from });
          bench.system.send(tree.pid, { type: 'children.count', from });
          bench.system.send(tree.pid, { type: 'what', from });
        }
        expect(await states(tree)).toEqual(['a up']);
      }),
  );

  test('[SUP-010] [SUP-026] what it does not know waits too while it is busy: then a message is logged, a call ends it', () =>
    withBench(async (bench) => {
      const warnings: string[] = [];
      bench.warn = (message) => warnings.push(message);
      const tree = await Supervisor.start(bench.system, { children: [bench.child('a')] });
      const start = gate();
      bench.holding.set('slow', start.passed);
      const slow = Supervisor.startChild(tree, bench.child('slow'));
      await rest();
      bench.system.send(tree.pid, { type: 'what' });
      const list = Supervisor.whichChildren(tree);
      const unknown = bench.system.call(tree.pid, { type: 'fly' }).catch(() => 'failed');
      await rest();
      expect(warnings).toEqual([]);
      start.open();
      expect(await slow).toMatchObject({ ok: true });
      expect(await list).toHaveLength(2);
      expect(await unknown).toBe('failed');
      expect(warnings).toEqual([`supervisor ${tree.pid.toString()} got an unexpected message`]);
      expect(bench.news()).toEqual(['+a', '+slow', '-slow shutdown', '-a shutdown']);
    }));

  test('[SUP-026] an unknown call ends the supervisor, its children stopped in order', () =>
    withBench(async (bench) => {
      const tree = await Supervisor.start(bench.system, {
        children: [bench.child('a'), bench.child('b')],
      });
      await expect(bench.system.call(tree.pid, { type: 'fly' })).rejects.toBeInstanceOf(ExitError);
      expect(bench.news()).toEqual(['+a', '+b', '-b shutdown', '-a shutdown']);
    }));

  test('[SUP-027] a child that ended unlinked is repaired by terminateChild', () =>
    withBench(async (bench) => {
      const { start } = bench.child('a');
      if (typeof start === 'function') throw new Error('a pair is meant');
      const tree = await Supervisor.start(bench.system, {
        children: [
          {
            id: 'a',
            start: (self) => ({ ok: true, pid: self.spawn(start[0], start[1] as never) }),
          },
        ],
      });
      const pid = await pidOf(tree, 'a');
      bench.system.exit(pid, exitReason.kill);
      await until(() => !bench.system.isAlive(pid));
      expect(await states(tree)).toEqual(['a up']);
      expect((await Supervisor.countChildren(tree)).active).toBe(0);
      expect(await Supervisor.restartChild(tree, 'a')).toMatchObject({
        error: { kind: 'running' },
      });
      expect(await Supervisor.deleteChild(tree, 'a')).toMatchObject({ error: { kind: 'running' } });
      expect(await Supervisor.terminateChild(tree, 'a')).toEqual({ ok: true });
      expect(await states(tree)).toEqual(['a undefined']);
      expect(bench.newReports()).toEqual(['shutdownError a childProcessUnlinked']);
      expect(pid).toBeInstanceOf(Pid);
    }));
});

const linkedTo = defineServer({
  init: (peer: Pid, self) => {
    self.link(peer);
    return ok(0);
  },
});
