/** Which call an event is about. */
export interface CallMetadata {
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the tool. */
  readonly tool: string;
  /** Id of the session, if the call has one. */
  readonly session: string | undefined;
}

/** Which call, and which worker. */
export interface WorkerCallMetadata extends CallMetadata {
  /** Id of the worker in the pool. */
  readonly workerId: string;
}

/** Which session an event is about. */
export interface SessionMetadata {
  /** Its id. */
  readonly session: string;
}

/** Events of calls and sessions. */
export interface CallTelemetryEvents {
  /** A call was refused, because as many wait as may. */
  'snakepit.pool.saturated': {
    readonly measurements: { readonly queueSize: number; readonly maxQueueSize: number };
    readonly metadata: CallMetadata;
  };
  /** A call has waited for a worker as long as it may. */
  'snakepit.pool.queue.timeout': {
    readonly measurements: { readonly count: 1; readonly waitedMs: number };
    readonly metadata: CallMetadata;
  };
  /** A call was given to a worker. */
  'snakepit.pool.call.dispatched': {
    readonly measurements: {
      readonly count: 1;
      /** Since the call was made. */
      readonly waitedMs: number;
    };
    readonly metadata: WorkerCallMetadata & {
      /** 1 at first. */
      readonly attempt: number;
    };
  };
  /** A call is over for its caller. */
  'snakepit.request.executed': {
    readonly measurements: {
      readonly count: 1;
      /** Since it was made. */
      readonly durationMs: number;
      /** How often a worker was given it. */
      readonly attempts: number;
    };
    readonly metadata: CallMetadata & {
      readonly workerId: string | undefined;
      readonly success: boolean;
      /** Code of the error, if it failed. */
      readonly code: string | undefined;
    };
  };
  /** A worker begins to execute a call. */
  'snakepit.grpc_worker.execute.start': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: WorkerCallMetadata;
  };
  /** A worker has executed a call. */
  'snakepit.grpc_worker.execute.stop': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: WorkerCallMetadata;
  };
  /** A worker's execution of a call has failed, or was given up. */
  'snakepit.grpc_worker.execute.exception': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: WorkerCallMetadata & {
      /** Code of the error. */
      readonly code: string;
    };
  };
  /** A call is tried again. */
  'snakepit.retry.attempt': {
    readonly measurements: {
      /** How often it was tried before. */
      readonly attempt: number;
      /** The pause before it was. */
      readonly delayMs: number;
    };
    readonly metadata: CallMetadata;
  };
  /** A call that was tried again has succeeded. */
  'snakepit.retry.success': {
    readonly measurements: { readonly attempts: number };
    readonly metadata: CallMetadata;
  };
  /** A call that was tried again has failed for good. */
  'snakepit.retry.exhausted': {
    readonly measurements: { readonly attempts: number };
    readonly metadata: CallMetadata & {
      /** Code of the last error. */
      readonly code: string;
    };
  };
  /** The worker that a session kept to is gone. */
  'snakepit.session.lost': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: SessionMetadata & { readonly pool: string; readonly workerId: string };
  };
  /** There is a session. */
  'snakepit.session.created': {
    readonly measurements: { readonly count: 1; readonly sessions: number };
    readonly metadata: SessionMetadata;
  };
  /** A session is gone. */
  'snakepit.session.destroyed': {
    readonly measurements: { readonly count: 1; readonly sessions: number };
    readonly metadata: SessionMetadata & { readonly reason: 'removed' | 'expired' };
  };
  /** Sessions that were not used for their time to live were removed. */
  'snakepit.bridge.session.pruned': {
    readonly measurements: { readonly count: number; readonly remainingSessions: number };
    readonly metadata: { readonly reason: 'expired' };
  };
  /** There are nearly as many sessions as there may be. */
  'snakepit.bridge.session.accumulation_warning': {
    readonly measurements: {
      readonly currentSessions: number;
      readonly maxSessions: number;
      /** From 0 to 1. */
      readonly utilization: number;
    };
    readonly metadata: {
      /** From this utilization on it is told, once until there are fewer again. */
      readonly threshold: number;
    };
  };
}
