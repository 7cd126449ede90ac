import { describe, expect, test } from '@jest/globals';
import { firstPace, paceAfter, type StartPace } from './start-pace.ts';

/** Lets a pace learn from so many starts that take as long as the machine says for so many at a time. */
function learn(begin: StartPace, starts: number, startMs: (atOnce: number) => number): StartPace {
  let pace = begin;
  for (let i = 0; i < starts; i++) pace = paceAfter(pace, startMs(pace.limit));
  return pace;
}

/** Starts that compute: more than processors share these. */
const computing = (processors: number, aloneMs: number) => (atOnce: number) =>
  aloneMs * Math.max(1, atOnce / processors);

describe('how many may be starting at the same time', () => {
  test.each([
    [1, 2, 3],
    [2, 4, 5],
    [8, 16, 21],
    [64, 128, 167],
  ])(
    '[I7.4] on %i processors about twice as many, where starts compute',
    (processors, low, high) => {
      const { limit } = learn(firstPace(processors, 1_000), 500, computing(processors, 100));
      expect(limit).toBeGreaterThanOrEqual(low);
      expect(limit).toBeLessThanOrEqual(high);
    },
  );

  test('[I7.4] as many as are allowed, where starts wait for something else', () => {
    expect(learn(firstPace(2, 40), 100, () => 3_000).limit).toBe(40);
  });

  test('[I7.4] never more than somebody has set, and one at the least', () => {
    expect(firstPace(8, 3).limit).toBe(3);
    expect(learn(firstPace(8, 3), 50, () => 100).limit).toBe(3);
    expect(learn(firstPace(8, 1), 50, computing(8, 100)).limit).toBe(1);
  });

  test('[I7.4] fewer when the machine has something else to do, and more again when it has not', () => {
    const quiet = learn(firstPace(4, 100), 200, computing(4, 100));
    const busy = learn(quiet, 50, (atOnce) => computing(4, 100)(atOnce) * 3);
    expect(busy.limit).toBe(8);
    expect(learn(busy, 200, () => 100).limit).toBe(100);
  });

  test('one start that was slow for a reason of its own changes little', () => {
    const before = learn(firstPace(4, 100), 200, computing(4, 100));
    const after = learn(paceAfter(before, 5_000), 40, computing(4, 100));
    expect(Math.abs(after.limit - before.limit)).toBeLessThanOrEqual(3);
  });

  test('a worker that was there already, and only says so, is no start', () => {
    const pace = firstPace(4, 100);
    expect(paceAfter(pace, 0.4)).toBe(pace);
  });
});
