/** Which worker an event is about. */
export interface WorkerMetadata {
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in the pool. */
  readonly workerId: string;
}

declare module '@snakepit/core' {
  interface TelemetryEvents {
    /** A worker is ready; its process runs and answers. */
    'snakepit.worker.started': {
      readonly measurements: { readonly count: 1; readonly startupMs: number };
      readonly metadata: WorkerMetadata & { readonly osPid: number | undefined };
    };
    /** A worker's process is gone and its resources are free. */
    'snakepit.worker.terminated': {
      readonly measurements: { readonly count: 1; readonly uptimeMs: number };
      readonly metadata: WorkerMetadata & {
        readonly osPid: number | undefined;
        readonly reason: string;
        readonly means: 'none' | 'term' | 'kill';
        readonly confirmed: boolean;
      };
    };
    /** A worker is given up: starting it again cannot help, or failed too often. */
    'snakepit.worker.failed': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: WorkerMetadata & { readonly error: Error };
    };
    /** A ping was sent. */
    'snakepit.worker.heartbeat.sent': {
      readonly measurements: { readonly count: 1 };
      readonly metadata: WorkerMetadata;
    };
    /** A pong arrived. */
    'snakepit.worker.heartbeat.received': {
      readonly measurements: { readonly count: 1; readonly latencyMs: number };
      readonly metadata: WorkerMetadata;
    };
    /** A ping had no pong in time, and our own loop was not the reason. */
    'snakepit.worker.heartbeat.missed': {
      readonly measurements: { readonly count: 1; readonly missed: number };
      readonly metadata: WorkerMetadata;
    };
    /** A worker is unhealthy and will be replaced. */
    'snakepit.worker.heartbeat.failed': {
      readonly measurements: { readonly count: 1; readonly missed: number };
      readonly metadata: WorkerMetadata;
    };
    /** What earlier runs left behind was looked for. */
    'snakepit.cleanup.swept': {
      readonly measurements: {
        readonly runs: number;
        readonly processes: number;
        readonly durationMs: number;
      };
      readonly metadata: { readonly runId: string };
    };
    /** The last look at the end found nothing: supervision did its work. */
    'snakepit.application_cleanup.cleanup_success': {
      readonly measurements: { readonly count: 0 };
      readonly metadata: { readonly runId: string };
    };
    /** The last look at the end found processes, which were killed. */
    'snakepit.application_cleanup.orphaned_processes_found': {
      readonly measurements: { readonly count: number };
      readonly metadata: { readonly runId: string; readonly osPids: readonly number[] };
    };
  }
}
