import { describe, expect, test } from '@jest/globals';
import { complaint, onlyPool, pool } from './resolved.fixture.ts';

describe('resolveConfig, profile', () => {
  test('[I5.7] a worker of the thread profile executes threadsPerWorker calls, one of the process profile concurrency', () => {
    const top = { concurrency: 3, threadsPerWorker: 6 };
    const concurrencyOf = (own: object, env: Record<string, string> = {}): number =>
      onlyPool({ ...top, pools: [{ ...pool, ...own }] }, env).concurrency;
    expect(concurrencyOf({})).toBe(3);
    expect(concurrencyOf({ profile: 'thread' })).toBe(6);
    expect(concurrencyOf({ profile: 'thread', threadsPerWorker: 2 })).toBe(2);
    expect(concurrencyOf({}, { SNAKEPIT_PROFILE: 'thread' })).toBe(6);
    expect(concurrencyOf({ profile: 'thread' }, { SNAKEPIT_THREADS_PER_WORKER: '8' })).toBe(8);
    expect(onlyPool({ pools: [{ ...pool, profile: 'thread' }] })).toMatchObject({
      concurrency: 10,
      threadSafetyCheck: 'off',
    });
  });

  test('[I5.7] a number that does not count in its profile is refused where the pool itself says it', () => {
    expect(complaint({ pools: [{ ...pool, profile: 'thread', concurrency: 4 }] })).toContain(
      'pools[0].concurrency is 4; with profile "thread" it does not count, say threadsPerWorker instead.',
    );
    expect(complaint({ pools: [{ ...pool, threadsPerWorker: 4 }] })).toContain(
      'pools[0].threadsPerWorker is 4; with profile "process" it does not count, say concurrency instead.',
    );
  });

  test.each([
    ['profile', 'threads', '"process" or "thread"'],
    ['threadsPerWorker', 0, 'a whole number from 1 to 1000'],
    ['threadsPerWorker', 1001, 'a whole number from 1 to 1000'],
    ['threadSafetyCheck', true, '"off" or "warn" or "strict"'],
  ])('%s %p is refused', (key, value, expected) => {
    expect(complaint({ [key]: value, pools: [pool] })).toContain(`it must be ${expected}.`);
  });
});
