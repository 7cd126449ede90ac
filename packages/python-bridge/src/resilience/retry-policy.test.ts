import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { retryDelayMs } from './retry-policy.ts';

const settings = { maxAttempts: 4, initialMs: 100, maxMs: 250, factor: 2, jitter: 0 };

test('[I5.9] pauses grow to the longest, and end with the attempts', () => {
  const delays = [1, 2, 3, 4].map((attempts) => retryDelayMs(settings, attempts, Infinity));
  expect(delays).toEqual([100, 200, 250, undefined]);
  expect(retryDelayMs({ ...settings, maxAttempts: 1 }, 1, Infinity)).toBeUndefined();
});

test('[I5.9] a call is not tried again when the pause would outlast its caller', () => {
  expect(retryDelayMs(settings, 1, 101)).toBe(100);
  expect(retryDelayMs(settings, 1, 100)).toBeUndefined();
});

test('[I5.9] jitter makes a pause shorter or longer, never longer than the longest', () => {
  const pause = (random: number) =>
    retryDelayMs({ ...settings, jitter: 0.25 }, 1, Infinity, () => random);
  expect([pause(0), pause(0.5), pause(1)]).toEqual([75, 100, 125]);
  fc.assert(
    fc.property(
      fc.record({
        maxAttempts: fc.constant(100),
        initialMs: fc.integer({ min: 0, max: 60_000 }),
        maxMs: fc.integer({ min: 0, max: 600_000 }),
        factor: fc.double({ min: 1, max: 10, noNaN: true }),
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.integer({ min: 1, max: 99 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (any, attempts, random) => {
        const ms = retryDelayMs(any, attempts, Infinity, () => random) ?? -1;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(any.maxMs);
      },
    ),
  );
});
