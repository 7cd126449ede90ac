import type { WorkerMetadata } from './events.ts';

/** What an event of a worker's Python says; the measurements are as they were given there. */
export interface PythonEvent {
  /** Numbers by name, at most 32. */
  readonly measurements: Readonly<Record<string, number>>;
  /** Where it comes from. */
  readonly metadata: PythonMetadata;
}

/** Where an event of Python comes from. */
export interface PythonMetadata extends WorkerMetadata {
  /** Its name in Python, dotted. */
  readonly event: string;
  /** When it happened, in milliseconds since 1970, by the clock of the worker's machine. */
  readonly timestampMs: number;
  /** Id of the trace, or of the call, that it belongs to; empty without one. */
  readonly correlationId: string;
  /** What Python says besides, at most 32 texts by name. It has no prototype: no name in it means anything to JavaScript. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Events that come from Python, under the original's names; all others of Python are `snakepit.python.event`. */
export interface PythonTelemetryEvents {
  /** A worker's server listens; sent as soon as somebody takes events. With `startup_ms`, `tools`; `pid`, `python_version`. */
  'snakepit.python.worker.serving': PythonEvent;
  /** A worker was told to stop and takes no new calls. With `uptime_ms`, `in_flight`, calls `served` and `failed`; `pid`. */
  'snakepit.python.worker.stopping': PythonEvent;
  /** A worker has answered a heartbeat. With `in_flight`, `oldest_call_ms`, `loop_lag_ms`; `path`, `health`. */
  'snakepit.python.heartbeat.answered': PythonEvent;
  /** A tool begins; from adapters that say so. */
  'snakepit.python.tool.execution.start': PythonEvent;
  /** A tool has ended; from adapters that say so. */
  'snakepit.python.tool.execution.stop': PythonEvent;
  /** A tool has raised. With `tool` and `error_type`. */
  'snakepit.python.tool.execution.exception': PythonEvent;
  /** How large a result is; from adapters that say so. */
  'snakepit.python.tool.result_size': PythonEvent;
  /** Something begins; from adapters that say so. */
  'snakepit.python.call.start': PythonEvent;
  /** It has ended; from adapters that say so. */
  'snakepit.python.call.stop': PythonEvent;
  /** It has raised; from adapters that say so. */
  'snakepit.python.call.exception': PythonEvent;
  /** How much memory a worker has; from adapters that say so. */
  'snakepit.python.memory.sampled': PythonEvent;
  /** How busy a worker is; from adapters that say so. */
  'snakepit.python.cpu.sampled': PythonEvent;
  /** Garbage was collected; from adapters that say so. */
  'snakepit.python.gc.completed': PythonEvent;
  /** Something is wrong; from adapters that say so. */
  'snakepit.python.error.occurred': PythonEvent;
  /** Any other event of an adapter; its name is `metadata.event`. */
  'snakepit.python.event': PythonEvent;
  /** Events of a worker were lost, because they came faster than they were taken. */
  'snakepit.python.telemetry.dropped': {
    readonly measurements: { readonly count: number };
    readonly metadata: WorkerMetadata;
  };
  /** Events of a worker cannot be taken for now; it is tried again. */
  'snakepit.python.telemetry.interrupted': {
    readonly measurements: { readonly count: 1; readonly retryMs: number };
    readonly metadata: WorkerMetadata & { readonly reason: string };
  };
}
