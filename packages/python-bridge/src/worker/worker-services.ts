import type { PoolDispatcher } from '../pool/dispatcher.ts';
import type { WorkerHost, WorkerSpec } from '../hosts/worker-host.ts';
import type { WorkerConfiguration } from '../telemetry/events.ts';

/** What all workers of a pool work with; handed to their effects, never kept in a chart. */
export interface WorkerServices {
  /** Where worker processes live. Asked at each start, because the registry that owns it may have been restarted. */
  readonly host: () => WorkerHost;
  /** Registered name of the pool's process: it is told who is ready, down, or failed. */
  readonly poolName: string;
  /** Where a ready worker takes its calls from. */
  readonly dispatcher: PoolDispatcher;
  /** How they are started, for errors and telemetry. */
  readonly configuration: WorkerConfiguration;
  /** What to start, without what is made anew for each start. */
  readonly spec: () => Omit<WorkerSpec, 'workerId' | 'incarnation' | 'token'>;
  /** How often and how long a worker is asked for a sign of life; `undefined` for never. */
  readonly heartbeat: HeartbeatSettings | undefined;
}

/** The heartbeat of a pool's workers. */
export interface HeartbeatSettings {
  /** Milliseconds between two pings. */
  readonly pingIntervalMs: number;
  /** Milliseconds without an answer after which the worker is unhealthy. */
  readonly timeoutThresholdMs: number;
  /** Misses in a row that make it unhealthy. */
  readonly maxMissed: number;
  /** Milliseconds that it may execute one call; Infinity for ever. */
  readonly busyTimeoutMs: number;
}
