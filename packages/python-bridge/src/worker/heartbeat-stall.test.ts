import { describe, expect, test } from '@jest/globals';
import { exitReason, sys } from '@snakepit/core';
import { heartbeatTimeout } from './heartbeat-fault.ts';
import { FakeServer, late, withBench } from './heartbeat-monitor.fixture.ts';

describe('a stall of our own', () => {
  test('[R2.2] is no miss: both paths get a fresh ping before the worker is judged', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(2_000);
      bench.answerAfterMs = undefined;
      bench.server.behave = 'accept';
      await bench.clock.advance(3_000);
      await bench.clock.stall(20_000);
      expect(bench.bad).toEqual([]);
      const fresh = bench.pings.at(-1);
      expect([fresh?.atMs, bench.server.times.at(-1)]).toEqual([25_000, 25_000]);
      bench.answer(fresh?.seq ?? 0);
      bench.server.asked.at(-1)?.answer();
      bench.answerAfterMs = 0;
      bench.server.behave = 'answer';
      await bench.clock.advance(60_000);
      expect(bench.bad).toEqual([]);
      expect(bench.end).toBeUndefined();
    }));

  test.each([15_000, 30_000, 60_000, 3_600_000])(
    '[I4.3] [R2.2] a machine that slept for %i ms replaces nobody, wherever the sleep begins',
    async (sleepMs) => {
      for (const beforeMs of [100, 1_900, 2_000, 3_999, 4_000, 5_000, 7_999]) {
        await withBench(async (bench) => {
          bench.answerAfterMs = 40;
          bench.start({ maxMissed: 1 });
          await bench.clock.advance(beforeMs);
          await bench.clock.stall(sleepMs);
          await bench.clock.advance(30_000);
          expect([bench.bad, bench.end]).toEqual([[], undefined]);
        });
      }
    },
  );

  test('[R2.2] that kept us from asking is not silence of the worker', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(1_000);
      bench.answerAfterMs = 50;
      // The ping, due after 2 s, is sent only when the threshold falls due, too, and that almost in time.
      await bench.clock.stall(9_300);
      expect(bench.pings.at(-1)?.atMs).toBe(10_300);
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
    }));

  test('[R2.2] silence is counted anew after one that was shorter than the threshold', () =>
    withBench(async (bench) => {
      bench.start({ maxMissed: 100 });
      await bench.clock.advance(1_000);
      bench.answerAfterMs = undefined;
      await bench.clock.stall(5_000);
      await bench.clock.advance(9_400);
      expect(bench.end).toBeUndefined();
      await bench.clock.advance(200);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.beats, atMs: 15_500 });
    }));

  test('[R2.2] a ping to the server that could not leave in time is no miss', () =>
    withBench(async (bench) => {
      bench.start({ maxMissed: 1 });
      await bench.clock.advance(3_999);
      bench.server.behave = 'accept';
      // The turn in which it is sent lasts until shortly after the end of its interval.
      bench.server.ping = ({ deadlineMs }) => {
        bench.server.ping = (limits) => FakeServer.prototype.ping.call(bench.server, limits);
        queueMicrotask(() => {
          bench.clock.setTimeout(() => undefined, 0);
          bench.clock.skip(2_300);
        });
        return FakeServer.prototype.ping.call(bench.server, { deadlineMs });
      };
      await bench.clock.advance(1);
      await bench.clock.advance(0);
      expect(bench.end).toBeUndefined();
      bench.server.behave = 'answer';
      await bench.clock.advance(3_000);
      expect([bench.bad, bench.end]).toEqual([[], undefined]);
    }));

  test('[R10.1] in the pause after a refusal, it leads to one fresh ping, not to several', () =>
    withBench(async (bench) => {
      bench.server.behave = 'refuse';
      bench.start();
      await bench.clock.advance(4_100);
      bench.server.behave = 'answer';
      await bench.clock.stall(5_000);
      await bench.clock.advance(1_000);
      expect(bench.server.times).toEqual([4_000, 9_100]);
      expect(bench.pings.map(({ atMs }) => atMs)).toEqual([0, 2_000, 4_000, 9_100]);
    }));

  test('a time limit of gRPC that fires late says nothing of the worker', () =>
    withBench(async (bench) => {
      bench.server.behave = 'accept';
      bench.start({ maxMissed: 1 });
      await bench.clock.advance(4_100);
      bench.server.asked[0]?.refuse(late());
      await bench.clock.advance(1_000);
      expect([bench.bad, bench.end]).toEqual([[], undefined]);
    }));

  test('[R2.2] a worker that is dead after it is found all the same', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(0);
      bench.answerAfterMs = undefined;
      await bench.clock.stall(30_000);
      await bench.clock.advance(12_000);
      expect(bench.end?.reason).toEqual(heartbeatTimeout.beats);
    }));
});

describe('a monitor that waits for its turn, while timers and answers come', () => {
  test.each([50, 150, 1_900, 2_100, 9_400, 30_000])(
    '[I7.5] [R2.2] for %i ms, again and again, has nothing against a worker that answers',
    (waitMs) =>
      withBench(async (bench) => {
        bench.answerAfterMs = 40;
        const pid = bench.start({ maxMissed: 1 });
        for (let time = 0; time < 20; time++) {
          await sys.suspend(bench.system, pid);
          await bench.clock.advance(waitMs);
          await sys.resume(bench.system, pid);
          await bench.clock.advance(50);
        }
        await bench.clock.advance(60_000);
        expect([bench.bad, bench.end]).toEqual([[], undefined]);
      }),
  );

  test('[R2.2] has one message of the time that passes, however long it waits', () =>
    withBench(async (bench) => {
      const pid = bench.start();
      await sys.suspend(bench.system, pid);
      await bench.clock.advance(60_000);
      const waiting = bench.system.processInfo(pid)?.mailboxLength;
      await sys.resume(bench.system, pid);
      // The other is the answer to its last beat.
      expect(waiting).toBe(2);
    }));

  test('[R2.2] gives a worker that had fallen silent meanwhile a whole time to answer, and no more', () =>
    withBench(async (bench) => {
      const pid = bench.start({ maxMissed: 100 });
      await bench.clock.advance(1_000);
      bench.answerAfterMs = undefined;
      await sys.suspend(bench.system, pid);
      await bench.clock.advance(9_000);
      await sys.resume(bench.system, pid);
      // Of the nine it had waited for eight when it could have asked.
      await bench.clock.advance(7_400);
      expect(bench.end).toBeUndefined();
      await bench.clock.advance(200);
      expect(bench.end).toEqual({ reason: heartbeatTimeout.beats, atMs: 17_500 });
    }));

  test('[R10.1] [R2.2] asks again after a refusal, and gives that ping an interval, too', () =>
    withBench(async (bench) => {
      bench.server.behave = 'refuse';
      const pid = bench.start({ maxMissed: 2 });
      await bench.clock.advance(4_100);
      expect(bench.bad).toEqual(['serving missed 1 refused']);
      await sys.suspend(bench.system, pid);
      await bench.clock.advance(5_000);
      bench.server.behave = 'answer';
      await sys.resume(bench.system, pid);
      await bench.clock.advance(60_000);
      expect([bench.bad, bench.end]).toEqual([['serving missed 1 refused'], undefined]);
    }));
});

describe('the process', () => {
  test('[R5.2] [T1.1] tells of every ping which worker, which path, and how long it took', () =>
    withBench(async (bench) => {
      const seen: [string, unknown, unknown][] = [];
      for (const name of ['sent', 'received', 'missed', 'failed'] as const) {
        bench.system.telemetry.on(`snakepit.worker.heartbeat.${name}`, (measured, about) => {
          seen.push([name, measured, about]);
        });
      }
      const beats = { pool: 'p', workerId: 'w1', path: 'beats' };
      const serving = { ...beats, path: 'serving' };
      bench.answerAfterMs = 30;
      bench.start({ maxMissed: 1 });
      await bench.clock.advance(4_050);
      bench.server.behave = 'accept';
      await bench.clock.advance(6_000);
      expect(seen.filter((_, index) => index < 2)).toEqual([
        ['sent', { count: 1 }, beats],
        ['received', { count: 1, latencyMs: 30 }, beats],
      ]);
      expect(seen).toEqual(
        expect.arrayContaining([
          ['sent', { count: 1 }, serving],
          ['received', { count: 1, latencyMs: 0 }, serving],
        ]),
      );
      expect(seen.filter(([name]) => name === 'missed' || name === 'failed')).toEqual([
        ['missed', { count: 1, missed: 1 }, { ...serving, error: undefined }],
        [
          'failed',
          { count: 1, missed: 1 },
          {
            ...{ pool: 'p', workerId: 'w1', fault: 'serving' },
            reason: expect.stringContaining('no answer where its calls go'),
          },
        ],
      ]);
    }));

  test('has one timer', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start();
      for (let step = 0; step < 40; step++) {
        await bench.clock.advance(100);
        expect(bench.clock.pending).toBe(1);
      }
    }));

  test('stopped, it asks and hears nothing more', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(2_000);
      if (bench.pid !== undefined) bench.system.exit(bench.pid, exitReason.shutdown);
      await bench.clock.advance(0);
      const asked = [bench.pings.length, bench.server.asked.length];
      await bench.clock.advance(60_000);
      expect([bench.pings.length, bench.server.asked.length]).toEqual(asked);
      expect([bench.listeners.size, bench.clock.pending]).toEqual([0, 0]);
    }));
});
