import { describe, expect, test } from '@jest/globals';
import { createSystem, exitReason, type LogLevel, type Pid } from '@snakepit/core';
import {
  Application,
  defineApplication,
  Supervisor,
  type ApplicationType,
} from '@snakepit/supervisor';
import { app, names, stopped } from '../fixtures/applications.ts';
import { withBench } from '../fixtures/supervised.ts';

describe('start', () => {
  test('[APP-001] runs the callback, and is up when the top supervisor runs', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      expect(await Application.start(system, app(bench, 'shop'))).toEqual({ ok: true });
      expect(log).toEqual(['shop start', '+shop']);
      expect(await Application.which(system)).toMatchObject([
        { name: 'shop', description: '', type: 'temporary' },
      ]);
      const [{ pid }] = (await Application.which(system)) as unknown as [{ pid: Pid }];
      expect(system.processInfo(pid)).toMatchObject({ stateValue: 'running' });
    }));

  test('[APP-001] without a callback it is only a mark', () =>
    withBench(async ({ system }) => {
      const mark = defineApplication({ name: 'mark', description: 'nothing runs' });
      expect(await Application.start(system, mark)).toEqual({ ok: true });
      expect(await Application.which(system)).toMatchObject([{ description: 'nothing runs' }]);
      expect(await Application.stop(system, mark)).toEqual({ ok: true });
      expect(await names(system)).toEqual([]);
    }));

  test('gives the callback its arguments, and waits for it', () =>
    withBench(async ({ system }) => {
      let seen: unknown;
      const shop = defineApplication({
        name: 'shop',
        start: async (args: { port: number }) => {
          await Promise.resolve();
          seen = args;
          return [Supervisor, { name: 'shop.top', strategy: 'oneForOne', children: [] }];
        },
      });
      await Application.start(system, shop, { args: { port: 80 } });
      expect(seen).toEqual({ port: 80 });
      expect(system.whereis('shop.top')).toBeDefined();
    }));

  test('[APP-002] a dependency that does not run is named, and nothing runs', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const db = app(bench, 'db');
      const shop = app(bench, 'shop', { dependencies: [db] });
      const refused = { ok: false, error: { kind: 'notStarted', application: 'db' } };
      expect(await Application.start(system, shop)).toEqual(refused);
      expect(log).toEqual([]);
      await Application.start(system, db);
      expect(await Application.start(system, shop)).toEqual({ ok: true });
      expect(await names(system)).toEqual(['shop', 'db']);
    }));

  test('[APP-002] twice is refused; who asks while it starts gets the same outcome', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const shop = app(bench, 'shop');
      const both = [Application.start(system, shop), Application.start(system, shop)];
      expect(await Promise.all(both)).toEqual([{ ok: true }, { ok: true }]);
      const refused = { ok: false, error: { kind: 'alreadyStarted', application: 'shop' } };
      expect(await Application.start(system, shop)).toEqual(refused);
      expect(log).toEqual(['shop start', '+shop']);
    }));

  test('[APP-003] all that it needs first, once each; what runs is left alone', () =>
    withBench(async (bench) => {
      const { system } = bench;
      const log = app(bench, 'log');
      const db = app(bench, 'db', { dependencies: [log] });
      const http = app(bench, 'http', { dependencies: [log] });
      const shop = app(bench, 'shop', { dependencies: [db, http] });
      await Application.start(system, log);
      expect(await Application.ensureAllStarted(system, shop)).toEqual({
        ok: true,
        started: ['db', 'http', 'shop'],
      });
      expect(await Application.ensureAllStarted(system, [shop, db])).toEqual({
        ok: true,
        started: [],
      });
    }));

  test('[APP-003] when one fails, those it started are stopped again', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      const base = app(bench, 'base');
      const db = app(bench, 'db', { dependencies: [base] });
      const bad = app(bench, 'bad', { dependencies: [db], start: () => 'nonsense' as never });
      const shop = app(bench, 'shop', { dependencies: [bad] });
      await Application.start(system, base);
      log.length = 0;
      expect(await Application.ensureAllStarted(system, shop)).toEqual({
        ok: false,
        application: 'bad',
        error: { kind: 'badReturn', application: 'bad', value: 'nonsense' },
      });
      expect(log).toEqual(['db start', '+db', ...stopped('db')]);
      expect(await names(system)).toEqual(['base']);
    }));

  test('[APP-004] a top supervisor that fails to start is told with its reason', () =>
    withBench(async (bench) => {
      const { system } = bench;
      bench.failing.set('shop', exitReason.custom('no money'));
      expect(await Application.start(system, app(bench, 'shop'))).toEqual({
        ok: false,
        error: {
          kind: 'startFailed',
          application: 'shop',
          reason: exitReason.shutdownWith({
            kind: 'failedToStartChild',
            id: 'shop',
            reason: exitReason.custom('no money'),
          }),
        },
      });
      expect(await names(system)).toEqual([]);
    }));

  const raised = new Error('no start');
  test.each<[string, () => unknown, unknown]>([
    ['nothing', () => undefined, undefined],
    ['junk', () => 17, 17],
    ['a start that is none', () => ({ top: [17] }), { top: [17] }],
    [
      'an error, thrown',
      () => {
        throw raised;
      },
      raised,
    ],
    ['an error, rejected', () => Promise.reject(raised), raised],
  ])('[APP-004] a callback that gives %s is a bad return', (_, start, value) =>
    withBench(async (bench) => {
      const shop = app(bench, 'shop', { start: start as never });
      expect(await Application.start(bench.system, shop)).toEqual({
        ok: false,
        error: { kind: 'badReturn', application: 'shop', value },
      });
      // It can be started when it is better.
      expect(await Application.start(bench.system, app(bench, 'shop'))).toEqual({ ok: true });
    }),
  );

  test('[APP-007] another type than the three is refused; temporary is the default', () =>
    withBench(async (bench) => {
      const { system } = bench;
      for (const type of ['temporary', 'transient', 'permanent'] as const) {
        expect(await Application.start(system, app(bench, type), { type })).toEqual({ ok: true });
      }
      expect(await Application.which(system)).toMatchObject([
        { type: 'permanent' },
        { type: 'transient' },
        { type: 'temporary' },
      ]);
      const type = 'eternal' as never;
      expect(await Application.start(system, app(bench, 'shop'), { type })).toEqual({
        ok: false,
        error: { kind: 'invalidRestartType', value: 'eternal' },
      });
    }));
});

describe('stop', () => {
  test('[APP-005] prepStop, then the top supervisor, then stop with what prepStop gave', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'shop'));
      log.length = 0;
      expect(await Application.stop(system, 'shop')).toEqual({ ok: true });
      expect(log).toEqual(stopped('shop'));
    }));

  test('[APP-005] a callback that throws is logged and keeps nothing from stopping', async () => {
    const lines: string[] = [];
    const note = (level: LogLevel) => (message: string) => void lines.push(`${level} ${message}`);
    const [debug, info, warn, error] = (['debug', 'info', 'warn', 'error'] as const).map(note);
    const system = createSystem({ logger: { debug, info, warn, error } as never });
    const no = (): never => {
      throw new Error('no');
    };
    const shop = defineApplication({
      name: 'shop',
      start: () => [Supervisor, { name: 'top', strategy: 'oneForOne', children: [] }],
      prepStop: no,
      stop: no,
    });
    await Application.start(system, shop);
    expect(await Application.stop(system, shop)).toEqual({ ok: true });
    expect(system.whereis('top')).toBeUndefined();
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      'error prepStop of application "shop" failed',
      'error stop of application "shop" failed',
    ]);
    await system.stop();
  });

  test.each<ApplicationType>(['temporary', 'transient', 'permanent'])(
    '[APP-006] those that depend on it are not touched; what does not run cannot be stopped: %s',
    (type) =>
      withBench(async (bench) => {
        const { system } = bench;
        const db = app(bench, 'db');
        await Application.start(system, db, { type });
        await Application.start(system, app(bench, 'shop', { dependencies: [db] }));
        expect(await Application.stop(system, db)).toEqual({ ok: true });
        expect(await names(system)).toEqual(['shop']);
        expect(await Application.stop(system, db)).toEqual({
          ok: false,
          error: { kind: 'notStarted', application: 'db' },
        });
      }),
  );

  test('two who stop it wait for the same end', () =>
    withBench(async (bench) => {
      const { system, log } = bench;
      await Application.start(system, app(bench, 'shop'));
      log.length = 0;
      const both = [Application.stop(system, 'shop'), Application.stop(system, 'shop')];
      expect(await Promise.all(both)).toEqual([{ ok: true }, { ok: true }]);
      expect(log).toEqual(stopped('shop'));
    }));
});

describe('bad input is refused by name', () => {
  test.each<[string, unknown, string]>([
    ['no object', undefined, 'the definition of an application'],
    ['no name', {}, 'the name of an application'],
    ['an empty name', { name: '' }, 'the name of an application'],
    ['names as dependencies', { name: 'a', dependencies: ['b'] }, 'dependencies of "a"'],
    ['a start that is no function', { name: 'a', start: [] }, 'start of "a"'],
    ['a description that is no text', { name: 'a', description: 1 }, 'description of "a"'],
  ])('%s', (_, definition, words) => {
    expect(() => defineApplication(definition as never)).toThrow(words);
  });

  test('what defineApplication() did not make', () =>
    withBench(async ({ system }) => {
      const given = { name: 'shop' } as never;
      await expect(Application.start(system, given)).rejects.toThrow('defineApplication()');
      await expect(Application.ensureAllStarted(system, given)).rejects.toThrow('defineApp');
    }));
});
