import { describe, expect, test } from '@jest/globals';
import { createSystemClock, createTestClock, defineServer, exitReason, ok } from '@snakepit/core';
import { DynamicSupervisor, Supervisor, type ChildSpec } from '@snakepit/supervisor';
import { child, crash, withLog, type Plan } from '../fixtures/report-log.ts';
import { add, boom, gate, pidOf, rest } from '../fixtures/supervised.ts';

describe('the text of a report', () => {
  test('says who, what, why, who was restarted, how near the limit is; and shows the stack', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, {
        name: 'app',
        maxRestarts: 2,
        children: [child('a'), child('b')],
      });
      log.entries.splice(0);
      await crash(log, tree, 'a');
      expect(log.entries.find(({ raw }) => raw.startsWith('supervisor'))?.raw).toMatch(
        /\n {2}Error: out of paper\n {6}at crash .*report-log/,
      );
      expect(log.said('error')).toEqual([
        [
          'supervisor app <1>: child "a" <2> ended: error(Error: out of paper)',
          '  It was restarted as <4>.',
          '  That is 1 of 2 restarts within 5 s.',
          '  Error: out of paper',
        ].join('\n'),
      ]);
      await crash(log, tree, 'a');
      expect(log.said('error')[0]).toContain(
        'That is 2 of 2 restarts within 5 s. One more within that time, and the supervisor stops all its children and exits.',
      );
    }));

  test('its fields say the same to programs', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, { name: 'app', children: [child('a')] });
      const pid = await pidOf(tree, 'a');
      await crash(log, tree, 'a');
      const report = log.entries.find(({ fields }) => 'context' in fields);
      expect(report?.fields).toMatchObject({
        supervisor: tree.pid.toString(),
        name: 'app',
        context: 'childTerminated',
        reason: { kind: 'error' },
        offender: { pid, id: 'a', restart: 'permanent' },
        restarted: [{ id: 'a', pid: await pidOf(tree, 'a') }],
        restarts: { count: 1, allowed: 3, seconds: 5, of: 'all' },
      });
    }));

  test('[RPT-006] comes after the crash report of the child and before what is said of its restart', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, {
        strategy: 'oneForAll',
        children: [child('a'), child('b')],
      });
      log.entries.splice(0);
      await crash(log, tree, 'a');
      expect(log.entries.map(({ text }) => text.split('\n')[0])).toEqual([
        'process <2> (worker) ended: error(Error: out of paper)',
        'supervisor <1>: child "a" <2> ended: error(Error: out of paper)',
        'supervisor <1>: child "a" <4> was started',
        'supervisor <1>: child "b" <5> was started',
      ]);
      expect(log.said('error')[0]).toContain('Restarted, in this order: "a" <4>, "b" <5>.');
    }));

  test('names the first of many', () =>
    withLog(async (log) => {
      const ids = Array.from({ length: 10 }, (_, at) => `c${String(at)}`);
      const tree = await Supervisor.start(log.system, {
        strategy: 'oneForAll',
        children: ids.map((id) => child(id)),
      });
      await crash(log, tree, 'c5');
      expect(log.said('error').at(-1)).toMatch(/"c0" <12>, .*, "c7" <19> and 2 more\.$/m);
    }));

  test('does not wait for a start that takes its time', () =>
    withLog(async (log) => {
      const plan: Plan = {};
      const tree = await Supervisor.start(log.system, { children: [child('a', plan)] });
      const start = gate();
      plan.passed = start.passed;
      log.entries.splice(0);
      log.system.send(await pidOf(tree, 'a'), new Error('out of paper'));
      await rest();
      expect(log.said('error')).toEqual([
        [
          'supervisor <1>: child "a" <2> ended: error(Error: out of paper)',
          '  The restart is under way.',
          '  That is 1 of 3 restarts within 5 s.',
          '  Error: out of paper',
        ].join('\n'),
      ]);
      start.open();
      await rest();
      expect(log.said('info')).toEqual(['supervisor <1>: child "a" <3> was started']);
    }));

  test('of a child that is not restarted says why', () =>
    withLog(async (log) => {
      const tree = await Supervisor.start(log.system, {
        children: [child('a', {}, { restart: 'temporary' })],
      });
      await crash(log, tree, 'a');
      expect(log.said('error')[0]).toContain('It is not restarted, for it is temporary.');
    }));

  test('of a child that declines to be started again says so', () =>
    withLog(async (log) => {
      const plan: Plan = {};
      const tree = await Supervisor.start(log.system, { children: [child('a', plan)] });
      plan.ignores = true;
      await crash(log, tree, 'a');
      expect(log.said('error')[0]).toContain('It declined to be started again, and stays stopped.');
    }));

  test('of a start that failed shows the innermost child, its error and its causes', () =>
    withLog(async (log) => {
      const fault = new Error('no disk', { cause: new Error('EIO') });
      const inner = { children: [child('leaf', { fault })] };
      const started = Supervisor.start(log.system, {
        name: 'app',
        children: [{ id: 'inner', start: [Supervisor, inner] }],
      });
      await expect(started).rejects.toThrow(
        /^supervisor app: child "inner" › "leaf" failed to start: error\(Error: no disk\)$/,
      );
      expect(log.said('error').at(-1)).toBe(
        [
          'supervisor app <1>: child "inner" could not be started: error(Error: no disk)',
          '  It failed in its child "leaf".',
          '  So the supervisor does not start: the children before it are stopped again, those after it never start.',
          '  Error: no disk',
          '  caused by: Error: EIO',
        ].join('\n'),
      );
    }));

  test('of a restart that failed says that it will be tried again; both texts are in order', () =>
    withLog(async (log) => {
      const plan: Plan = {};
      const tree = await Supervisor.start(log.system, {
        maxRestarts: 1,
        children: [child('a', plan), child('b')],
      });
      plan.fault = new Error('no disk');
      await crash(log, tree, 'a');
      expect(log.said('error')).toEqual([
        [
          'supervisor <1>: child "a" <2> ended: error(Error: out of paper)',
          '  The restart failed, see the next report.',
          '  That is 1 of 1 restart within 5 s. One more within that time, and the supervisor stops all its children and exits.',
          '  Error: out of paper',
        ].join('\n'),
        [
          'supervisor <1>: child "a" <2> could not be started: error(Error: no disk)',
          '  The restart will be tried again, after what waits in the mailbox.',
          '  That is 1 of 1 restart within 5 s. One more within that time, and the supervisor stops all its children and exits.',
          '  Error: no disk',
        ].join('\n'),
        [
          'supervisor <1> gives up: 2 restarts within 5 s, and 1 is allowed',
          '  The last was to be child "a" <2>.',
          '  It stops its other children in reverse order ("b") and exits with shutdown. What follows is up to its parent: it was started from outside.',
        ].join('\n'),
      ]);
    }));

  test('of a child whose name is taken says by whom', () =>
    withLog(async (log) => {
      const started = Supervisor.start(log.system, {
        children: [child('a', {}, { name: 'same' }), child('b', {}, { name: 'same' })],
      });
      await expect(started).rejects.toThrow(
        'supervisor: child "b" failed to start: its name is taken by <2>',
      );
      expect(log.said('error')[0]).toContain('Its name is taken by <2>, its sibling "a".');
    }));

  test('of a child that waits for its restart says how long', async () => {
    const clock = createTestClock();
    await withLog(async (log) => {
      const tree = await Supervisor.start(log.system, {
        backoff: { initialMs: 1_500, maxMs: 60_000 },
        children: [child('a')],
      });
      await crash(log, tree, 'a');
      expect(log.said('error')[0]).toContain('It will be restarted in 1500 ms.');
    }, clock);
  });

  test('of a child that is given up says what goes on, and how to start it again', () =>
    withLog(async (log) => {
      const budget = { maxRestarts: 1, maxSeconds: 60 };
      const tree = await Supervisor.start(log.system, { children: [child('a', {}, { budget })] });
      await crash(log, tree, 'a');
      expect(log.said('error')[0]).toContain(
        'That is 1 of 1 restart of this child within 60 s. One more within that time, and it is given up.',
      );
      await crash(log, tree, 'a');
      expect(log.said('error').at(-1)).toBe(
        [
          'supervisor <1> gives up child "a" <3>: 2 restarts within 60 s, and 1 is allowed',
          '  It stays stopped, and is listed as failed. Its siblings and the supervisor go on.',
          '  Supervisor.restartChild() with the id "a" starts it again, its budget unused.',
        ].join('\n'),
      );
    }));

  test('of dynamic children names what concerns them', () =>
    withLog(async (log) => {
      const budget = { maxRestarts: 0, maxSeconds: 60 };
      const tree = await DynamicSupervisor.start(log.system, { maxRestarts: 0 });
      const [a] = [
        await add(tree, child('a', {}, { budget })),
        await add(tree, child('b')),
        await add(tree, child('c')),
      ];
      log.system.send(a, new Error('out of paper'));
      await rest();
      expect(log.said('error').at(-1)).toContain(
        `DynamicSupervisor.restartChild() with the pid ${a.toString()} starts it again`,
      );
      const [, b] = await DynamicSupervisor.whichChildren(tree);
      if (typeof b?.pid !== 'object') throw new Error('it runs');
      log.system.send(b.pid, new Error('out of paper'));
      await rest();
      expect(log.said('error').at(-1)).toContain(
        'It stops what else it has, 1 running, all at once',
      );
    }));

  const ends: readonly [Partial<ChildSpec>, string][] = [
    [{ shutdown: 20 }, 'It was asked to end, did not within its 20 ms, and was killed.'],
    [
      { shutdown: 'infinity' },
      'It was asked to end; a permanent child is to end with shutdown then.',
    ],
    [
      { shutdown: 'infinity', restart: 'transient' },
      'It ended so while it was to be stopped, and is not restarted.',
    ],
  ];
  test.each(ends)(
    'of a child (%j) that did not end as asked says what was expected',
    (spec, note) =>
      withLog(async (log) => {
        const stubborn = defineServer({
          trapExit: true,
          init: () => ok(0),
          terminate: async (_, __, self) => {
            if (spec.shutdown === 20) await new Promise<never>(() => undefined);
            self.exit(spec.restart === 'transient' ? boom : exitReason.normal);
          },
        });
        const tree = await Supervisor.start(log.system, {
          children: [{ id: 'a', start: [stubborn], ...spec }],
        });
        await Supervisor.terminateChild(tree, 'a');
        expect(log.said('error')[0]).toContain(note);
      }, createSystemClock()),
  );
});
