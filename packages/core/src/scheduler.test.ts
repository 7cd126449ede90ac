import { describe, expect, test } from '@jest/globals';
import { createScheduler, type Schedulable } from './scheduler.ts';

function task(runTurn: () => void): Schedulable {
  return { queued: false, runTurn };
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createScheduler', () => {
  test('takes turns: one each, round robin, and nobody twice', async () => {
    const scheduler = createScheduler();
    const order: string[] = [];
    const make = (name: string): Schedulable => {
      let left = 3;
      const self = task(() => {
        order.push(name);
        left -= 1;
        if (left > 0) scheduler.schedule(self);
      });
      return self;
    };
    const [a, b] = [make('a'), make('b')];
    for (const one of [a, b, a]) scheduler.schedule(one);
    expect([scheduler.length, order]).toEqual([2, []]);
    await Promise.resolve();
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(scheduler.length).toBe(0);
  });

  test('[MSG-007] after so many turns the event loop is let through', async () => {
    const scheduler = createScheduler({ maxTurns: 10 });
    let turns = 0;
    let goOn = true;
    const endless = task(() => {
      turns += 1;
      if (goOn) scheduler.schedule(endless);
    });
    scheduler.schedule(endless);
    await immediate();
    expect(turns).toBeGreaterThanOrEqual(10);
    const seen = turns;
    await immediate();
    expect(turns - seen).toBeLessThanOrEqual(20);
    goOn = false;
    await immediate();
    expect(scheduler.length).toBe(0);
  });

  test('[MSG-007] after so long the event loop is let through, however few the turns', async () => {
    const scheduler = createScheduler({ maxTurns: 1e9, maxStretchMs: 0 });
    let turns = 0;
    let goOn = true;
    const endless = task(() => {
      turns += 1;
      if (goOn) scheduler.schedule(endless);
    });
    scheduler.schedule(endless);
    await immediate();
    const seen = turns;
    await immediate();
    expect(turns).toBeGreaterThan(seen);
    goOn = false;
    await immediate();
  });

  test('a budget that was used up is renewed when there is work again', async () => {
    const scheduler = createScheduler({ maxTurns: 2 });
    let turns = 0;
    const once = task(() => (turns += 1));
    for (let round = 0; round < 5; round++) {
      scheduler.schedule(once);
      await immediate();
    }
    expect(turns).toBe(5);
  });
});
