import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  exitReason,
  silentLogger,
  type ActorSystem,
  type Clock,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import '../telemetry/events.ts';
import type { Pong } from '../hosts/worker-host.ts';
import { heartbeatMonitor } from './heartbeat-monitor.ts';
import { heartbeatTimeout } from './heartbeat-monitor.machine.ts';

/** Time that passes, or of which a stretch is lost: then what fell due meanwhile fires at its end, all in one turn. */
class StallingClock implements Clock {
  #nowMs = 0;
  #lastId = 0;
  readonly #timers = new Map<number, { readonly atMs: number; readonly fn: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  setTimeout(fn: () => void, delayMs: number): number {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { atMs: this.#nowMs + delayMs, fn });
    return this.#lastId;
  }

  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }

  get pending(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let nextMs = this.#earliest(); nextMs <= endMs; nextMs = this.#earliest()) {
      await this.stall(Math.max(0, nextMs - this.#nowMs));
    }
    await this.stall(endMs - this.#nowMs);
  }

  async stall(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= this.#nowMs);
    due.sort(([, a], [, b]) => a.atMs - b.atMs);
    for (const [id, { fn }] of due) {
      if (this.#timers.delete(id)) fn();
    }
    await settle();
  }

  #earliest(): number {
    return Math.min(...Array.from(this.#timers.values(), ({ atMs }) => atMs));
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A monitor whose worker and whose time are the test's. */
class Bench {
  readonly clock = new StallingClock();
  readonly system: ActorSystem = createSystem({ clock: this.clock, logger: silentLogger });
  readonly pings: { readonly seq: number; readonly atMs: number }[] = [];
  readonly listeners = new Set<(pong: Pong) => void>();
  readonly events: string[] = [];
  pid: Pid | undefined;
  end: { readonly reason: ExitReason; readonly atMs: number } | undefined;
  /** After how many milliseconds a ping is answered; `undefined` for never. */
  answerAfterMs: number | undefined = 0;

  start(limits: { pingIntervalMs?: number; timeoutThresholdMs?: number; maxMissed?: number } = {}) {
    const { telemetry } = this.system;
    telemetry.on('snakepit.worker.heartbeat.missed', ({ missed }) => {
      this.events.push(`missed ${String(missed)}`);
    });
    telemetry.on('snakepit.worker.heartbeat.received', ({ latencyMs }) => {
      this.events.push(`received ${String(latencyMs)}`);
    });
    telemetry.on('snakepit.worker.heartbeat.failed', (_, { workerId }) => {
      this.events.push(`failed ${workerId}`);
    });
    this.pid = this.system.spawn(heartbeatMonitor, {
      pool: 'p',
      workerId: 'w1',
      pingIntervalMs: 2_000,
      timeoutThresholdMs: 10_000,
      maxMissed: 3,
      ...limits,
      beats: {
        ping: (seq) => {
          this.pings.push({ seq, atMs: this.clock.now() });
          if (this.answerAfterMs === undefined) return;
          this.clock.setTimeout(() => {
            this.answer(seq);
          }, this.answerAfterMs);
        },
        onPong: (listener) => {
          this.listeners.add(listener);
          return () => this.listeners.delete(listener);
        },
      },
    });
    void this.system.awaitExit(this.pid).then((reason) => {
      this.end = { reason, atMs: this.clock.now() };
    });
  }

  answer(seq: number): void {
    for (const listener of this.listeners) listener({ seq, inFlight: 0, loopLagMs: 0 });
  }
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  try {
    await run(bench);
  } finally {
    const stopped = bench.system.stop();
    await bench.clock.advance(0);
    await stopped;
  }
  expect(bench.listeners.size).toBe(0);
}

describe('heartbeatMonitor', () => {
  test('[R2.2] with defaults a hang is found within 10 s of the last answer', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(7_000);
      expect(bench.events).toEqual(Array(4).fill('received 0'));
      const lastMs = bench.pings.at(-1)?.atMs ?? 0;
      bench.answerAfterMs = undefined;
      await bench.clock.advance(10_000);
      expect(bench.events.slice(4)).toEqual(['missed 1', 'missed 2', 'missed 3', 'failed w1']);
      expect(bench.end?.reason).toEqual(heartbeatTimeout);
      expect(bench.end?.atMs).toBe(lastMs + 8_000);
    }));

  test('[R2.2] a worker that never answers is found, too', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start();
      await bench.clock.advance(6_000);
      expect(bench.end).toMatchObject({ reason: heartbeatTimeout, atMs: 6_000 });
    }));

  test('[R2.2] the threshold counts where the misses would take longer', () =>
    withBench(async (bench) => {
      bench.start({ pingIntervalMs: 9_000, timeoutThresholdMs: 10_000 });
      await bench.clock.advance(0);
      bench.answerAfterMs = undefined;
      await bench.clock.advance(10_000);
      expect(bench.end).toMatchObject({ reason: heartbeatTimeout, atMs: 10_000 });
      expect(bench.events).toEqual(['received 0', 'failed w1']);
    }));

  test('an answer after two misses begins anew', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = 5_500;
      bench.start();
      await bench.clock.advance(5_500);
      expect(bench.events).toEqual(['missed 1', 'missed 2', 'received 5500']);
      bench.answerAfterMs = 0;
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
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
      expect(bench.events).toEqual(['received 0']);
    }));

  test('[R2.2] after a stall of our own the worker gets a fresh ping before it is judged', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(2_000);
      bench.answerAfterMs = undefined;
      await bench.clock.advance(3_000);
      await bench.clock.stall(20_000);
      expect(bench.events).not.toContain('missed 1');
      const fresh = bench.pings.at(-1);
      expect(fresh?.atMs).toBe(25_000);
      bench.answer(fresh?.seq ?? 0);
      bench.answerAfterMs = 0;
      await bench.clock.advance(60_000);
      expect(bench.end).toBeUndefined();
    }));

  test('[R2.2] a stall that kept us from asking is not silence of the worker', () =>
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

  test('[R2.2] silence is counted anew after a stall that was shorter than the threshold', () =>
    withBench(async (bench) => {
      bench.start({ maxMissed: 100 });
      await bench.clock.advance(1_000);
      bench.answerAfterMs = undefined;
      await bench.clock.stall(5_000);
      await bench.clock.advance(9_500);
      expect(bench.end).toBeUndefined();
      await bench.clock.advance(11_000);
      expect(bench.end?.reason).toEqual(heartbeatTimeout);
    }));

  test('[R2.2] a worker that is dead after the stall is found all the same', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(0);
      bench.answerAfterMs = undefined;
      await bench.clock.stall(30_000);
      await bench.clock.advance(12_000);
      expect(bench.end?.reason).toEqual(heartbeatTimeout);
    }));

  test('an answer that is there already is heard before the verdict', () =>
    withBench(async (bench) => {
      bench.answerAfterMs = undefined;
      bench.start({ maxMissed: 1 });
      await bench.clock.advance(1_000);
      // As when the timer and the input fall into one turn of the event loop: timers come first.
      bench.clock.setTimeout(() => {
        setImmediate(() => {
          bench.answer(1);
        });
      }, 1_000);
      await bench.clock.advance(1_000);
      expect(bench.events).toEqual(['received 2000']);
      expect(bench.end).toBeUndefined();
    }));

  test('stopped, it asks and hears nothing more', () =>
    withBench(async (bench) => {
      bench.start();
      await bench.clock.advance(2_000);
      if (bench.pid !== undefined) bench.system.exit(bench.pid, exitReason.shutdown);
      await bench.clock.advance(0);
      const asked = bench.pings.length;
      await bench.clock.advance(60_000);
      expect(bench.pings).toHaveLength(asked);
      expect([bench.listeners.size, bench.clock.pending]).toEqual([0, 0]);
    }));
});
