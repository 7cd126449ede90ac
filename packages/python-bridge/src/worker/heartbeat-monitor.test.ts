import { describe, expect, test } from '@jest/globals';
import { heartbeatTimeout } from './heartbeat-fault.ts';
import { refused, withBench } from './heartbeat-monitor.fixture.ts';

describe('the beats', () => {
  test('[R2.2] [T1.1] with defaults a hang is found within 10 s of the last answer', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(7_000);
      expect(bench.bad).toEqual([]);
      const lastMs = bench.pings.at(-1)?.atMs ?? 0;
      bench.answerAfterMs = undefined;
      await bench.clock.advance(10_000);
      const misses = [1, 2, 3].map((n) => `beats missed ${String(n)}`);
      expect(bench.bad).toEqual([...misses, 'failed w1 beats']);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.beats, atMs: lastMs + 8_000 });
    }));

  test('[R2.2] a worker that never answers is found, too', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start();
      await bench.clock.advance(6_000);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.beats, atMs: 6_000 });
    }));

  test('[R2.2] [R2.4] the threshold counts where the misses would take longer', () =>
    withBench(async (bench) => {
      bench.start({ pingIntervalMs: 9_000, timeoutThresholdMs: 10_000 });
      await bench.clock.advance(0);
      bench.answerAfterMs = undefined;
      await bench.clock.advance(9_700);
      expect(bench.end).toBeUndefined();
      await bench.clock.advance(100);
      // A part before it is over, because a timer may be late.
      expect(bench.end).toEqual({ reason: heartbeatTimeout.beats, atMs: 9_750 });
      expect(bench.bad).toEqual(['failed w1 beats']);
    }));

  test('[R2.4] they come at the interval that was asked for, without drifting', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = 300;
      bench.start({ pingIntervalMs: 1_700, timeoutThresholdMs: 60_000 });
      await bench.clock.advance(8_600);
      expect(bench.pings.map(({ atMs }) => atMs)).toEqual([0, 1_700, 3_400, 5_100, 6_800, 8_500]);
    }));

  test('workers that were started one after the other are soon asked together', () =>
    withBench(async (bench) => {
      for (const afterMs of [0, 30, 200, 20]) {
        await bench.clock.advance(afterMs);
        bench.start();
      }
      await bench.clock.advance(4_250);
      const times = bench.pings.map(({ atMs }) => atMs);
      expect(times).toEqual([
        0, 30, 230, 250, 2_000, 2_250, 2_250, 2_250, 4_000, 4_250, 4_250, 4_250,
      ]);
    }));

  test('an answer after two misses begins anew', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = 5_500;
      bench.start();
      await bench.clock.advance(5_500);
      expect(bench.events.filter((event) => event.startsWith('beats'))).toEqual([
        'beats missed 1',
        'beats missed 2',
        'beats received 5500',
      ]);
      bench.answerAfterMs = 0;
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
      expect(bench.context().beats).toMatchObject({ missed: 0, latencyMs: 0 });
    }));

  test('an answer nobody asked for, or a second one, is none', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start();
      await bench.clock.advance(0);
      bench.answer(99);
      bench.answer(1);
      bench.answer(1);
      await bench.clock.advance(0);
      expect(bench.events).toEqual(['beats received 0']);
    }));

  test('an answer that is there already is heard before the verdict', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start({ maxMissed: 1 });
      await bench.clock.advance(1_000);
      // As when the timer and the input fall into one turn of the event loop: timers come first.
      bench.clock.setTimeout(() => {
        bench.answer(1);
      }, 1_000);
      await bench.clock.advance(1_000);
      expect(bench.events).toEqual(['beats received 2000']);
      expect(bench.end).toBeUndefined();
    }));
});

describe('the serving path', () => {
  test('[R2.2] is asked each second interval, with a time limit', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(13_000);
      expect(bench.server.times).toEqual([4_000, 8_000, 12_000]);
      expect(bench.server.asked[0]?.deadlineMs).toBe(10_000);
      expect(bench.context().serving).toEqual({ missed: 0, latencyMs: 0, answeredAtMs: 12_000 });
    }));

  test('[R2.2] a server that accepts and never answers is found within 10 s of its last answer', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(4_000);
      bench.server.behave = 'accept';
      await bench.clock.advance(10_000);
      const misses = [1, 2].map((n) => `serving missed ${String(n)}`);
      expect(bench.bad).toEqual([...misses, 'failed w1 serving']);
      // With room for a timer that is late: it had answered at 4,000.
      expect(bench.end).toEqual({ reason: heartbeatTimeout.serving, atMs: 13_500 });
    }));

  test('[R2.2] the same when calls had succeeded until then', () =>
    withBench(async (bench) => {
      bench.start();
      for (let second = 0; second < 20; second++) {
        bench.server.succeeded += 1;
        await bench.clock.advance(1_000);
      }
      expect(bench.server.asked).toEqual([]);
      bench.server.behave = 'accept';
      await bench.clock.advance(10_000);
      expect(bench.end?.reason).toEqual(heartbeatTimeout.serving);
    }));

  test('calls that succeed while its ping has no answer show that it serves', () =>
    withBench(async (bench) => {
      bench.server.behave = 'accept';
      bench.start();
      await bench.clock.advance(7_000);
      expect(bench.bad).toEqual(['serving missed 1']);
      bench.server.succeeded += 1;
      await bench.clock.advance(1_000);
      expect(bench.context().serving.missed).toBe(0);
    }));

  test('[R2.2] where the threshold is near, it is asked each interval, and calls do not excuse it', () =>
    withBench(async (bench) => {
      bench.start({ pingIntervalMs: 4_000, timeoutThresholdMs: 5_000, maxMissed: 100 });
      for (let second = 0; second < 21; second++) {
        bench.server.succeeded += 1;
        await bench.clock.advance(1_000);
      }
      expect(bench.server.times).toEqual([4_000, 8_000, 12_000, 16_000, 20_000]);
      bench.server.behave = 'accept';
      await bench.clock.advance(8_000);
      // When in its interval the last call had succeeded is not known: the end of that counts.
      expect(bench.end).toEqual({ reason: heartbeatTimeout.serving, atMs: 28_750 });
    }));

  test('a late answer of an earlier ping is an answer', () =>
    withBench(async (bench) => {
      bench.server.behave = 'accept';
      bench.start();
      await bench.clock.advance(7_000);
      bench.server.asked[0]?.answer();
      await bench.clock.advance(0);
      expect(bench.context().serving).toMatchObject({ missed: 0, latencyMs: 3_000 });
      bench.server.behave = 'answer';
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
    }));

  test('[R10.1] a refusal is retried after pauses that double, up to an interval, within the budget', () =>
    withBench(async (bench) => {
      bench.server.behave = 'refuse';
      bench.start({ maxMissed: 6, timeoutThresholdMs: 60_000 });
      await bench.clock.advance(20_000);
      expect(bench.server.times).toEqual([4_000, 4_500, 5_500, 7_500, 9_500, 11_500]);
      expect(bench.bad.slice(0, 2)).toEqual([
        'serving missed 1 refused',
        'serving missed 2 refused',
      ]);
      expect(bench.bad.at(-1)).toBe('failed w1 serving');
      expect(bench.end).toEqual({ reason: heartbeatTimeout.serving, atMs: 11_500 });
    }));

  test('[R10.1] a refusal that passes leaves no trace', () =>
    withBench(async (bench) => {
      bench.server.behave = 'refuse';
      bench.start();
      await bench.clock.advance(4_600);
      expect(bench.context().serving.missed).toBe(2);
      bench.server.behave = 'answer';
      await bench.clock.advance(60_000);
      expect(bench.context().serving.missed).toBe(0);
      expect(bench.bad).toHaveLength(2);
      expect(bench.end).toBeUndefined();
    }));

  test('a retried ping has a whole interval for its answer', () =>
    withBench(async (bench) => {
      bench.server.behave = 'refuse';
      bench.start({ maxMissed: 2 });
      await bench.clock.advance(4_400);
      bench.server.behave = 'accept';
      await bench.clock.advance(2_000);
      expect(bench.end).toBeUndefined();
      await bench.clock.advance(200);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.serving, atMs: 6_500 });
    }));

  test('a lost connection that fails several pings is one miss', () =>
    withBench(async (bench) => {
      bench.server.behave = 'accept';
      bench.start({ maxMissed: 5 });
      await bench.clock.advance(8_100);
      expect(bench.server.asked).toHaveLength(3);
      for (const { refuse } of bench.server.asked) refuse(refused());
      await bench.clock.advance(0);
      expect(bench.context().serving.missed).toBe(3);
    }));

  test('one that says it is not well counts as one that refuses', () =>
    withBench(async (bench) => {
      bench.server.behave = 'accept';
      bench.start();
      await bench.clock.advance(4_000);
      bench.server.asked[0]?.answer(false);
      await bench.clock.advance(0);
      expect(bench.bad).toEqual(['serving missed 1 refused']);
    }));

  test('[R2.2] an event loop that is stuck for longer than the threshold is a miss where no ping tells it', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(5_000);
      bench.pong = { loopLagMs: 10_001 };
      bench.server.behave = 'accept';
      await bench.clock.advance(1_000);
      expect(bench.bad).toEqual(['serving missed 1']);
      expect(bench.server.times).toEqual([4_000, 6_000]);
      await bench.clock.advance(4_000);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.serving, atMs: 10_000 });
    }));
});

describe('a busy worker', () => {
  test('is kept by default, however long its call takes', () =>
    withBench(async (bench) => {
      bench.pong = { oldestCallMs: 86_400_000, inFlight: 1 };
      bench.start();
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
    }));

  test('[I4.3] is replaced when its oldest call takes longer than busyTimeout', () =>
    withBench(async (bench) => {
      bench.pong = { oldestCallMs: 15_000, inFlight: 1 };
      bench.start({ busyTimeoutMs: 15_000 });
      await bench.clock.advance(3_000);
      expect(bench.end).toBeUndefined();
      bench.pong = { oldestCallMs: 15_001, inFlight: 1 };
      await bench.clock.advance(1_000);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.busy, atMs: 4_000 });
      expect(bench.bad).toEqual(['failed w1 busy']);
    }));
});
