import { describe, expect, test } from '@jest/globals';
import { createSystem, createTestClock, silentLogger } from './index.ts';

describe('createSystem', () => {
  const clock = createTestClock();
  const incomplete = { ...clock, clearTimeout: undefined };

  test.each<[unknown, string, string]>([
    [{ name: '' }, 'the option name of createSystem(), ""', 'a string that is not empty'],
    [{ name: 5 }, 'the option name of createSystem(), 5', 'a string that is not empty'],
    [{ clock: Date }, 'the option clock', 'the methods now, setTimeout, clearTimeout'],
    [{ clock: incomplete }, 'the option clock', 'clearTimeout'],
    [
      { logger: { ...silentLogger, warn: 1 } },
      'the option logger',
      'the methods debug, info, warn, error',
    ],
    [{ logger: null }, 'the option logger of createSystem(), null', 'the methods debug, info'],
    [{ telemetry: {} }, 'the option telemetry of createSystem(), {}', 'the methods enabled, emit'],
    [{ crashIsolation: true }, 'the option crashIsolation of', "'callbacks' or 'async'"],
    [{ crashIsolation: 'all' }, 'the option crashIsolation of', "'callbacks' or 'async'"],
    [{ freezeMessages: 'yes' }, 'the option freezeMessages of', 'true or false'],
    [{ flightRecorder: -1 }, 'the option flightRecorder -1', 'a whole number of events'],
    [{ longTurnMs: 0 }, 'the option longTurnMs 0', 'more than 0 milliseconds'],
    [{ loger: silentLogger }, 'the option loger of createSystem()', 'there is no such option'],
    ['app', 'the options of createSystem() "app"', 'an object'],
    [null, 'the options of createSystem() null', 'an object'],
  ])('refuses %p', (options, what, fault) => {
    expect.assertions(3);
    try {
      createSystem(options as never);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect((thrown as Error).message).toMatch(what);
      expect((thrown as Error).message).toMatch(fault);
    }
  });

  test('names the options that there are', () => {
    expect(() => createSystem({ clok: undefined } as never)).toThrow(
      'There are: name, clock, logger, telemetry, freezeMessages, crashIsolation, flightRecorder, longTurnMs.',
    );
  });

  test('takes what is undefined for left out', async () => {
    const system = createSystem({ name: undefined, logger: silentLogger } as never);
    expect(system.name).toBe('system');
    await system.stop();
  });
});
