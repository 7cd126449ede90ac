import { createEventSources } from '../telemetry/event-sources.ts';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type ExitReason,
  type Pid,
  type TestClock,
} from '@snakepit/core';
import { WorkerStartError } from '../hosts/start-failure.ts';
import type { ExitStatus, WorkerHandle, WorkerHost, WorkerReady } from '../hosts/worker-host.ts';
import { createDispatcher } from '../pool/dispatcher.ts';
import { grpcWorker } from './grpc-worker.ts';
import { createSharedMoments } from './shared-moments.ts';
import { createWorkerHistory, type WorkerHistory } from './worker-history.ts';

interface Settleable<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function later<T>(): Settleable<T> {
  let parts: Omit<Settleable<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    parts = { resolve, reject };
  });
  promise.catch(() => undefined);
  return { promise, ...(parts as unknown as Omit<Settleable<T>, 'promise'>) };
}

/** An operating system process that is made, says that it is ready, and ends when the test says so. */
export class FakeProcess {
  readonly ready = later<WorkerReady>();
  readonly exited = later<ExitStatus>();
  readonly signals: string[] = [];
  /** What is still looked for when it has ended. */
  cleanup: Promise<void> = Promise.resolve();
  readonly handle: WorkerHandle = {
    ref: { host: 'fake', pool: 'p', workerId: 'w1', incarnation: '1' },
    pid: 4_242,
    startTime: '1',
    ready: this.ready.promise,
    exited: this.exited.promise,
    beats: { ping: () => undefined, onPong: () => () => undefined },
    calls: undefined,
    cleaned: this.exited.promise.then(() => this.cleanup),
    cleanupMs: 7,
    signal: (signal) => {
      this.signals.push(signal);
      return Promise.resolve();
    },
    output: () => {
      throw new Error('not asked here');
    },
    lastOutput: () => [],
  };

  /** Says where it listens. */
  becomeReady(target: string): void {
    const about = { pid: 4_242, pythonVersion: '3', lifeline: true, tools: [] };
    this.ready.resolve({ target, token: 'secret', ...about });
  }

  /** Is killed. */
  end(): void {
    this.ready.reject(new WorkerStartError('it ended', { kind: 'aborted', ended: undefined }));
    this.exited.resolve({ kind: 'signalled', signal: 'SIGKILL' });
  }
}

/** One worker on a clock and a host of the test's own. */
export class Bench {
  readonly clock: TestClock = createTestClock();
  readonly system: ActorSystem = createSystem({ clock: this.clock, logger: silentLogger });
  readonly starts: { readonly made: Settleable<WorkerHandle>; readonly abort: AbortSignal }[] = [];
  readonly history: WorkerHistory = createWorkerHistory({
    backoff: { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0 },
    goodRunMs: 10_000,
    clock: this.clock,
  });
  readonly ends: object[] = [];
  readonly failures: string[] = [];
  pid: Pid | undefined;
  reason: ExitReason | undefined;
  hostError: Error | undefined;
  isStopping = false;

  /** Starts the worker. */
  async start(maxRestarts = 3): Promise<void> {
    const { telemetry } = this.system;
    telemetry.on('snakepit.worker.terminated', (_, { means, confirmed, reason }) => {
      this.ends.push({ means, confirmed, reason });
    });
    telemetry.on('snakepit.worker.failed', (_, { error }) => {
      this.failures.push(error.message);
    });
    const host = {
      start: (_spec: unknown, abort: AbortSignal) => {
        const made = later<WorkerHandle>();
        this.starts.push({ made, abort });
        return made.promise;
      },
    } as unknown as WorkerHost;
    this.pid = this.system.spawn(grpcWorker, {
      pool: 'p',
      workerId: 'w1',
      maxRestarts,
      startupTimeoutMs: 1_000,
      connectTimeoutMs: 2_000,
      drainTimeoutMs: 5_000,
      termTimeoutMs: 300,
      killTimeoutMs: 200,
      history: this.history,
      tellPool: () => undefined,
      services: {
        eventSources: createEventSources(),
        host: () => {
          if (this.hostError !== undefined) throw this.hostError;
          return host;
        },
        configuration: { adapter: 'a.B' } as never,
        dispatcher: createDispatcher({
          ...{ pool: 'p', clock: this.clock, concurrency: 1 },
          ...{ maxQueueSize: 1, queueTimeoutMs: 1 },
        }),
        spec: () => ({}) as never,
        calls: { callPath: 'auto', maxValueBytes: 1024 },
        heartbeat: undefined,
        moments: createSharedMoments(this.clock),
        isStopping: () => this.isStopping,
      },
    });
    void this.system.awaitExit(this.pid).then((reason) => {
      this.reason = reason;
    });
    await this.clock.advance(0);
  }

  /** Where the chart of the worker is. */
  state(): unknown {
    return this.pid === undefined ? undefined : this.system.processInfo(this.pid)?.stateValue;
  }

  /** Sends an exit signal to the worker. */
  exit(reason: ExitReason): Promise<void> {
    if (this.pid !== undefined) this.system.exit(this.pid, reason);
    return this.clock.advance(0);
  }

  /** The process is made. */
  async spawned(): Promise<FakeProcess> {
    const process = new FakeProcess();
    this.starts.at(-1)?.made.resolve(process.handle);
    await this.clock.advance(0);
    return process;
  }
}

/** Runs a test on a bench, and looks that no timer is left. */
export async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  try {
    await run(bench);
  } finally {
    await bench.exit(exitReason.kill);
    const stopped = bench.system.stop();
    await bench.clock.advance(0);
    await stopped;
  }
  if (bench.clock.pending > 0) throw new Error(`${String(bench.clock.pending)} timers are left`);
}

/** Real I/O goes on while the clock of the test stands still. */
export async function until({ clock }: Bench, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error('waited in vain');
    await clock.advance(0);
  }
}
