import { defineStatechart, type ProcessContext } from '@snakepit/core';
import {
  heartbeatMonitorMachine,
  type HeartbeatMonitorContext,
  type HeartbeatMonitorEvent,
  type HeartbeatMonitorInput,
} from './heartbeat-monitor.machine.ts';

/** A deadline may be late by this much before our own loop is held responsible, in milliseconds. */
const tolerableLatenessMs = 500;

/** The process that asks one worker for signs of life; linked to the worker, whose end it causes when there are none. */
export const heartbeatMonitor = defineStatechart(heartbeatMonitorMachine, {
  effects: (self, input) => new HeartbeatEffects(self, input).effects(),
});

interface EffectArguments {
  readonly context: HeartbeatMonitorContext;
}

/** Sends the pings, hears the pongs, and tells a silent worker from a stall of our own event loop. */
class HeartbeatEffects {
  readonly #self: ProcessContext;
  readonly #input: HeartbeatMonitorInput;
  /** When each ping was sent that has no pong yet. */
  readonly #pingedAtMs = new Map<number, number>();
  #lastPingAtMs: number;
  /** When the last pong came, or when silence was counted anew. */
  #heardAtMs: number;

  constructor(self: ProcessContext, input: HeartbeatMonitorInput) {
    this.#self = self;
    this.#input = input;
    this.#lastPingAtMs = this.#heardAtMs = self.system.clock.now();
    const stopListening = input.beats.onPong(({ seq }) => {
      this.#hear(seq);
    });
    self.signal.addEventListener('abort', stopListening, { once: true });
  }

  effects() {
    const { pool, workerId, beats, pingIntervalMs, timeoutThresholdMs } = this.#input;
    const { clock, telemetry } = this.#self.system;
    const about = { pool, workerId };
    return {
      sendPing: (_params: unknown, { context: { seq } }: EffectArguments) => {
        this.#lastPingAtMs = clock.now();
        this.#pingedAtMs.set(seq, this.#lastPingAtMs);
        telemetry.emit('snakepit.worker.heartbeat.sent', { count: 1 }, about);
        beats.ping(seq);
      },
      noteStall: () => {
        // The ping itself is late, so the worker could say nothing: silence is counted from here.
        if (this.#lateness(this.#heardAtMs + pingIntervalMs) === 'late') {
          this.#heardAtMs = clock.now();
        }
      },
      judgeMiss: () => {
        const isStall = this.#lateness(this.#lastPingAtMs + pingIntervalMs) !== 'onTime';
        this.#judge({ type: isStall ? 'miss.excused' : 'miss.confirmed' });
      },
      judgeSilence: () => {
        // Early: silence was counted anew after the chart had begun to wait.
        const isStall = this.#lateness(this.#heardAtMs + timeoutThresholdMs) !== 'onTime';
        this.#judge({ type: isStall ? 'silence.excused' : 'silence.confirmed' });
      },
      reportPong: (_params: unknown, { context: { latencyMs = 0 } }: EffectArguments) => {
        telemetry.emit('snakepit.worker.heartbeat.received', { count: 1, latencyMs }, about);
      },
      reportMiss: (_params: unknown, { context: { missed } }: EffectArguments) => {
        telemetry.emit('snakepit.worker.heartbeat.missed', { count: 1, missed }, about);
      },
      reportUnhealthy: (_params: unknown, { context: { missed } }: EffectArguments) => {
        telemetry.emit('snakepit.worker.heartbeat.failed', { count: 1, missed }, about);
      },
    };
  }

  #hear(seq: number): void {
    const pingedAtMs = this.#pingedAtMs.get(seq);
    // Nobody asked that, or it was answered already.
    if (pingedAtMs === undefined) return;
    for (const earlier of this.#pingedAtMs.keys()) {
      if (earlier <= seq) this.#pingedAtMs.delete(earlier);
    }
    this.#heardAtMs = this.#self.system.clock.now();
    this.#tell({ type: 'pong.received', seq, latencyMs: this.#heardAtMs - pingedAtMs });
  }

  #lateness(dueAtMs: number): 'early' | 'onTime' | 'late' {
    const lateByMs = this.#self.system.clock.now() - dueAtMs;
    if (lateByMs > tolerableLatenessMs) return 'late';
    return lateByMs < -tolerableLatenessMs ? 'early' : 'onTime';
  }

  #judge(verdict: HeartbeatMonitorEvent): void {
    if (verdict.type.endsWith('excused')) this.#heardAtMs = this.#self.system.clock.now();
    // Timers come before input in a turn of the event loop: a pong that is there already is heard first.
    setImmediate(() => {
      this.#tell(verdict);
    });
  }

  #tell(event: HeartbeatMonitorEvent): void {
    this.#self.send(this.#self.pid, event);
  }
}
