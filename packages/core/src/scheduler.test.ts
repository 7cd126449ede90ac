import { describe, expect, test } from '@jest/globals';
import { createScheduler, type Schedulable } from './scheduler.ts';

function task(runTurn: () => void): Schedulable {
  return { queued: false, runTurn };
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createScheduler', () => {
  test('takes turns: one each, round robin, and nobody twice', async () => {
    const scheduler = createScheduler({ now: () => 0 });
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

  test('tells when a stretch of turns is over, be it one without turns', async () => {
    const seen: string[] = [];
    const scheduler = createScheduler({
      now: () => 0,
      maxTurns: 2,
      afterStretch: () => {
        seen.push('over');
      },
    });
    for (const name of ['a', 'b', 'c']) {
      scheduler.schedule(
        task(() => {
          seen.push(name);
        }),
      );
    }
    await immediate();
    await immediate();
    expect(seen).toEqual(['a', 'b', 'over', 'c', 'over']);
    scheduler.wake();
    scheduler.wake();
    await immediate();
    expect(seen).toEqual(['a', 'b', 'over', 'c', 'over', 'over']);
  });

  test('goes on after a turn, or who is told of it, threw', async () => {
    const faults: unknown[] = [];
    let turns = 0;
    const scheduler = createScheduler({
      onFault: (error) => faults.push(error),
      afterStretch: () => {
        if (turns === 1) throw new Error('after');
      },
    });
    const bad = task(() => {
      throw new Error('turn');
    });
    const good = task(() => (turns += 1));
    for (const one of [bad, good]) scheduler.schedule(one);
    await immediate();
    expect([faults, turns]).toEqual([[new Error('turn'), new Error('after')], 1]);
    scheduler.schedule(good);
    await immediate();
    expect(turns).toBe(2);
  });

  test('[MSG-007] after so many turns the event loop is let through', async () => {
    const scheduler = createScheduler({ now: () => 0, maxTurns: 10 });
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
    const scheduler = createScheduler({ now: () => 0, maxTurns: 2 });
    let turns = 0;
    const once = task(() => (turns += 1));
    for (let round = 0; round < 5; round++) {
      scheduler.schedule(once);
      await immediate();
    }
    expect(turns).toBe(5);
  });
});

/** A clock that only the turns move. */
function turnClock() {
  let nowMs = 0;
  let looks = 0;
  return {
    now: () => {
      looks += 1;
      return nowMs;
    },
    pass: (ms: number) => (nowMs += ms),
    get looks() {
      return looks;
    },
  };
}

describe('long turns', () => {
  test('[PRC-021] a turn that takes long is told, exactly when there are few', async () => {
    const clock = turnClock();
    const told: unknown[] = [];
    const scheduler = createScheduler({
      now: clock.now,
      longTurnMs: 10,
      onLongTurn: (tookMs, whose) => told.push([tookMs, whose]),
    });
    const turns = [1, 10, 9, 25].map((ms) => task(() => clock.pass(ms)));
    for (const turn of turns) scheduler.schedule(turn);
    clock.pass(1_000);
    for (let round = 0; round < 5; round++) await immediate();
    expect(told).toEqual([
      [10, [turns[1]]],
      [25, [turns[3]]],
    ]);
  });

  test('[PRC-021] the last turn of a stretch is told too', async () => {
    const clock = turnClock();
    const told: unknown[] = [];
    const scheduler = createScheduler({
      now: clock.now,
      longTurnMs: 10,
      onLongTurn: (tookMs, whose) => told.push([Math.round(tookMs), whose]),
    });
    const turns = [0.0002, 50].map((ms) => task(() => clock.pass(ms)));
    for (const turn of turns) scheduler.schedule(turn);
    await immediate();
    expect(told).toEqual([[50, [turns[1]]]]);
  });

  test('[PRC-021] among turns of microseconds the clock is looked at for 1 % of their time', async () => {
    const clock = turnClock();
    const scheduler = createScheduler({ now: clock.now, longTurnMs: 10, maxStretchMs: 1e9 });
    let left = 900;
    const busy = task(() => {
      clock.pass(0.0002);
      left -= 1;
      if (left > 0) scheduler.schedule(busy);
    });
    scheduler.schedule(busy);
    await immediate();
    expect(left).toBe(0);
    // One look costs as much as a quarter of such a turn: 1 % is one in 25, after a few at the beginning.
    expect(clock.looks).toBeGreaterThan(30);
    expect(clock.looks).toBeLessThan(45);
  });

  test('[PRC-021] a long turn among short ones is told with those beside it', async () => {
    const clock = turnClock();
    const told: (readonly [number, number])[] = [];
    const scheduler = createScheduler({
      now: clock.now,
      longTurnMs: 10,
      onLongTurn: (tookMs, whose) => told.push([Math.round(tookMs), whose.length]),
    });
    const turns = Array.from({ length: 400 }, (_, at) =>
      task(() => clock.pass(at === 300 ? 50 : 0.0002)),
    );
    for (const turn of turns) scheduler.schedule(turn);
    for (let round = 0; round < 5; round++) await immediate();
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toBe(50);
    expect(told[0]?.[1]).toBeLessThanOrEqual(26);
  });

  test('[MSG-007] turns that are long give way after each, not after many', async () => {
    const clock = turnClock();
    const scheduler = createScheduler({ now: clock.now });
    let turns = 0;
    const slow = task(() => {
      clock.pass(5);
      turns += 1;
      if (turns < 10) scheduler.schedule(slow);
    });
    scheduler.schedule(slow);
    await immediate();
    expect(turns).toBeLessThan(5);
    for (let round = 0; round < 12; round++) await immediate();
    expect(turns).toBe(10);
  });

  test('[MSG-007] turns give way after so long, though each is a stretch of its own', async () => {
    const clock = turnClock();
    const scheduler = createScheduler({ now: clock.now });
    let turns = 0;
    const slow = task(() => {
      clock.pass(3);
      turns += 1;
      // As who awaits the answer to a call and makes the next one.
      if (turns < 10) void Promise.resolve().then(() => scheduler.schedule(slow));
    });
    scheduler.schedule(slow);
    await immediate();
    expect(turns).toBeLessThanOrEqual(3);
    for (let round = 0; round < 12; round++) await immediate();
    expect(turns).toBe(10);
  });

  test('[MSG-007] long turns after many short ones give way after a few', async () => {
    const clock = turnClock();
    const scheduler = createScheduler({ now: clock.now });
    let long = 0;
    const turns = Array.from({ length: 400 }, (_, at) =>
      task(() => {
        clock.pass(at < 130 ? 0.0001 : 2);
        if (at >= 130) long += 1;
      }),
    );
    for (const turn of turns) scheduler.schedule(turn);
    await Promise.resolve();
    expect(long).toBeGreaterThan(0);
    expect(long).toBeLessThanOrEqual(32);
  });

  test('tells the rough time, as of its last look', async () => {
    const clock = turnClock();
    const scheduler = createScheduler({ now: clock.now });
    clock.pass(7.5);
    expect([scheduler.roughMs, scheduler.lookAtClock(), scheduler.roughMs]).toEqual([0, 7, 7]);
    clock.pass(5);
    scheduler.schedule(task(() => undefined));
    await immediate();
    expect(scheduler.roughMs).toBe(12);
  });
});
