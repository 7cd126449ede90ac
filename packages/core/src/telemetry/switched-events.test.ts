import { describe, expect, test } from '@jest/globals';
import {
  attachDefaultHandlers,
  createSystem,
  createTelemetry,
  defineTask,
  isSnakepitError,
  silentLogger,
} from '../index.ts';
import { matchesGlob } from './glob.ts';
import type { TelemetryEventName } from './telemetry.ts';

const exited = 'snakepit.process.exited';
const spawned = 'snakepit.process.spawned';

describe('telemetry.disable and enable', () => {
  test('[R9.4] [T4.1] nobody hears a disabled kind of event, which is as if nobody listened', async () => {
    const system = createSystem({ logger: silentLogger });
    const { telemetry } = system;
    const heard: string[] = [];
    telemetry.attachMany([spawned, exited], (_measurements, _metadata, name) => heard.push(name));
    telemetry.disable('snakepit.*.exited');
    expect([telemetry.enabled(spawned), telemetry.enabled(exited)]).toEqual([true, false]);
    // Who comes later hears it no more than who was there.
    telemetry.on(exited, () => heard.push('late'));
    const run = (): Promise<unknown> => system.awaitExit(system.spawn(defineTask(() => 1)));
    await run();
    expect(heard).toEqual([spawned]);
    telemetry.enable('snakepit.process.*');
    await run();
    expect(heard).toEqual([spawned, spawned, exited, 'late']);
    await system.stop();
  });

  test('[R9.4] of the patterns that match, the last counts', () => {
    const telemetry = createTelemetry();
    const off = telemetry.attachMany([spawned, exited], () => undefined);
    const on = (): boolean[] => [telemetry.enabled(spawned), telemetry.enabled(exited)];
    telemetry.disable('*');
    telemetry.enable(spawned);
    expect(on()).toEqual([true, false]);
    telemetry.disable('*');
    expect(on()).toEqual([false, false]);
    telemetry.enable('*');
    expect(on()).toEqual([true, true]);
    telemetry.disable('*');
    off();
    telemetry.enable('*');
    expect(on()).toEqual([false, false]);
  });

  test('[R9.4] tells who has to do something for an event when it is wanted, and when no more', () => {
    const telemetry = createTelemetry();
    const told: unknown[] = [];
    const end = telemetry.onDemand((...news) => told.push(news));
    const [first, second] = [telemetry.on(exited, () => 1), telemetry.on(exited, () => 2)];
    telemetry.disable(exited);
    telemetry.enable(exited);
    first();
    first();
    second();
    end();
    telemetry.on(exited, () => undefined);
    expect(told).toEqual([true, false, true, false].map((isWanted) => [exited, isWanted]));
  });

  test.each([[''], ['x'.repeat(257)], [7]])('[R9.4] refuses the pattern %p', (pattern) => {
    const telemetry = createTelemetry();
    expect(() => telemetry.disable(pattern as string)).toThrow('the pattern of an event');
  });

  test.each([
    ['a.*', 'a.b.c', true],
    ['a.*', 'b.a.c', false],
    ['*.b', 'a.b.b', true],
    ['a*c*', 'a.b.c', true],
    ['a', 'a.b', false],
    ['.', 'a', false],
    [`${'*a'.repeat(100)}b`, 'a'.repeat(5_000), false],
  ])('[R9.4] %p describes %p: %p', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });
});

describe('attachDefaultHandlers', () => {
  /** A system that keeps what is logged. */
  function logged(): {
    readonly system: ReturnType<typeof createSystem>;
    readonly lines: unknown[];
  } {
    const lines: unknown[] = [];
    const keep = (level: string) => (message: string, fields?: object) => {
      if (message.startsWith('snakepit.')) lines.push([level, message, fields]);
    };
    const logger = {
      ...{ debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
    };
    return { system: createSystem({ logger }), lines };
  }

  test('[T4.1] [I6.1] one line for each event from its level on, plain fields, no secrets and no payloads', async () => {
    const { system, lines } = logged();
    const quiet = attachDefaultHandlers(system);
    const off = attachDefaultHandlers(system, { level: 'debug' });
    const late = 'snakepit.late.event' as TelemetryEventName;
    system.telemetry.describe({
      [late]: { description: 'Late.', level: 'error', measurements: {}, metadata: {} },
    });
    await system.awaitExit(
      system.spawn(
        defineTask(() => {
          throw new Error('password=hunter2');
        }),
        undefined,
        { name: 'doomed' },
      ),
    );
    const broken: unknown = {
      text: 'one\ntwo',
      long: 'x'.repeat(300),
      key: 'Authorization: Bearer abc.def and api_key=12345',
      escape: '\u001b[2Jgone',
      list: [1, 2, 3],
      data: { secret: 'hunter2' },
      nothing: undefined,
      act: () => 'hunter2',
      error: new Error('hunter2'),
      is: true,
    };
    system.telemetry.emit(late, { count: 1 }, broken as never);
    expect(lines).toEqual([
      [
        'debug',
        spawned,
        {
          count: 1,
          pid: expect.any(String),
          parent: expect.any(String),
          behaviour: 'task',
          name: 'doomed',
        },
      ],
      [
        'debug',
        exited,
        {
          count: 1,
          turns: 2,
          pid: expect.any(String),
          behaviour: 'task',
          name: 'doomed',
          reason: 'error Error',
        },
      ],
      ...[1, 2].map(() => [
        'error',
        late,
        {
          ...{ count: 1, text: 'one', long: `${'x'.repeat(200)}…`, escape: ' [2Jgone', is: true },
          ...{ list: '[3]', data: '{1}', act: 'function', error: 'Error' },
          key: '*** and ***',
        },
      ]),
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    off();
    quiet();
    system.telemetry.emit(late, { count: 1 }, broken as never);
    expect(lines).toHaveLength(4);
    await system.stop();
  });

  test('[R9.4] what is disabled is not logged; a level that there is not is refused', async () => {
    const { system, lines } = logged();
    attachDefaultHandlers(system, { level: 'debug' });
    system.telemetry.disable('*');
    await system.awaitExit(system.spawn(defineTask(() => 1)));
    expect(lines).toEqual([]);
    try {
      attachDefaultHandlers(system, { level: 'loud' as 'info' });
      throw new Error('it was accepted');
    } catch (error) {
      expect(isSnakepitError(error, 'INVALID_ARGUMENT')).toBe(true);
    }
    await system.stop();
  });
});
