import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  defineServer,
  exitReason,
  fail,
  silentLogger,
} from '@snakepit/core';
import {
  Application,
  defineApplication,
  Supervisor,
  type DefinedApplication,
} from '@snakepit/supervisor';
import { app, names, stopped, topOf } from '../fixtures/applications.ts';
import { gate, rest, until, withBench, type Bench } from '../fixtures/supervised.ts';

const never = (): Promise<never> => new Promise(() => undefined);

/** An application with two children, of which the second is held while it starts. */
function held(bench: Bench): DefinedApplication<unknown> {
  const children = ['early', 'late'].map((id) => bench.child(id));
  return app(bench, 'shop', { start: () => [Supervisor, { children }] as never });
}

describe('a start', () => {
  test('[APP-004] fails with the reason when its top supervisor cannot be spawned', () =>
    withBench(async ({ system }) => {
      const shop = defineApplication({
        name: 'shop',
        start: () => [Supervisor, { name: { via: ['nowhere', 1] }, children: [] }],
      });
      expect(await Application.start(system, shop)).toMatchObject({
        ok: false,
        error: {
          kind: 'startFailed',
          application: 'shop',
          reason: { kind: 'error', error: { code: 'INVALID_ARGUMENT' } },
        },
      });
      expect(await names(system)).toEqual([]);
    }));

  test('[APP-004] tells a bad return of the callback from one of the top supervisor', () =>
    withBench(async ({ system }) => {
      const junk = defineServer({ name: 'junk', init: () => 17 as never });
      const refusing = defineServer({ name: 'refusing', init: () => fail(exitReason.normal) });
      const failure = async (top: typeof junk): Promise<unknown> =>
        Application.start(system, defineApplication({ name: 'shop', start: () => [top] }));
      const error = { kind: 'startFailed', application: 'shop' };
      expect(await failure(junk)).toEqual({
        ok: false,
        error: { ...error, reason: exitReason.badReturn(17) },
      });
      expect(await failure(refusing)).toEqual({
        ok: false,
        error: { ...error, reason: exitReason.normal },
      });
    }));

  test('of a chart of XState as the top process', () =>
    withBench(async ({ system }) => {
      const { createMachine } = await import('xstate');
      const top = createMachine({ id: 'top', initial: 'up', states: { up: {} } });
      const shop = defineApplication({ name: 'shop', start: () => [top] });
      expect(await Application.start(system, shop)).toEqual({ ok: true });
      expect(system.processInfo(await topOf(system, 'shop'))).toMatchObject({ stateValue: 'up' });
    }));

  test('fails for all who wait when its process is killed meanwhile', () =>
    withBench(async (bench) => {
      const { system } = bench;
      const shop = app(bench, 'shop', { start: never });
      const both = [Application.start(system, shop), Application.start(system, shop)];
      await Application.which(system);
      const process = [...system.processes()].find(({ label }) => label === 'application');
      expect(process).toBeDefined();
      if (process !== undefined) system.exit(process.pid, exitReason.kill);
      const error = { kind: 'startFailed', application: 'shop', reason: exitReason.killed };
      expect(await Promise.all(both)).toEqual([
        { ok: false, error },
        { ok: false, error },
      ]);
      expect(await Application.start(system, app(bench, 'shop'))).toEqual({ ok: true });
    }));

  test('[APP-010] under way is given up before older applications are stopped', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'base'));
      const hold = gate();
      bench.holding.set('late', hold.passed);
      const failed = Application.start(system, held(bench)).catch(() => 'gave up');
      await until(() => log.includes('+early'));
      log.length = 0;
      const stopping = system.stop();
      await rest();
      expect(log).toEqual([]);
      hold.open();
      await stopping;
      expect(await failed).toBe('gave up');
      expect(log).toEqual(['+late', '-late shutdown', '-early shutdown', ...stopped('base')]);
    }));

  test('[APP-010] that does not listen does not keep older applications from being stopped', () => {
    const clock = createTestClock();
    return withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'base'));
      bench.holding.set('late', never());
      const failed = Application.start(system, held(bench)).catch(() => 'gave up');
      await until(() => log.includes('+early'));
      log.length = 0;
      const stopping = system.stop();
      await rest();
      await clock.advance(999);
      expect(log).toEqual([]);
      await clock.advance(1);
      await stopping;
      expect(await failed).toBe('gave up');
      expect(log.slice(0, 3)).toEqual(stopped('base'));
      expect(clock.pending).toBe(0);
    }, clock);
  });

  test('that ends after it was given up starts nothing any more', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const hold = gate();
      const shop = app(bench, 'shop', {
        start: async () => {
          await hold.passed;
          return [Supervisor, { children: [bench.child('shop')] }];
        },
      });
      const failed = expect(Application.start(system, shop)).rejects.toBeDefined();
      await Application.which(system);
      const stopping = system.stop();
      hold.open();
      await stopping;
      await failed;
      expect(log).toEqual([]);
    }));
});

describe('an end', () => {
  test('[APP-010] callbacks may ask for applications while all are stopped', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const asking = app(bench, 'asking', {
        prepStop: async () => {
          log.push(`asking sees ${(await names(system)).join()}`);
          const refused = await Application.start(system, app(bench, 'late'));
          log.push(refused.ok ? 'late started' : `late ${refused.error.kind}`);
          return 'as prepared';
        },
      });
      await Application.start(system, asking);
      await Application.start(system, app(bench, 'heart'), { type: 'permanent' });
      log.length = 0;
      const atEnd = Application.untilStopped(system);
      system.exit(await topOf(system, 'heart'), exitReason.kill);
      expect(await atEnd).toMatchObject({ details: { application: 'heart' } });
      expect(log.slice(-4)).toEqual([
        'asking sees ',
        'late startFailed',
        '-asking shutdown',
        'asking stop as prepared',
      ]);
    }));

  test('callbacks that ask for applications while the system stops are refused at once', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const asking = app(bench, 'asking', {
        prepStop: async () => {
          const refused = await Application.which(system).catch((error: unknown) => error);
          log.push(String(refused));
          return 'as prepared';
        },
      });
      await Application.start(system, asking);
      log.length = 0;
      await system.stop();
      expect(log[0]).toContain('which');
      expect(log.slice(1)).toEqual(['-asking shutdown', 'asking stop as prepared']);
    }));

  test('[APP-011] is told also to who asks when all is over', () =>
    withBench(async (bench) => {
      const { system } = bench;
      await Application.start(system, app(bench, 'heart'), { type: 'permanent' });
      system.exit(await topOf(system, 'heart'), exitReason.kill);
      const first = await Application.untilStopped(system);
      expect(first).toMatchObject({ code: 'APPLICATION_TERMINATED' });
      // By then nothing is left.
      expect([...system.processes()]).toEqual([]);
      expect(await Application.untilStopped(system)).toBe(first);
    }));

  test('of the process that keeps the applications ends everything, as a failure', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'shop'));
      const other = system.spawn(Supervisor, { children: [] });
      log.length = 0;
      const atEnd = Application.untilStopped(system);
      const controller = system.whereis('snakepit.applications');
      if (controller !== undefined) system.exit(controller, exitReason.kill);
      expect(await atEnd).toMatchObject({
        code: 'APPLICATIONS_LOST',
        details: { reason: 'killed' },
      });
      await system.awaitExit(other); // told first, it may end a moment later
      expect(log).toEqual(stopped('shop'));
    }));

  test('of an application whose process is killed is its own', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'base'));
      await Application.start(system, app(bench, 'shop'), { type: 'permanent' });
      const [shop] = await Application.which(system);
      log.length = 0;
      const atEnd = Application.untilStopped(system);
      if (shop !== undefined) system.exit(shop.pid, exitReason.kill);
      expect(await atEnd).toMatchObject({ details: { application: 'shop', reason: 'killed' } });
      expect(log).toContain('-shop shutdown');
      expect(log.filter((line) => line.includes('base'))).toEqual(stopped('base'));
    }));
});

test('dependencies of dependencies are looked at once', async () => {
  const system = createSystem({ logger: silentLogger });
  let layer = [defineApplication({ name: '0' })];
  for (let depth = 1; depth < 14; depth++) {
    layer = ['a', 'b'].map((side) =>
      defineApplication({ name: `${String(depth)}${side}`, dependencies: layer }),
    );
  }
  const result = await Application.ensureAllStarted(system, layer);
  expect(result.ok && result.started.length).toBe(27);
  await system.stop();
});

test.each([undefined, 5, {}, ''])('stop of %p, which is no application, says so', (given) =>
  withBench(async ({ system }) => {
    await expect(Application.stop(system, given as never)).rejects.toThrow(
      'Give what defineApplication() made',
    );
  }),
);
