import { describe, expect, test } from '@jest/globals';
import { createSystem, exitReason, silentLogger, type ActorSystem } from '@snakepit/core';
import { Application, Supervisor, type ApplicationType } from '@snakepit/supervisor';
import { app, names, stopped, topOf } from '../fixtures/applications.ts';
import { until, withBench } from '../fixtures/supervised.ts';

describe('an application that ends by itself', () => {
  const ended: readonly [ApplicationType, 'shutdown' | 'normal', boolean][] = [
    ['temporary', 'shutdown', false],
    ['transient', 'normal', false],
    ['transient', 'shutdown', true],
    ['permanent', 'normal', true],
    ['permanent', 'shutdown', true],
  ];
  test.each(ended)(
    '[APP-008] [APP-009] %s, its top supervisor ends with %s: all stops? %s',
    (type, kind, all) =>
      withBench(async (bench) => {
        const { system, log } = bench;
        await Application.start(system, app(bench, 'base'));
        await Application.start(system, app(bench, 'shop'), { type });
        log.length = 0;
        const atEnd = Application.untilStopped(system);
        await Supervisor.stop(Supervisor.at(system, await topOf(system, 'shop')), exitReason[kind]);
        if (all) {
          expect(await atEnd).toMatchObject({ code: 'APPLICATION_TERMINATED' });
          expect(log.slice(-3)).toEqual(stopped('base'));
        } else {
          while ((await names(system)).length > 1);
          expect(await names(system)).toEqual(['base']);
        }
        // prepStop and stop ran all the same (APP-009).
        expect(log.slice(0, 3)).toEqual([
          '-shop shutdown',
          'shop prepStop as started',
          'shop stop as prepared',
        ]);
      }),
  );

  test('[APP-010] [APP-011] all others stop in reverse order, then the system, with an error that says why', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      for (const name of ['first', 'second', 'third']) {
        await Application.start(system, app(bench, name));
      }
      await Application.start(system, app(bench, 'heart'), { type: 'permanent' });
      const other = system.spawn(Supervisor, { strategy: 'oneForOne', children: [] });
      log.length = 0;
      const atEnd = Application.untilStopped(system);
      system.exit(await topOf(system, 'heart'), exitReason.kill);
      const error = await atEnd;
      expect(error).toMatchObject({
        code: 'APPLICATION_TERMINATED',
        details: { application: 'heart', type: 'permanent', reason: 'killed' },
      });
      expect(error?.message).toContain('the permanent application "heart" ended');
      expect(log.filter((line) => line.includes(' stop '))).toEqual(
        ['heart', 'third', 'second', 'first'].map((name) => `${name} stop as prepared`),
      );
      expect(await system.awaitExit(other)).toMatchObject({ kind: 'noproc' });
      await system.stop();
      expect([...system.processes()]).toEqual([]);
    }));

  test('[APP-010] a system that is stopped stops them too, in order, and that is no failure', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'first'), { type: 'permanent' });
      await Application.start(system, app(bench, 'second'), { type: 'permanent' });
      log.length = 0;
      const atEnd = Application.untilStopped(system);
      await system.stop();
      expect(log).toEqual([...stopped('second'), ...stopped('first')]);
      expect(await atEnd).toBeUndefined();
    }));

  test('one whose start never ends does not keep a system from stopping', () =>
    withBench(async (bench) => {
      const { system } = bench;
      const never = app(bench, 'never', { start: () => new Promise<never>(() => undefined) });
      const started = Application.start(system, never);
      const failed = expect(started).rejects.toMatchObject({ reason: { kind: 'shutdown' } });
      await Application.which(system);
      await system.stop();
      await failed;
      expect([...system.processes()]).toEqual([]);
    }));
});

describe('events', () => {
  interface Seen {
    readonly started: unknown[];
    readonly stopped: unknown[];
  }

  function listen({ telemetry }: ActorSystem): Seen {
    const seen: Seen = { started: [], stopped: [] };
    telemetry.on('snakepit.application.started', (measurements, { application, type, pid }) => {
      seen.started.push([measurements, application, type, pid]);
    });
    telemetry.on(
      'snakepit.application.stopped',
      (measurements, { application, type, pid, reason, byItself }) => {
        seen.stopped.push([measurements, application, type, pid, reason.kind, byItself]);
      },
    );
    return seen;
  }

  const one = { count: 1 };

  test('say when an application is up, when it stopped, and whether by itself', () =>
    withBench(async (bench) => {
      const { system } = bench;
      const seen = listen(system);
      await Application.start(system, app(bench, 'asked'), { type: 'transient' });
      const asked = (await Application.which(system))[0]?.pid;
      expect(asked).toBeDefined();
      expect(seen.started).toEqual([[one, 'asked', 'transient', asked]]);
      await Application.stop(system, 'asked');
      expect(seen.stopped).toEqual([[one, 'asked', 'transient', asked, 'shutdown', false]]);

      await Application.start(system, app(bench, 'own'));
      const own = (await Application.which(system))[0]?.pid;
      system.exit(await topOf(system, 'own'), exitReason.kill);
      await until(() => seen.stopped.length === 2);
      expect(seen.started[1]).toEqual([one, 'own', 'temporary', own]);
      expect(seen.stopped[1]).toEqual([one, 'own', 'temporary', own, 'killed', true]);
    }));

  test('tell of all that stop with one, and with the system; not of starts that fail', () =>
    withBench(async (bench) => {
      const { system } = bench;
      const seen = listen(system);
      bench.failing.set('bad', exitReason.custom('no'));
      await Application.start(system, app(bench, 'bad'));
      expect(seen).toEqual({ started: [], stopped: [] });
      for (const name of ['first', 'second']) await Application.start(system, app(bench, name));
      await Application.start(system, app(bench, 'heart'), { type: 'permanent' });
      system.exit(await topOf(system, 'heart'), exitReason.kill);
      await Application.untilStopped(system);
      expect(seen.stopped).toMatchObject([
        [one, 'heart', 'permanent', {}, 'killed', true],
        [one, 'second', 'temporary', {}, 'shutdown', false],
        [one, 'first', 'temporary', {}, 'shutdown', false],
      ]);

      const other = createSystem({ logger: silentLogger });
      const seenThere = listen(other);
      await Application.start(other, app(bench, 'only'));
      await other.stop();
      expect(seenThere.stopped).toMatchObject([[one, 'only', 'temporary', {}, 'shutdown', false]]);
    }));
});
