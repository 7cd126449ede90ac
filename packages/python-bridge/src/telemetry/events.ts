import type { Containment } from '../hosts/worker-host.ts';
import type { SweptProcess } from '../os/run-leftovers.ts';
import type { FailureCause } from '../worker/failure-cause.ts';
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
}

/** Which ping an event is about. */
export interface HeartbeatMetadata extends WorkerMetadata {
  /** Where it went: to the thread that answers beats, or to the server that takes the calls. */
  readonly path: HeartbeatPath;
}

declare module '@snakepit/core' {
  interface TelemetryEvents {
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
    /** What earlier runs left behind was looked for, and ended; `successful` when nothing of it lives. */
    'snakepit.cleanup.swept': {
      readonly measurements: {
        readonly runs: number;
        readonly processes: number;
        readonly survivors: number;
        readonly corrupt: number;
        readonly durationMs: number;
      };
      readonly metadata: { readonly runId: string; readonly successful: boolean };
    };
    /** One process of an earlier run was found: whose it was, why it is known to be ours, how it ended. */
    'snakepit.cleanup.leftover': {
      readonly measurements: { readonly count: 1; readonly durationMs: number };
      readonly metadata: Omit<SweptProcess, 'durationMs'> & { readonly successful: boolean };
    };
    /** What a worker left was cleaned up; from its exit to the confirmation. */
    'snakepit.cleanup.worker': {
      readonly measurements: {
        readonly escaped: number;
        readonly survivors: number;
        readonly durationMs: number;
      };
      readonly metadata: WorkerMetadata & { readonly successful: boolean };
    };
    /** The run cannot be written down: after a kill of the runtime only markers lead to its processes. */
    'snakepit.cleanup.unrecorded': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: { readonly runId: string; readonly reason: string };
    };
    /** A run has ended: every worker is confirmed gone, its directories are removed. */
    'snakepit.cleanup.success': {
      readonly measurements: { readonly count: 1; readonly durationMs: number };
      readonly metadata: { readonly runId: string };
    };
    /** A run has ended, and something of it is left, so that it stays recorded. */
    'snakepit.cleanup.timeout': {
      readonly measurements: { readonly count: 1; readonly durationMs: number };
      readonly metadata: { readonly runId: string; readonly reason: string };
    };
    /** The watchdog of the run reads; so many groups of workers were there already. */
    'snakepit.watchdog.started': {
      readonly measurements: { readonly count: 1; readonly groups: number };
      readonly metadata: { readonly runId: string; readonly osPid: number | undefined };
    };
    /** A watchdog took the place of one that had ended, and knows its groups. */
    'snakepit.watchdog.replaced': {
      readonly measurements: { readonly count: 1; readonly groups: number };
      readonly metadata: { readonly runId: string; readonly osPid: number | undefined };
    };
    /** The watchdog has ended while it was needed. */
    'snakepit.watchdog.died': {
      readonly measurements: { readonly count: 1; readonly uptimeMs: number };
      readonly metadata: {
        readonly runId: string;
        readonly osPid: number | undefined;
        readonly reason: string;
      };
    };
    /** A watchdog could not be started; it is tried again. */
    'snakepit.watchdog.unavailable': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: { readonly runId: string; readonly reason: string };
    };
    /** The watchdog says that it cannot do its work on this machine. */
    'snakepit.watchdog.faulted': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: { readonly runId: string; readonly fault: string };
    };
    /** The watchdog was told to leave and has left. */
    'snakepit.watchdog.stopped': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: { readonly runId: string };
    };
    /** The last look at the end found nothing: supervision did its work. */
    'snakepit.application_cleanup.cleanup_success': {
      readonly measurements: { readonly count: 0; readonly durationMs: number };
      readonly metadata: { readonly runId: string };
    };
    /** The last look at the end found processes, which are killed now. */
    'snakepit.application_cleanup.orphaned_processes_found': {
      readonly measurements: { readonly count: number };
      readonly metadata: { readonly runId: string; readonly osPids: readonly number[] };
    };
    /** What the last look found was killed; `successful` when nothing of it lives. */
    'snakepit.application_cleanup.emergency_cleanup': {
      readonly measurements: {
        readonly count: number;
        readonly survivors: number;
        readonly durationMs: number;
      };
      readonly metadata: { readonly runId: string; readonly successful: boolean };
    };
  }
}
