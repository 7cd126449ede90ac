import { availableParallelism } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import type { SnakepitConfig } from './config.ts';
import { complaint, onlyPool, pool, resolved } from './resolved.fixture.ts';

describe('resolveConfig', () => {
  test('[R4.5] [R9.2] [R9.5] the watchdog is off; on for all pools, for one, for all but one, by the environment', () => {
    const watched = (top: object, own: object, env: Record<string, string> = {}): boolean =>
      onlyPool({ ...top, pools: [{ ...pool, ...own }] }, env).watchdog;
    expect(watched({}, {})).toBe(false);
    expect(watched({ watchdog: true }, {})).toBe(true);
    expect(watched({}, { watchdog: true })).toBe(true);
    expect(watched({ watchdog: true }, { watchdog: false })).toBe(false);
    expect(watched({}, {}, { SNAKEPIT_WATCHDOG: 'true' })).toBe(true);
    expect(watched({ watchdog: true }, {}, { SNAKEPIT_WATCHDOG: 'false' })).toBe(false);
    expect(complaint({ watchdog: 'on', pools: [pool] })).toContain('watchdog is "on"');
  });

  test('fills in every default', () => {
    const config: SnakepitConfig = { pools: [pool] };
    expect(onlyPool(config)).toEqual({
      name: 'default',
      adapter: 'my_app.adapter.MyAdapter',
      adapterArgs: [],
      size: availableParallelism(),
      concurrency: 1,
      profile: 'process',
      threadsPerWorker: 10,
      threadSafetyCheck: 'off',
      python: undefined,
      pythonPath: [],
      cwd: '/srv/app',
      env: {},
      startupTimeoutMs: 30_000,
      requestTimeoutMs: 60_000,
      streamTimeoutMs: 900_000,
      cancelGraceMs: Infinity,
      queueTimeoutMs: 10_000,
      maxQueueSize: 1000,
      startupBatchSize: 10,
      startupBatchDelayMs: 0,
      heartbeat: {
        enabled: true,
        pingIntervalMs: 2000,
        timeoutThresholdMs: 10_000,
        maxMissed: 3,
        busyTimeoutMs: Infinity,
      },
      gracefulShutdownTimeoutMs: 30_000,
      termTimeoutMs: 3000,
      launch: 'auto',
      preload: [],
      descendants: 'usual',
      unserializable: 'error',
      callPath: 'auto',
      maxValueBytes: 2_147_483_647,
      watchdog: false,
      recycle: {
        maxAgeMs: Infinity,
        maxRequests: Infinity,
        maxMemoryBytes: Infinity,
        checkIntervalMs: 60_000,
        jitter: 0.1,
      },
      circuitBreaker: {
        ...{ enabled: false, failureThreshold: 5, failureWindowMs: 60_000 },
        ...{ resetTimeoutMs: 30_000, halfOpenMaxCalls: 1 },
        ...{ countTimeouts: false, countExceptions: false },
      },
      retry: { maxAttempts: 3, initialMs: 10, maxMs: 30_000, factor: 2, jitter: 0.25 },
      crashBarrier: { enabled: true, maxDeaths: 2, rememberMs: 60_000 },
      restart: {
        maxRestarts: 3,
        periodMs: 10_000,
        backoff: { initialMs: 100, maxMs: 30_000, factor: 2, jitter: 0.25 },
      },
    });
    const unsaid = { stateDir: undefined, socketDir: undefined, logger: undefined };
    expect(resolved(config)).toMatchObject({
      ...unsaid,
      telemetry: {
        ...{ bus: undefined, disabled: [], log: false },
        python: { enabled: true, sampling: 1, sampled: [], allow: [], deny: [] },
      },
      handleSignals: true,
    });
  });

  test('the result cannot be changed, at any depth', () => {
    const config = resolved({ pools: [{ ...pool, env: { A: '1' } }] });
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(visit);
    };
    visit(config);
  });

  test('a value of the top level is the default of all pools, a pool says otherwise key by key', () => {
    const config = resolved({
      size: 2,
      adapter: 'shared.Adapter',
      heartbeat: { pingInterval: 3000, maxMissed: 5 },
      env: { A: 'top', B: 'top' },
      pools: [
        { name: 'a' },
        {
          name: 'b',
          size: 7,
          heartbeat: { maxMissed: 1 },
          env: { B: 'own' },
          adapter: 'own.Adapter',
        },
      ],
    });
    const [a, b] = config.pools;
    expect(a).toMatchObject({ size: 2, adapter: 'shared.Adapter', env: { A: 'top', B: 'top' } });
    expect(a?.heartbeat).toMatchObject({ pingIntervalMs: 3000, maxMissed: 5 });
    expect(b).toMatchObject({ size: 7, adapter: 'own.Adapter', env: { A: 'top', B: 'own' } });
    expect(b?.heartbeat).toMatchObject({ pingIntervalMs: 3000, maxMissed: 1 });
  });

  test('paths become absolute: cwd from Node, pythonPath from the cwd of the pool', () => {
    const config = {
      stateDir: 'state',
      pools: [{ ...pool, cwd: 'py', pythonPath: ['lib', '/x'] }],
    };
    expect(onlyPool(config)).toMatchObject({
      cwd: '/srv/app/py',
      pythonPath: ['/srv/app/py/lib', '/x'],
    });
    expect(resolved(config).stateDir).toBe('/srv/app/state');
  });

  test('descendants are "usual" or "strict": of all pools, of one, or from the environment', () => {
    const config = {
      descendants: 'strict',
      pools: [pool, { ...pool, name: 'b', descendants: 'usual' }],
    };
    expect(resolved(config).pools.map(({ descendants }) => descendants)).toEqual([
      'strict',
      'usual',
    ]);
    const env = { SNAKEPIT_DESCENDANTS: 'strict' };
    expect(onlyPool({ pools: [{ ...pool, descendants: 'usual' }] }, env).descendants).toBe(
      'strict',
    );
    expect(complaint({ pools: [{ ...pool, descendants: true }] })).toContain(
      'pools[0].descendants is true; it must be "usual" or "strict".',
    );
    expect(complaint({ pools: [pool] }, { SNAKEPIT_DESCENDANTS: 'Strict' })).toContain(
      'SNAKEPIT_DESCENDANTS is "Strict"; it must be "usual" or "strict".',
    );
  });

  test('timeouts of calls may be endless, others not', () => {
    const config = { pools: [{ ...pool, requestTimeout: Infinity, queueTimeout: Infinity }] };
    expect(onlyPool(config)).toMatchObject({
      requestTimeoutMs: Infinity,
      queueTimeoutMs: Infinity,
    });
    expect(complaint({ pools: [{ ...pool, startupTimeout: Infinity }] })).toContain(
      'pools[0].startupTimeout is Infinity; it must be a whole number of milliseconds from 100 to 2147483647',
    );
  });
});

describe('resolveConfig, ranges', () => {
  test('[R9.3] gracefulShutdownTimeout takes 5 to 300 s and nothing else', () => {
    for (const value of [5000, 300_000]) {
      const config = { pools: [{ ...pool, gracefulShutdownTimeout: value }] };
      expect(onlyPool(config).gracefulShutdownTimeoutMs).toBe(value);
    }
    for (const value of [4999, 300_001, -1]) {
      expect(complaint({ gracefulShutdownTimeout: value, pools: [pool] })).toContain(
        `gracefulShutdownTimeout is ${value}; it must be a whole number of milliseconds from 5000 to 300000.`,
      );
    }
  });

  test.each([[0], [-1], [Number.NaN], [1.5], ['4'], [null], [10_001], [4n], [[]]])(
    '[I2.7] pool size %p is refused with the allowed range',
    (size) => {
      const message = complaint({ pools: [{ ...pool, size }] });
      expect(message).toContain('pools[0].size is ');
      expect(message).toContain('it must be a whole number from 1 to 10000.');
      expect(message).toContain('Remedy: correct "pools[0].size"; nothing was started.');
    },
  );
});

describe('resolveConfig, faults', () => {
  test('[I2.7] an unknown key is answered with what was probably meant', () => {
    const config = {
      pols: [],
      pools: [
        { ...pool, heartbeats: {}, pool_size: 3, heartbeat: { ping_interval: 2000 }, colour: 1 },
      ],
    };
    const message = complaint(config);
    expect(message).toContain('pols is not an option; did you mean "pools"?');
    expect(message).toContain('pools[0].heartbeats is not an option; did you mean "heartbeat"?');
    expect(message).toContain('pools[0].pool_size is not an option; did you mean "size"?');
    expect(message).toContain(
      'pools[0].heartbeat.ping_interval is not an option; did you mean "pingInterval"?',
    );
    expect(message).toContain('pools[0].colour is not an option; the keys here are name, size,');
  });

  test('all faults are told at once', () => {
    const message = complaint({
      size: 'many',
      ...{ stateDir: '', handleSignals: 'yes' },
      ...{ logger: console.log, telemetry: { bus: { on: console.log } } },
      pools: [{ name: 'a b', size: 0 }, 7, { ...pool, heartbeat: true, env: { A: 1 } }],
    });
    expect(message).toContain('the configuration has 11 faults:');
    for (const part of [
      'size is "many"',
      'stateDir is ""; it must be a text that is not empty',
      'handleSignals is "yes"; it must be true or false',
      'logger is a function; it must be an object with the functions debug, info, warn, error',
      'telemetry.bus is an object; it must be an object with the functions enabled, emit, on, attachMany, detach',
      'pools[0].name is "a b"; it must be 1 to 64 letters',
      'pools[0].size is 0',
      'pools[0].adapter is missing; it must be the dotted path of a Python class',
      'pools[1] is 7; it must be an object with at least name and adapter',
      'pools[2].heartbeat is true; it must be an object with some of the keys enabled, pingInterval',
      'pools[2].env is an object; it must be an object of strings',
    ]) {
      expect(message).toContain(part);
    }
  });

  test('the names of pools differ', () => {
    expect(complaint({ pools: [pool, { ...pool }] })).toContain(
      'pools[1].name is "default", which pools[0] is called already',
    );
  });

  test.each([
    [undefined, 'the configuration is undefined; it must be an object such as'],
    [[pool], 'the configuration is an array of 1; it must be an object such as'],
    [{}, 'pools is missing; it must be an array with at least one pool'],
    [{ pools: [] }, 'pools is an array of 0; it must be an array with at least one pool'],
    [{ pools: pool }, 'pools is an object; it must be an array with at least one pool'],
    [
      { pools: [{ name: 'x', adapter: 'NoDots' }] },
      'pools[0].adapter is "NoDots"; it must be the dotted path',
    ],
    [{ pools: [{ adapter: 'a.B' }] }, 'pools[0].name is missing'],
  ])('%j: %s', (config, expected) => {
    expect(complaint(config)).toContain(expected);
  });

  test('undefined means not said', () => {
    const config = {
      pools: [{ ...pool, size: undefined, heartbeat: undefined }],
      stateDir: undefined,
    };
    expect(onlyPool(config).size).toBe(availableParallelism());
  });
});
