import {
  createSystem,
  silentLogger,
  type ActorSystem,
  type Clock,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import '../telemetry/events.ts';
import type { Pong } from '../hosts/worker-host.ts';
import { heartbeatMonitor } from './heartbeat-monitor.ts';
import type { HeartbeatMonitorContext, ServingPath } from './heartbeat-monitor.machine.ts';
import { createSharedMoments, type SharedMoments } from './shared-moments.ts';

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

  /** Time passes, but no timer fires: the turn of the event loop has not ended. */
  skip(ms: number): void {
    this.#nowMs += ms;
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

/** So many rounds of the event loop: on a slow machine the turns of fifty monitors at one moment are spread over several. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 24; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Asked {
  readonly atMs: number;
  readonly deadlineMs: number;
  readonly answer: (success?: boolean) => void;
  readonly refuse: (error: Error) => void;
}

type PingAnswer = Awaited<ReturnType<ServingPath['ping']>>;

/** The server of a worker. */
export class FakeServer implements ServingPath {
  succeeded = 0;
  readonly asked: Asked[] = [];
  /** What becomes of a ping. */
  behave: 'answer' | 'refuse' | 'accept' = 'answer';
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asked by the monitor. */
  ping({ deadlineMs }: { readonly deadlineMs: number }): Promise<PingAnswer> {
    return new Promise((resolve, reject) => {
      const ping: Asked = {
        atMs: this.#clock.now(),
        deadlineMs,
        answer: (success = true) => {
          resolve({ success, statistics: undefined });
        },
        refuse: reject,
      };
      this.asked.push(ping);
      if (this.behave === 'answer') ping.answer();
      else if (this.behave === 'refuse') ping.refuse(refused());
    });
  }

  /** When it was asked. */
  get times(): number[] {
    return this.asked.map(({ atMs }) => atMs);
  }
}

/** What a server that nobody reaches answers. */
export function refused(): Error {
  return bridgeError('WORKER_UNAVAILABLE', { reason: 'nobody listens', maybeExecuted: false });
}

/** What gRPC says when its time limit is over. */
export function late(): Error {
  return bridgeError('TIMEOUT', { operation: 'ping', timeoutMs: 1, option: 'none' });
}

/** A monitor whose worker and whose time are the test's. */
export class HeartbeatBench {
  readonly clock = new StallingClock();
  readonly system: ActorSystem = createSystem({ clock: this.clock, logger: silentLogger });
  readonly server = new FakeServer(this.clock);
  readonly moments: SharedMoments = createSharedMoments(this.clock);
  readonly pings: { readonly seq: number; readonly atMs: number }[] = [];
  readonly listeners = new Set<(pong: Pong) => void>();
  readonly events: string[] = [];
  pid: Pid | undefined;
  end: { readonly reason: ExitReason; readonly atMs: number } | undefined;
  /** After how many milliseconds a beat is answered; `undefined` for never. */
  answerAfterMs: number | undefined = 0;
  /** What the answers say. */
  pong: Partial<Pong> = {};

  /** Starts the monitor, with the defaults but for these. */
  start(
    limits: {
      pingIntervalMs?: number;
      timeoutThresholdMs?: number;
      maxMissed?: number;
      busyTimeoutMs?: number;
    } = {},
  ): Pid {
    const { telemetry } = this.system;
    telemetry.on('snakepit.worker.heartbeat.missed', ({ missed }, { path, error }) => {
      this.events.push(`${path} missed ${String(missed)}${error === undefined ? '' : ' refused'}`);
    });
    telemetry.on('snakepit.worker.heartbeat.received', ({ latencyMs }, { path }) => {
      this.events.push(`${path} received ${String(latencyMs)}`);
    });
    telemetry.on('snakepit.worker.heartbeat.failed', (_, { workerId, fault }) => {
      this.events.push(`failed ${workerId} ${fault}`);
    });
    this.pid = this.system.spawn(heartbeatMonitor, {
      pool: 'p',
      workerId: 'w1',
      pingIntervalMs: 2_000,
      timeoutThresholdMs: 10_000,
      maxMissed: 3,
      busyTimeoutMs: Infinity,
      ...limits,
      server: this.server,
      moments: this.moments,
      beatChannel: {
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
    return this.pid;
  }

  /** The worker answers a beat. */
  answer(seq: number): void {
    const pong = { seq, inFlight: 0, loopLagMs: 0, oldestCallMs: 0, ...this.pong };
    for (const listener of this.listeners) listener(pong);
  }

  /** What happened, without the good answers. */
  get bad(): string[] {
    return this.events.filter((event) => !event.includes('received'));
  }

  /** What the monitor knows. */
  context(): HeartbeatMonitorContext {
    if (this.pid === undefined) throw new Error('not started');
    const { context } = this.system.processInfo(this.pid)?.state as {
      readonly context: HeartbeatMonitorContext;
    };
    return context;
  }
}

/** Runs a test on a bench, and looks that nothing is left of it. */
export async function withBench(run: (bench: HeartbeatBench) => Promise<void>): Promise<void> {
  const bench = new HeartbeatBench();
  try {
    await run(bench);
  } finally {
    const stopped = bench.system.stop();
    await bench.clock.advance(0);
    await stopped;
  }
  if (bench.listeners.size > 0) throw new Error('somebody still listens to pongs');
}
