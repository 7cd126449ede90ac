import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  countAt,
  emptyWindow,
  oldestExpiresAtSecond,
  recordAttempt,
  standingOf,
  type RestartWindow,
} from './restart-window.ts';

function attempts(window: RestartWindow, seconds: readonly number[]): RestartWindow {
  return seconds.reduce(recordAttempt, window);
}

describe('recordAttempt', () => {
  test('[INT-001] remembers whole seconds, newest first', () => {
    expect(attempts(emptyWindow(5, 5), [1, 2, 2, 4]).stamps).toEqual([
      [4, 1],
      [2, 2],
      [1, 1],
    ]);
  });

  test('[INT-002] keeps an entry that is exactly one period old, drops an older one', () => {
    expect(attempts(emptyWindow(9, 5), [10, 15]).count).toBe(2);
    expect(attempts(emptyWindow(9, 5), [10, 16]).count).toBe(1);
  });

  test('[INT-003] intensity 3 allows three restarts, the fourth gives up', () => {
    const three = attempts(emptyWindow(3, 5), [1, 1, 1]);
    expect(standingOf(three)).toBe('full');
    expect(standingOf(recordAttempt(three, 1))).toBe('exceeded');
  });

  test('[INT-004] intensity 0: the first attempt gives up', () => {
    expect(standingOf(recordAttempt(emptyWindow(0, 5), 1))).toBe('exceeded');
  });

  test.each([
    { firstMs: 1_050, gapMs: 1_850, gaveUp: true },
    { firstMs: 1_950, gapMs: 1_100, gaveUp: false },
    { firstMs: 1_999, gapMs: 1_000, gaveUp: true },
    { firstMs: 1_000, gapMs: 2_000, gaveUp: false },
  ])('[INT-005] period 1, crash at $firstMs ms and $gapMs ms later: gives up $gaveUp', (row) => {
    const seconds = [row.firstMs, row.firstMs + row.gapMs].map((ms) => Math.floor(ms / 1_000));
    expect(standingOf(attempts(emptyWindow(1, 1), seconds)) === 'exceeded').toBe(row.gaveUp);
  });

  test('[INT-011] a huge intensity needs one entry a second, and old ones go at the next attempt', () => {
    const stormy = attempts(emptyWindow(1_000_000, 1), new Array<number>(3_000).fill(7));
    expect(stormy.stamps).toEqual([[7, 3_000]]);
    expect(recordAttempt(stormy, 10).stamps).toEqual([[10, 1]]);
  });

  test('agrees with the plain list of OTP for any attempts', () => {
    const run = fc.record({
      intensity: fc.nat(4),
      period: fc.integer({ min: 1, max: 4 }),
      // Gaps around the period, where the answer changes.
      gaps: fc.array(fc.nat(5), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(run, ({ intensity, period, gaps }) => {
        let window = emptyWindow(intensity, period);
        let list: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          list = [now, ...list.filter((second) => second >= now - period)];
          window = recordAttempt(window, now);
          expect(window.count).toBe(list.length);
          expect(standingOf(window) === 'exceeded').toBe(list.length > intensity);
        }
      }),
    );
  });
});

describe('what a viewer reads', () => {
  test('countAt shows expiry and forgets nothing', () => {
    const window = attempts(emptyWindow(3, 5), [10, 12]);
    expect([countAt(window, 15), countAt(window, 16), countAt(window, 18)]).toEqual([2, 1, 0]);
    expect(window.count).toBe(2);
  });

  test('[INT-005] oldestExpiresAtSecond is period + 1 after the oldest', () => {
    expect(oldestExpiresAtSecond(emptyWindow(3, 5))).toBeUndefined();
    expect(oldestExpiresAtSecond(attempts(emptyWindow(3, 5), [10, 12]))).toBe(16);
  });
});
