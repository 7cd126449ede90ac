import { describe, expect, test } from '@jest/globals';
import { createTestClock, exitReason, type TimerRef } from './index.ts';
import { probe, quietSystem } from './probe.fixture.ts';

async function setUp() {
  const clock = createTestClock();
  const system = quietSystem({ clock });
  const a = await system.start(probe, {});
  const b = await system.start(probe, {}, { name: 'b' });
  return { clock, system, a, b };
}

describe('sendAfter', () => {
  test('[TMR-001] delivers not earlier than its time, and never in the same turn', async () => {
    const { clock, system, a } = await setUp();
    await a.call.runNow((self) => {
      self.sendAfter(0, 'at once');
      self.sendAfter(10, 'later');
      self.send(self.pid, 'sent after');
    });
    await expect(a.call.seen()).resolves.toEqual(['sent after']);
    await clock.advance(9);
    await expect(a.call.seen()).resolves.toEqual(['sent after', 'at once']);
    await clock.advance(1);
    await expect(a.call.seen()).resolves.toEqual(['sent after', 'at once', 'later']);
    await system.stop();
  });

  test('[TMR-002] [TMR-003] cancelling gives what was left, or false; a message that came stays', async () => {
    const { clock, system, a } = await setUp();
    const [early, late] = (await a.call.runNow((self) => [
      self.sendAfter(10, 'early'),
      self.sendAfter(100, 'late'),
    ])) as [TimerRef, TimerRef];
    await clock.advance(40);
    const left = await a.call.runNow((self) => [
      self.cancelTimer(early),
      self.cancelTimer(late),
      self.cancelTimer(late),
    ]);
    expect(left).toEqual([false, 60, false]);
    await clock.advance(100);
    await expect(a.call.seen()).resolves.toEqual(['early']);
    await system.stop();
  });

  test('[TMR-004] to a dead pid it does nothing; a name is looked up when it fires', async () => {
    const { clock, system, a, b } = await setUp();
    await a.call.runNow((self) => {
      self.sendAfter(10, 'to the dead', b.pid);
      self.sendAfter(10, 'by name', 'b');
      self.sendAfter(10, 'to nobody', 'nobody');
    });
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    const next = await system.start(probe, {}, { name: 'b' });
    await clock.advance(10);
    await expect(next.call.seen()).resolves.toEqual(['by name']);
    await system.stop();
  });

  test('[TMR-005] it outlives who set it', async () => {
    const { clock, system, a, b } = await setUp();
    await a.call.runNow((self) => self.sendAfter(10, 'legacy', b.pid));
    system.exit(a.pid, exitReason.kill);
    await system.awaitExit(a.pid);
    await clock.advance(10);
    await expect(b.call.seen()).resolves.toEqual(['legacy']);
    await system.stop();
  });

  test('[TMR-004] with its destination it is gone, and cancelling it is false', async () => {
    const { clock, system, a, b } = await setUp();
    const timer = (await a.call.runNow((self) => self.sendAfter(10, 'late', b.pid))) as TimerRef;
    await b.call.runNow((self) => self.sendAfter(10, 'to itself'));
    const before = clock.pending;
    system.exit(b.pid, exitReason.kill);
    await system.awaitExit(b.pid);
    expect(before - clock.pending).toBe(2);
    const late = (await a.call.runNow((self) => [
      self.cancelTimer(timer),
      self.cancelTimer(self.sendAfter(10, 'to the dead', b.pid)),
    ])) as unknown[];
    expect(late).toEqual([false, false]);
    await system.stop();
  });

  test('[TMR-004] a system that was stopped leaves no timer, also none to a name', async () => {
    const { clock, system, a } = await setUp();
    await a.call.runNow((self) => {
      self.sendAfter(60_000, 'to itself');
      self.sendAfter(60_000, 'by name', 'b');
    });
    await system.stop();
    expect(clock.pending).toBe(0);
  });

  test.each([-1, Number.NaN])('[TMR-006] a delay of %p is refused', async (delayMs) => {
    const { clock, system, a } = await setUp();
    await a.call.runNow((self) => {
      expect(() => self.sendAfter(delayMs, 'never')).toThrow(
        `the delay of a timer ${String(delayMs)} cannot be used: it must be 0 or more milliseconds.`,
      );
    });
    expect(clock.pending).toBe(0);
    await system.stop();
  });
});
