import type { CallPathChoice } from '../bridge/open-worker-client.ts';
import type { PoolDispatcher } from '../pool/pool-call.ts';
import type { WorkerHost, WorkerSpec } from '../hosts/worker-host.ts';
import type { EventSources } from '../telemetry/event-sources.ts';
import type { WorkerConfiguration } from '../telemetry/events.ts';
import type { SharedMoments } from './shared-moments.ts';

/** What all workers of a pool work with; handed to their effects, never kept in a chart. */
export interface WorkerServices {
  /** Where worker processes live. Asked at each start, because the registry that owns it may have been restarted. */
  readonly host: () => WorkerHost;
  /** Where a ready worker takes its calls from. */
  readonly dispatcher: PoolDispatcher;
  /** Where those that run are known to whoever takes the events of Python. */
  readonly eventSources: EventSources;
  /** How they are started, for errors and telemetry. */
  readonly configuration: WorkerConfiguration;
  /** What to start, without what is made anew for each start. */
  readonly spec: () => Omit<WorkerSpec, 'workerId' | 'incarnation' | 'token'>;
  /** Which way calls go, and how large their values may be, in bytes. */
  readonly calls: { readonly callPath: CallPathChoice; readonly maxValueBytes: number };
  /** How often and how long a worker is asked for a sign of life; `undefined` for never. */
  readonly heartbeat: HeartbeatSettings | undefined;
  /** When their heartbeats wake up: together, so that timers do not grow with workers. */
  readonly moments: SharedMoments;
  /** Whether all of Snakepit is being stopped: those that end then have no successors. */
  readonly isStopping: () => boolean;
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
