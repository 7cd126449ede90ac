import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from '@snakepit/supervisor';
import { child, crash, withLog } from '../fixtures/report-log.ts';
import { add, pidOf, rest } from '../fixtures/supervised.ts';

describe('progress', () => {
  test('[RPT-004] a start at first and by a restart is told to operators, one that was asked for to developers', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, { name: 'app', children: [child('a')] });
      expect(log.said('info')).toEqual(['supervisor app <1>: child "a" <2> was started']);
      await crash(log, tree, 'a');
      expect(log.said('info')).toEqual(['supervisor app <1>: child "a" <3> was started']);
      await Supervisor.startChild(tree, child('b'));
      await Supervisor.terminateChild(tree, 'a');
      await Supervisor.restartChild(tree, 'a');
      expect(log.entries).toMatchObject([
        { level: 'debug', text: 'supervisor app <1>: child "b" <4> was started' },
        { level: 'debug', text: 'supervisor app <1>: child "a" <5> was started' },
      ]);
    }));

  test('[RPT-004] its fields name the supervisor and the child', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, { name: 'app', children: [child('a')] });
      expect(log.entries[0]?.fields).toEqual({
        supervisor: tree.pid.toString(),
        name: 'app',
        started: {
          pid: await pidOf(tree, 'a'),
          id: 'a',
          restart: 'permanent',
          significant: false,
          shutdown: 5_000,
          type: 'worker',
        },
      });
    }));

  test('[RPT-004] none of dynamic children', () =>
    withLog(async (log) => {
      const tree = await DynamicSupervisor.start(log.system);
      const pid = await add(tree, child('a'));
      log.system.send(pid, new Error('out of paper'));
      await rest();
      expect(log.said('info', 'debug')).toEqual([]);
    }));
});

describe('who gives up', () => {
  test('[RPT-005] [INT-010] makes no crash report; its parent reports the end of a permanent child', () =>
    withLog(async (log) => {
      const inner = { maxRestarts: 0, children: [child('leaf')] };
      const tree = await Supervisor.start(log.system, {
        children: [{ id: 'inner', start: [Supervisor, inner] }],
      });
      const pid = await pidOf(tree, 'inner');
      log.entries.splice(0);
      await crash(log, Supervisor.at(log.system, pid), 'leaf');
      const heads = log.entries.map(({ level, text }) => `${level} ${text.split('\n')[0] ?? ''}`);
      expect(heads).toEqual([
        'error process <3> (worker) ended: error(Error: out of paper)',
        'error supervisor <2>: child "leaf" <3> ended: error(Error: out of paper)',
        'error supervisor <2> gives up: 1 restart within 5 s, and 0 are allowed',
        'info supervisor <4>: child "leaf" <5> was started',
        'error supervisor <1>: child "inner" <2> ended: shutdown',
        'info supervisor <1>: child "inner" <4> was started',
      ]);
    }));

  test('[RPT-005] one that shuts down by itself makes none either, and its transient end is not reported', () =>
    withLog(async (log) => {
      const inner = {
        autoShutdown: 'anySignificant',
        children: [child('leaf', {}, { restart: 'temporary', significant: true })],
      };
      const tree = await Supervisor.start(log.system, {
        children: [{ id: 'inner', start: [Supervisor, inner], restart: 'transient' }],
      });
      const pid = await pidOf(tree, 'inner');
      const leaf = await pidOf(Supervisor.at(log.system, pid), 'leaf');
      log.entries.splice(0);
      log.system.exit(leaf, exitReason.shutdown);
      expect(await log.system.awaitExit(pid)).toEqual(exitReason.shutdown);
      await rest();
      expect(log.entries).toEqual([]);
    }));
});
