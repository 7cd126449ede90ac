import type { Containment } from '../hosts/worker-host.ts';
import type { LaunchMode } from '../pool/choose-launch.ts';
import type { FailureCause } from '../worker/failure-cause.ts';
import type { RecycleReason } from '../worker/recycle-reason.ts';
import type { DrainEnd } from '../worker/worker-life.ts';
import type { CallTelemetryEvents } from './call-events.ts';
import type { CleanupTelemetryEvents } from './cleanup-events.ts';
import type { LaunchTelemetryEvents } from './launch-events.ts';
import type { PythonTelemetryEvents } from './python-events.ts';
import type { HeartbeatFault, HeartbeatPath } from '../worker/heartbeat-fault.ts';

/** Which worker an event is about. */
export interface WorkerMetadata {
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in the pool. */
  readonly workerId: string;
}

/** How a worker was started, as far as it is no secret: neither arguments nor environment. Times are in milliseconds. */
export interface WorkerConfiguration {
  /** Dotted path of its adapter. */
  readonly adapter: string;
  /** Its interpreter. */
  readonly python: string;
  /** Its working directory. */
  readonly cwd: string;
  /** How many calls it executes at the same time. */
  readonly concurrency: number;
  /** From its start until it serves. */
  readonly startupTimeoutMs: number;
  /** For calls in flight when it is stopped. */
  readonly gracefulShutdownTimeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly termTimeoutMs: number;
  /** Failed starts after the first, before it is given up. */
  readonly maxRestarts: number;
  /** Between two heartbeats; `undefined` when there are none. */
  readonly pingIntervalMs: number | undefined;
  /** What holds its descendants. */
  readonly containment: Containment;
  /** How its process is made; `undefined` where others start it. */
  readonly launch: LaunchMode | undefined;
}

/** Which ping an event is about. */
export interface HeartbeatMetadata extends WorkerMetadata {
  /** Where it went: to the thread that answers beats, or to the server that takes the calls. */
  readonly path: HeartbeatPath;
}

/** Events of workers, and of what protects them and their callers. */
export interface WorkerTelemetryEvents {
  /** The operating system made the process of a worker; it does not serve yet. */
  'snakepit.worker.spawned': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: WorkerMetadata & { readonly osPid: number | undefined };
  };
  /** A worker that had served ended by itself, or had to be killed. */
  'snakepit.worker.crash': {
    readonly measurements: { readonly count: 1; readonly uptimeMs: number };
    readonly metadata: WorkerMetadata & {
      readonly osPid: number | undefined;
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
      readonly cause: FailureCause;
    };
  };
  /** A worker is ready; its process runs and answers (R5.1). */
  'snakepit.worker.started': {
    readonly measurements: { readonly count: 1; readonly startupMs: number };
    readonly metadata: WorkerMetadata & {
      readonly osPid: number | undefined;
      /** When its process was made, in milliseconds since 1970. */
      readonly startedAtMs: number;
      /** The same as the operating system tells it; with the pid it identifies the process. */
      readonly osStartTime: string;
      readonly configuration: WorkerConfiguration;
    };
  };
  /** A worker takes no more calls and finishes those that it has. */
  'snakepit.worker.draining': {
    readonly measurements: { readonly count: 1; readonly inFlight: number };
    readonly metadata: WorkerMetadata & {
      readonly osPid: number | undefined;
      readonly then: DrainEnd;
    };
  };
  /** A worker's process is gone and its resources are free (R5.3). */
  'snakepit.worker.terminated': {
    readonly measurements: {
      readonly count: 1;
      /** From the process's making to its end. */
      readonly uptimeMs: number;
      /** From the process's end until nothing of its group was left. */
      readonly cleanupMs: number;
    };
    readonly metadata: WorkerMetadata & {
      readonly osPid: number | undefined;
      /** `undefined` when a signal ended it, or when there was no process. */
      readonly exitCode: number | undefined;
      /** The signal that ended it. */
      readonly signal: string | undefined;
      /** Code of the error, or the exit reason of a worker that was asked to end. */
      readonly reason: string;
      /** What kind of failure it was, if it was one. */
      readonly cause: FailureCause | undefined;
      readonly means: 'none' | 'term' | 'kill';
      readonly confirmed: boolean;
      /** What it printed last: at most 20 lines of at most 500 characters, oldest first. */
      readonly lastOutput: readonly string[];
    };
  };
  /** A worker is given up: starting it again cannot help, or failed too often. */
  'snakepit.worker.failed': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: WorkerMetadata & { readonly error: Error; readonly cause: FailureCause };
  };
  /** A worker was replaced in order: its replacement served first, then its calls ended, then its process. */
  'snakepit.worker.recycled': {
    readonly measurements: {
      readonly count: 1;
      /** How long it had served. */
      readonly uptimeMs: number;
      /** How many calls it had executed. */
      readonly requestCount: number;
      /** From the start of the replacement until the old process was gone. */
      readonly durationMs: number;
      /** What its process group had, where memory was the reason. */
      readonly memoryBytes?: number;
    };
    readonly metadata: WorkerMetadata & { readonly reason: RecycleReason };
  };
  /** A worker was to be replaced, but its replacement did not start: it was kept. */
  'snakepit.worker.recycling_failed': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: WorkerMetadata & {
      readonly reason: RecycleReason;
      readonly error: Error;
    };
  };
  /** The memory of a worker could not be measured, so that it is not known whether it has too much. */
  'snakepit.worker.memory_probe_failed': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly pool: string; readonly reason: string };
  };
  /** A circuit breaker refuses calls from now on. */
  'snakepit.circuit_breaker.opened': {
    readonly measurements: { readonly count: 1; readonly failureCount: number };
    readonly metadata: {
      readonly pool: string;
      /** What failed last. */
      readonly reason: string;
    };
  };
  /** A circuit breaker lets some calls through, to try. */
  'snakepit.circuit_breaker.half_open': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly pool: string };
  };
  /** A circuit breaker lets all calls through again. */
  'snakepit.circuit_breaker.closed': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly pool: string };
  };
  /** A ping was sent. */
  'snakepit.worker.heartbeat.sent': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: HeartbeatMetadata;
  };
  /** It was answered. */
  'snakepit.worker.heartbeat.received': {
    readonly measurements: { readonly count: 1; readonly latencyMs: number };
    readonly metadata: HeartbeatMetadata;
  };
  /** It was not answered within an interval, and our own loop was not the reason; or, with an error, it was refused. */
  'snakepit.worker.heartbeat.missed': {
    readonly measurements: { readonly count: 1; readonly missed: number };
    readonly metadata: HeartbeatMetadata & { readonly error: Error | undefined };
  };
  /** A worker is unhealthy and will be replaced. */
  'snakepit.worker.heartbeat.failed': {
    readonly measurements: { readonly count: 1; readonly missed: number };
    readonly metadata: WorkerMetadata & {
      /** What is wrong with it. */
      readonly fault: HeartbeatFault;
      /** The same as a sentence. */
      readonly reason: string;
    };
  };
  /** A pool that starts workers has got on: at most ten times a second, and when all have settled. */
  'snakepit.pool.start.progress': {
    readonly measurements: {
      /** Workers that serve. */
      readonly ready: number;
      /** Workers that were given up. */
      readonly failed: number;
      /** Workers that have not settled yet; 0 when it is over. */
      readonly remaining: number;
      /** All of these. */
      readonly total: number;
      /** Since the first of them was to be started. */
      readonly elapsedMs: number;
    };
    readonly metadata: { readonly pool: string };
  };
  /** A worker went on with a call that was given up, for longer than `cancelGrace`; it is killed and replaced. */
  'snakepit.pool.call.stuck': {
    readonly measurements: { readonly count: 1; readonly graceMs: number };
    readonly metadata: WorkerMetadata & {
      readonly tool: string;
      readonly session: string | undefined;
    };
  };
}

declare module '@snakepit/core' {
  interface TelemetryEvents
    extends
      WorkerTelemetryEvents,
      CleanupTelemetryEvents,
      CallTelemetryEvents,
      LaunchTelemetryEvents,
      PythonTelemetryEvents {}
}
