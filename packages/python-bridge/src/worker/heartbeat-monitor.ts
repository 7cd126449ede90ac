import { defineStatechart, isSnakepitError, type ProcessContext } from '@snakepit/core';
import type { WorkerStatistics } from '../bridge/worker-client.ts';
import type { Pong } from '../hosts/worker-host.ts';
import type { HeartbeatPath } from './heartbeat-fault.ts';
import {
  heartbeatMonitorMachine,
  type HeartbeatMonitorContext,
  type HeartbeatMonitorEvent,
  type HeartbeatMonitorInput,
} from './heartbeat-monitor.machine.ts';
import { HeartbeatReport } from './heartbeat-report.ts';
import { tolerableLatenessMs, type Sleeper } from './shared-moments.ts';

/** A ping that is sent later than this after the beginning of an interval begins one of its own, in milliseconds. */
const promptMs = 100;

/** To wake up costs our event loop more than to ask: workers are asked together, at so many moments of an interval. */
const momentsPerInterval = 8;

/** Beats without an answer that are remembered; an answer to an older one is none. */
const rememberedBeats = 16;

/** The first retry of a refused ping comes after this part of an interval, each further one after twice the pause. */
const firstRetryPart = 1 / 4;

/** The process that asks one worker for signs of life; linked to the worker, whose end it causes when there are none. */
export const heartbeatMonitor = defineStatechart(heartbeatMonitorMachine, {
  effects: (self, input) => new HeartbeatEffects(self, input),
});

interface EffectArguments {
  readonly context: HeartbeatMonitorContext;
}

interface Answer {
  readonly path: HeartbeatPath;
  readonly latencyMs: number;
}

interface Miss {
  readonly path: HeartbeatPath;
  readonly error?: Error;
}

/**
 * Does what the chart of one monitor names: sends the pings, hears the answers, and turns time into events. It wakes up for
 * both paths together, and shares its timers with other monitors.
 *
 * It tells a silent worker from a stall of our own: nothing is concluded when the timer came late, nor about a ping that had
 * not left yet, nor before what had arrived meanwhile was read. Of the intervals one is told at a time, and the next begins
 * when the chart has taken it: where processes wait long for their turns, it is longer, and no answer is missed for that.
 */
class HeartbeatEffects {
  readonly #self: ProcessContext;
  readonly #input: HeartbeatMonitorInput;
  readonly #report: HeartbeatReport;
  /** When each beat was sent that has no answer yet. */
  readonly #beatSentAtMs = new Map<number, number>();
  #beatSeq = 0;
  #probeSeq = 0;
  /** When the last probe had left, while it has no answer; undefined without one, Infinity until it has left. */
  #probeLeftAtMs: number | undefined;
  /** When each path was heard last, or when its silence was counted anew. */
  readonly #heardAtMs: Record<HeartbeatPath, number>;
  #succeeded: number;
  /** Infinity while the end of an interval waits in the mailbox. */
  #intervalEndMs = Infinity;
  /** When the ping is due that begins the next interval, while nobody has sent it. */
  #dueAtMs: number;
  #retryAtMs = Infinity;
  readonly #sleeper: Sleeper = {
    wake: (isLate) => {
      if (this.#self.alive) this.#conclude(isLate);
    },
  };

  constructor(self: ProcessContext, input: HeartbeatMonitorInput) {
    this.#self = self;
    this.#input = input;
    this.#report = new HeartbeatReport(self.system, input);
    const nowMs = self.system.clock.now();
    this.#heardAtMs = { beats: nowMs, serving: nowMs };
    this.#dueAtMs = this.#momentFrom(nowMs);
    this.#succeeded = input.server.succeeded;
    const stopListening = input.beatChannel.onPong((pong) => {
      this.#hear(pong);
    });
    self.onExit(() => {
      stopListening();
      input.moments.leave(this.#sleeper);
    });
  }

  /** Begins an interval. */
  sendBeat(): void {
    const nowMs = this.#now();
    this.#beginInterval(nowMs);
    this.#report.sent('beats');
    this.#beatSeq += 1;
    this.#beatSentAtMs.set(this.#beatSeq, nowMs);
    this.#beatSentAtMs.delete(this.#beatSeq - rememberedBeats);
    this.#input.beatChannel.ping(this.#beatSeq);
  }

  sendProbe(): void {
    this.#report.sent('serving');
    this.#sendProbe();
  }

  scheduleRetry(_: unknown, { context }: EffectArguments): void {
    this.#retryAtMs = this.#now() + retryDelayMs(context);
    this.#sleep();
  }

  reportAnswer({ path, latencyMs }: Answer): void {
    this.#report.answered(path, latencyMs);
  }

  reportMiss({ path, error }: Miss, { context }: EffectArguments): void {
    this.#report.missed(path, context[path].missed, error);
  }

  reportUnhealthy(_: unknown, { context }: EffectArguments): void {
    this.#report.unhealthy(context);
  }

  #now(): number {
    return this.#self.system.clock.now();
  }

  #tell(event: HeartbeatMonitorEvent): void {
    this.#self.send(this.#self.pid, event);
  }

  #hear(pong: Pong): void {
    const sentAtMs = this.#beatSentAtMs.get(pong.seq);
    // Nobody asked that, or it was answered already.
    if (sentAtMs === undefined) return;
    for (const earlier of this.#beatSentAtMs.keys()) {
      if (earlier <= pong.seq) this.#beatSentAtMs.delete(earlier);
    }
    const atMs = (this.#heardAtMs.beats = this.#now());
    this.#tell({ type: 'pong.received', latencyMs: atMs - sentAtMs, atMs, pong });
  }

  #sendProbe(): void {
    const { server, pingIntervalMs, timeoutThresholdMs } = this.#input;
    const seq = (this.#probeSeq += 1);
    const sentAtMs = this.#now();
    this.#retryAtMs = Infinity;
    // One that is not sent at the beginning of an interval is given a whole one, too.
    if (this.#intervalEndMs - sentAtMs < pingIntervalMs - promptMs) {
      this.#intervalEndMs = this.#momentFrom(sentAtMs) + pingIntervalMs;
    }
    this.#probeLeftAtMs = Infinity;
    // It is written after this turn; until then nobody can answer.
    setImmediate(() => {
      if (seq === this.#probeSeq && this.#probeLeftAtMs === Infinity) {
        this.#probeLeftAtMs = this.#now();
      }
    });
    server.ping({ deadlineMs: timeoutThresholdMs }).then(
      ({ success, statistics }) => {
        if (success) this.#hearServer(seq, sentAtMs, statistics);
        else this.#hearRefusal(seq, new Error('it says that it is not well'));
      },
      (error: unknown) => {
        this.#hearRefusal(seq, error);
      },
    );
  }

  #hearServer(seq: number, sentAtMs: number, statistics: WorkerStatistics | undefined): void {
    if (seq === this.#probeSeq) this.#probeLeftAtMs = undefined;
    const atMs = (this.#heardAtMs.serving = this.#now());
    this.#tell({ type: 'probe.answered', latencyMs: atMs - sentAtMs, atMs, statistics });
  }

  #hearRefusal(seq: number, error: unknown): void {
    // A lost connection fails all that are on their way: that is one refusal, not several.
    if (seq !== this.#probeSeq) return;
    // That no answer came in time is for the intervals to find: a deadline knows nothing of a stall of ours.
    if (isSnakepitError(error) && error.code === 'TIMEOUT') return;
    this.#probeLeftAtMs = undefined;
    this.#tell({ type: 'probe.failed', error: asError(error) });
  }

  /** The next of the moments that all workers share; an interval that begins now is counted from there. */
  #momentFrom(nowMs: number): number {
    const stepMs = this.#input.pingIntervalMs / momentsPerInterval;
    return Math.ceil(nowMs / stepMs) * stepMs;
  }

  #beginInterval(nowMs: number): void {
    const lateMs = nowMs - this.#dueAtMs;
    if (lateMs > promptMs) {
      // Who was not asked was not silent.
      for (const path of paths) {
        this.#heardAtMs[path] = Math.min(nowMs, this.#heardAtMs[path] + lateMs);
      }
      this.#dueAtMs = this.#momentFrom(nowMs);
    }
    this.#intervalEndMs = this.#dueAtMs + this.#input.pingIntervalMs;
    this.#sleep();
  }

  /** The next interval begins when the chart has taken this. */
  #endInterval(nextAtMs: number, event: HeartbeatMonitorEvent): void {
    this.#intervalEndMs = Infinity;
    this.#dueAtMs = nextAtMs;
    this.#tell(event);
  }

  #sleep(): void {
    if (this.#intervalEndMs === Infinity) return;
    const { beats, serving } = this.#heardAtMs;
    const silenceMs = Math.min(beats, serving) + toleratedSilenceMs(this.#input);
    const wakeAtMs = Math.min(this.#intervalEndMs, silenceMs, this.#retryAtMs);
    this.#input.moments.wait(this.#sleeper, wakeAtMs);
  }

  #conclude(isLate: boolean): void {
    const nowMs = this.#now();
    if (isLate || this.#hasProbeBeenHeldUp(nowMs)) this.#excuse(nowMs);
    else this.#judge(nowMs);
    this.#sleep();
  }

  /** Whether the interval ends for a probe that has not had a whole one, because it could not leave. */
  #hasProbeBeenHeldUp(nowMs: number): boolean {
    const { pingIntervalMs } = this.#input;
    if (nowMs < this.#intervalEndMs || this.#probeLeftAtMs === undefined) return false;
    return nowMs - this.#probeLeftAtMs < pingIntervalMs - tolerableLatenessMs;
  }

  #excuse(nowMs: number): void {
    this.#heardAtMs.beats = this.#heardAtMs.serving = nowMs;
    // Both paths are asked anew anyway.
    this.#retryAtMs = Infinity;
    this.#endInterval(this.#momentFrom(nowMs), { type: 'interval.excused' });
  }

  #judge(nowMs: number): void {
    const { server } = this.#input;
    if (nowMs >= this.#intervalEndMs) {
      const served = server.succeeded !== this.#succeeded;
      this.#succeeded = server.succeeded;
      // Some time in this interval; to be late by a part of one is better than to accuse too early.
      if (served) this.#heardAtMs.serving = nowMs;
      this.#endInterval(this.#intervalEndMs, { type: 'interval.passed', served, atMs: nowMs });
    }
    for (const path of paths) {
      if (nowMs >= this.#heardAtMs[path] + toleratedSilenceMs(this.#input)) {
        this.#tell({ type: 'silence.confirmed', path });
      }
    }
    if (nowMs >= this.#retryAtMs) {
      this.#retryAtMs = Infinity;
      // One is to be sent, and has not left.
      this.#probeLeftAtMs = Infinity;
      this.#tell({ type: 'retry.due' });
    }
  }
}

const paths = ['beats', 'serving'] as const;

/**
 * How long a path may be silent: less than the threshold by what a timer may be late, so that the verdict comes before the
 * threshold is over; a quarter of what the threshold has beyond an interval at most, for an answer may come late, too.
 */
function toleratedSilenceMs({ timeoutThresholdMs, pingIntervalMs }: HeartbeatMonitorInput): number {
  return (
    timeoutThresholdMs - Math.min(tolerableLatenessMs, (timeoutThresholdMs - pingIntervalMs) / 4)
  );
}

/** How long a refused ping waits before it is tried again: longer each time, but never longer than an interval (R10.1). */
function retryDelayMs({ pingIntervalMs, serving }: HeartbeatMonitorContext): number {
  return Math.min(pingIntervalMs, pingIntervalMs * firstRetryPart * 2 ** (serving.missed - 1));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
