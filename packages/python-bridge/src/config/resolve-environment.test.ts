import { describe, expect, test } from '@jest/globals';
import { complaint, onlyPool, pool, resolved } from './resolved.fixture.ts';

describe('resolveConfig, environment', () => {
  test('[R9.5] variables win over the configuration, for every pool', () => {
    const config = resolved(
      {
        stateDir: '/from/config',
        pools: [
          { ...pool, size: 3, python: '/usr/bin/python3' },
          { name: 'b', adapter: 'a.B' },
        ],
      },
      {
        SNAKEPIT_POOL_SIZE: ' 5 ',
        SNAKEPIT_HEARTBEAT_PING_INTERVAL: '4000',
        SNAKEPIT_GRACEFUL_SHUTDOWN_TIMEOUT: '7000',
        SNAKEPIT_PYTHON: 'python3.12',
        SNAKEPIT_STATE_DIR: 'run',
        SNAKEPIT_HEARTBEAT_ENABLED: 'false',
        SNAKEPIT_REQUEST_TIMEOUT: 'Infinity',
      },
    );
    expect(config.stateDir).toBe('/srv/app/run');
    for (const each of config.pools) {
      expect(each).toMatchObject({
        size: 5,
        gracefulShutdownTimeoutMs: 7000,
        requestTimeoutMs: Infinity,
        python: { path: 'python3.12', source: 'SNAKEPIT_PYTHON' },
        heartbeat: { pingIntervalMs: 4000, enabled: false },
      });
    }
  });

  test('[R9.5] a wrong value names the variable and the same range', () => {
    const message = complaint(
      { pools: [pool] },
      {
        SNAKEPIT_POOL_SIZE: 'four',
        SNAKEPIT_HEARTBEAT_PING_INTERVAL: '500',
        SNAKEPIT_GRACEFUL_SHUTDOWN_TIMEOUT: '0x2000',
        SNAKEPIT_HEARTBEAT_ENABLED: 'perhaps',
      },
    );
    expect(message).toContain(
      'SNAKEPIT_POOL_SIZE is "four"; it must be a whole number from 1 to 10000.',
    );
    expect(message).toContain(
      'SNAKEPIT_HEARTBEAT_PING_INTERVAL is "500"; it must be a whole number of milliseconds from 1000 to 60000.',
    );
    expect(message).toContain('SNAKEPIT_GRACEFUL_SHUTDOWN_TIMEOUT is "0x2000"');
    expect(message).toContain('SNAKEPIT_HEARTBEAT_ENABLED is "perhaps"; it must be true or false.');
  });

  test('[R9.5] an empty variable says nothing', () => {
    const config = { pools: [{ ...pool, size: 3, python: 'py' }] };
    expect(onlyPool(config, { SNAKEPIT_POOL_SIZE: '', SNAKEPIT_PYTHON: '  ' })).toMatchObject({
      size: 3,
      python: { path: 'py', source: 'pools[0].python' },
    });
  });
});
