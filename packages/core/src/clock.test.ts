import { describe, expect, test } from '@jest/globals';
import { createSystemClock, createTestClock } from './index.ts';

describe('createSystemClock', () => {
  test('[TMR-007] is monotonic: setting the wall clock back changes nothing', () => {
    const clock = createSystemClock();
    const before = clock.now();
    const { now } = Date;
    Date.now = () => 0;
    try {
      expect(clock.now()).toBeGreaterThanOrEqual(before);
    } finally {
      Date.now = now;
    }
  });

  test('runs what is due, and not what is cancelled', async () => {
    const clock = createSystemClock();
    const ran: string[] = [];
    const cancelled = clock.setTimeout(() => ran.push('cancelled'), 0);
    clock.clearTimeout(cancelled);
    clock.clearTimeout(undefined);
    await new Promise<void>((resolve) => {
      clock.setTimeout(() => {
        ran.push('due');
        resolve();
      }, 1);
    });
    expect(ran).toEqual(['due']);
  });

  test('[TMR-001] [TMR-007] is never early, not by a part of a millisecond', async () => {
    const clock = createSystemClock();
    const delays = Array.from({ length: 100 }, (_, at) => 1 + at * 0.17);
    const early = await Promise.all(
      delays.map(async (delayMs) => {
        await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
        const begunMs = clock.now();
        await new Promise<void>((resolve) => clock.setTimeout(resolve, delayMs));
        return delayMs - (clock.now() - begunMs);
      }),
    );
    expect(early.filter((byMs) => byMs > 0)).toEqual([]);
  });

  test('[TMR-006] chains delays that are too long for the platform', () => {
    const armed: {
      readonly run: (...args: unknown[]) => void;
      readonly delayMs: number;
      readonly args: unknown[];
    }[] = [];
    const { setTimeout: original } = globalThis;
    const longest = 2_147_483_647;
    let ran = 0;
    globalThis.setTimeout = ((run: () => void, delayMs: number, ...args: unknown[]) =>
      armed.push({ run, delayMs, args })) as never;
    try {
      createSystemClock().setTimeout(() => (ran += 1), 2 * longest + 5);
      // Each one that runs arms the next, which the loop then reaches.
      for (const { run, args } of armed) run(...args);
    } finally {
      globalThis.setTimeout = original;
    }
    expect(armed.map(({ delayMs }) => delayMs)).toEqual([longest, longest, 6]);
    expect(ran).toBe(1);
  });

  test('[TMR-006] a long delay does not fire at once, and can be cancelled', async () => {
    const clock = createSystemClock();
    let fired = false;
    const timer = clock.setTimeout(() => (fired = true), 3_000_000_000);
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
    expect(fired).toBe(false);
    clock.clearTimeout(timer);
  });
});

describe('createTestClock', () => {
  test('stands still until it is moved, and runs what is due in order of time', async () => {
    const clock = createTestClock();
    const ran: [string, number][] = [];
    const note = (what: string) => () => {
      ran.push([what, clock.now()]);
    };
    clock.setTimeout(note('second'), 20);
    clock.setTimeout(note('first'), 10);
    clock.setTimeout(() => {
      clock.setTimeout(note('set by another'), 5);
    }, 12);
    clock.setTimeout(note('in the past'), -5);
    clock.clearTimeout(clock.setTimeout(note('cancelled'), 1));
    expect(clock.pending).toBe(4);
    await clock.advance(15);
    expect(ran).toEqual([
      ['in the past', 0],
      ['first', 10],
    ]);
    await clock.advance(10);
    expect(ran.slice(2)).toEqual([
      ['set by another', 17],
      ['second', 20],
    ]);
    expect([clock.now(), clock.pending]).toEqual([25, 0]);
  });
});
