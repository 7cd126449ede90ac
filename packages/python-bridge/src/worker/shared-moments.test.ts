import { describe, expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import { withBench } from './heartbeat-monitor.fixture.ts';
import { createSharedMoments, type Sleeper } from './shared-moments.ts';

/** Notes who was woken. */
function sleepers(woken: string[]) {
  return (name: string, onWake: () => void = () => undefined): Sleeper => ({
    wake: (isLate) => {
      woken.push(isLate ? `${name} late` : name);
      onWake();
    },
  });
}

describe('createSharedMoments', () => {
  test('[I7.5] has a timer for each moment, however many wait for it', async () => {
    const clock = createTestClock();
    const moments = createSharedMoments(clock);
    const woken: string[] = [];
    const sleeper = sleepers(woken);
    for (let i = 0; i < 1_000; i++) moments.wait(sleeper(String(i)), i % 2 === 0 ? 100 : 200);
    expect(clock.pending).toBe(2);
    await clock.advance(150);
    expect([woken.length, clock.pending]).toEqual([500, 1]);
    await clock.advance(50);
    expect([woken.length, new Set(woken).size, clock.pending]).toEqual([1_000, 1_000, 0]);
  });

  test('who leaves is not woken, and the last of a moment takes its timer along', async () => {
    const clock = createTestClock();
    const moments = createSharedMoments(clock);
    const woken: string[] = [];
    const sleeper = sleepers(woken);
    const [one, two] = [sleeper('one'), sleeper('two')];
    moments.wait(one, 100);
    moments.wait(two, 100);
    moments.leave(one);
    expect(clock.pending).toBe(1);
    moments.leave(two);
    moments.leave(two);
    expect(clock.pending).toBe(0);
    await clock.advance(200);
    expect(woken).toEqual([]);
  });

  test('who waits anew waits for the new moment only', async () => {
    const clock = createTestClock();
    const moments = createSharedMoments(clock);
    const woken: string[] = [];
    const again = sleepers(woken)('again', () => {
      if (woken.length < 3) moments.wait(again, clock.now() + 10);
    });
    moments.wait(again, 100);
    moments.wait(again, 50);
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    expect(woken).toEqual(['again']);
    await clock.advance(1_000);
    expect([woken, clock.pending]).toEqual([['again', 'again', 'again'], 0]);
  });

  test('one of a moment may let go of another before its turn', async () => {
    const clock = createTestClock();
    const moments = createSharedMoments(clock);
    const woken: string[] = [];
    const sleeper = sleepers(woken);
    const second = sleeper('second');
    const first = sleeper('first', () => {
      moments.leave(second);
    });
    moments.wait(first, 10);
    moments.wait(second, 10);
    await clock.advance(100);
    expect(woken).toEqual(['first']);
  });

  test('tells who comes late from who comes in time', async () => {
    const clock = createTestClock();
    const moments = createSharedMoments(clock);
    const woken: string[] = [];
    const sleeper = sleepers(woken);
    await clock.advance(1_000);
    moments.wait(sleeper('overdue'), 400);
    moments.wait(sleeper('due'), 1_000);
    await clock.advance(0);
    expect(woken).toEqual(['overdue late', 'due']);
  });
});

describe('the heartbeats of many workers', () => {
  test('[I7.5] have no more timers than an interval has moments: 50 workers need as many as 10', () =>
    withBench(async (bench) => {
      const pendingOf = async (count: number): Promise<number> => {
        let most = 0;
        for (let worker = 0; worker < count; worker++) {
          bench.start();
          await bench.clock.advance(37);
        }
        for (let step = 0; step < 20; step++) {
          await bench.clock.advance(100);
          most = Math.max(most, bench.clock.pending);
        }
        return most;
      };
      expect(await pendingOf(10)).toBeLessThanOrEqual(9);
      expect(await pendingOf(40)).toBeLessThanOrEqual(9);
      expect(bench.end).toBeUndefined();
      // All are asked in each interval all the same.
      const { length } = bench.pings;
      await bench.clock.advance(2_000);
      expect(bench.pings.length - length).toBe(50);
    }));
});
