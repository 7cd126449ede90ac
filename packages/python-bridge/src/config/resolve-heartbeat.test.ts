import { describe, expect, test } from '@jest/globals';
import { complaint, onlyPool, pool } from './resolved.fixture.ts';

describe('resolveConfig, heartbeat', () => {
  test.each([
    ['heartbeat.pingInterval', 1000, 60_000],
    ['heartbeat.timeoutThreshold', 5000, 300_000],
  ])('[R9.1] [R2.4] %s takes %i to %i ms and nothing else', (path, min, max) => {
    const key = path.split('.')[1] ?? '';
    const config = (value: unknown): unknown => ({
      pools: [{ ...pool, heartbeat: { [key]: value } }],
    });
    for (const value of [min, max]) {
      expect(onlyPool(config(value)).heartbeat).toMatchObject({ [`${key}Ms`]: value });
    }
    for (const value of [min - 1, max + 1, Number.NaN, '2000', min + 0.5, null]) {
      expect(complaint(config(value))).toContain(
        `pools[0].${path} is ${typeof value === 'string' ? '"2000"' : String(value)}; it must be a whole number of milliseconds from ${min} to ${max}.`,
      );
    }
  });

  test('heartbeat.busyTimeout takes 1000 ms to for ever, also from the environment', () => {
    const config = (busyTimeout: unknown): unknown => ({
      pools: [{ ...pool, heartbeat: { busyTimeout } }],
    });
    for (const value of [1000, 2_147_483_647, Infinity]) {
      expect(onlyPool(config(value)).heartbeat.busyTimeoutMs).toBe(value);
    }
    for (const value of [999, 0, Number.NaN, '2000']) {
      expect(complaint(config(value))).toContain(
        'it must be a whole number of milliseconds from 1000 to 2147483647, or Infinity.',
      );
    }
    const variables = { SNAKEPIT_HEARTBEAT_BUSY_TIMEOUT: '15000' };
    expect(onlyPool(config(Infinity), variables).heartbeat.busyTimeoutMs).toBe(15_000);
  });

  test('[R9.1] pinging less often alone does not make workers look dead between two pings', () => {
    const heartbeat = { pingInterval: 60_000 };
    expect(onlyPool({ pools: [{ ...pool, heartbeat }] }).heartbeat.timeoutThresholdMs).toBe(
      180_000,
    );
  });

  test('[R9.1] a threshold that is not longer than the interval is refused', () => {
    const heartbeat = { pingInterval: 20_000, timeoutThreshold: 10_000 };
    expect(complaint({ pools: [{ ...pool, heartbeat }] })).toContain(
      'pools[0].heartbeat.timeoutThreshold is 10000; it must be longer than heartbeat.pingInterval (20000)',
    );
  });
});
