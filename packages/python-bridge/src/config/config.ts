import type { Logger, Telemetry } from '@snakepit/core';
import type { Resolved } from './fields.ts';
import type { poolSchema, runtimeSchema } from './schema.ts';

/** How a worker that hangs is found. Durations are in milliseconds. */
export interface HeartbeatConfig {
  /** Whether workers are asked at all. Default true. */
  readonly enabled?: boolean | undefined;
  /** Time between two pings, 1000 to 60 000 (R9.1). Default 2000. */
  readonly pingInterval?: number | undefined;
  /** A worker whose last answer is older than this is replaced; 5000 to 300 000 and longer than `pingInterval` (R9.1). Default 10 000. */
  readonly timeoutThreshold?: number | undefined;
  /** A worker that misses so many pings in a row is replaced. Default 3. */
  readonly maxMissed?: number | undefined;
  /**
   * A worker that has been executing one call for longer than this is replaced, however well it answers; at least 1000.
   * Default `Infinity`: a busy worker is kept.
   */
  readonly busyTimeout?: number | undefined;
}

/** The pause before a restart. Durations are in milliseconds. */
export interface BackoffConfig {
  /** Pause before the second restart in a row; the first is immediate. Default 100. */
  readonly initial?: number | undefined;
  /** Longest pause. Default 30 000. */
  readonly max?: number | undefined;
  /** Each further pause is longer by this factor. Default 2. */
  readonly factor?: number | undefined;
  /** Part of the pause that is left to chance, 0 to 1. Default 0.25. */
  readonly jitter?: number | undefined;
}

/** How a worker that ends by itself is started again (R10.2). Durations are in milliseconds. */
export interface RestartConfig {
  /** A worker that fails to start is started again so often; then it is given up. Default 3. */
  readonly maxRestarts?: number | undefined;
  /** A worker that has served this long starts over with a clean record. Default 10 000. */
  readonly period?: number | undefined;
  /** The pause before a restart. */
  readonly backoff?: BackoffConfig | undefined;
}

/** Options that a pool may have, and the top level for all pools that do not say otherwise. Durations are in milliseconds. */
export interface SharedPoolConfig {
  /** Number of Python workers, 1 to 10 000. Default: number of CPUs. */
  readonly size?: number | undefined;
  /** Dotted path of the Python class with the tools, such as `my_app.adapter.MyAdapter`. */
  readonly adapter?: string | undefined;
  /** Further arguments of the command line of the worker. */
  readonly adapterArgs?: readonly string[] | undefined;
  /** Python interpreter, as a path or a name on PATH. Default: looked for. */
  readonly python?: string | undefined;
  /** Directories in which Python finds modules; relative ones start at `cwd`. */
  readonly pythonPath?: readonly string[] | undefined;
  /** Working directory of the workers; modules in it can be imported. Default: that of Node. */
  readonly cwd?: string | undefined;
  /** Environment variables of the workers, beside those of Node. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How long a worker may take from its start until it serves. Default 30 000. */
  readonly startupTimeout?: number | undefined;
  /** How long a call may take when it does not say so itself; `Infinity` is allowed. Default 60 000. */
  readonly requestTimeout?: number | undefined;
  /** How many calls one worker executes at the same time; the adapter must be made for more than one. Default 1. */
  readonly concurrency?: number | undefined;
  /** How long a call may wait for a free worker; `Infinity` is allowed. Default 10 000. */
  readonly queueTimeout?: number | undefined;
  /** How many calls may wait for a free worker. Default 1000. */
  readonly maxQueueSize?: number | undefined;
  /** How many workers start at the same time. Default 10. */
  readonly startupBatchSize?: number | undefined;
  /** Pause between two such batches. Default 0. */
  readonly startupBatchDelay?: number | undefined;
  /** How a worker that hangs is found. */
  readonly heartbeat?: HeartbeatConfig | undefined;
  /** How long calls that are being executed may go on when a worker is to stop, 5000 to 300 000 (R9.3). Default 30 000. */
  readonly gracefulShutdownTimeout?: number | undefined;
  /** Time between SIGTERM and SIGKILL. Default 3000. */
  readonly termTimeout?: number | undefined;
  /** Whether a small process beside Node ends the workers when Node is gone and nothing else did. Default false. */
  readonly watchdog?: boolean | undefined;
  /**
   * How far the processes that workers start are followed. `strict` (Linux only) also ends daemons that left session,
   * group and environment; it costs a launcher process for each worker. Default `usual`.
   */
  readonly descendants?: 'usual' | 'strict' | undefined;
  /** How often a worker that ends by itself is started again. */
  readonly restart?: RestartConfig | undefined;
}

/** One pool of Python workers. */
export interface PoolConfig extends SharedPoolConfig {
  /** Name of the pool; calls choose it with `{ pool }`. Letters, digits, `_`, `.` and `-`. */
  readonly name: string;
}

/**
 * What `Snakepit.start` takes.
 *
 * Options of {@link SharedPoolConfig} at the top level are the defaults of all pools. Some are overridden by environment
 * variables; see docs/configuration.md.
 */
export interface SnakepitConfig extends SharedPoolConfig {
  /** The pools, at least one. The first is the one that calls use when they name none. */
  readonly pools: readonly PoolConfig[];
  /** Directory of the run records. Default: `$XDG_STATE_HOME/snakepit`, else that of the platform. */
  readonly stateDir?: string | undefined;
  /** Directory of the sockets of the workers. Default: a private one that is removed at the end. */
  readonly socketDir?: string | undefined;
  /** Where log lines go. Default: that of the actor system. */
  readonly logger?: Logger | undefined;
  /**
   * The event bus, made by `createTelemetry`: whoever attaches to it before the start also hears what happens during that.
   * Default: one of its own, `snakepit.system.telemetry`.
   */
  readonly telemetry?: Telemetry | undefined;
  /** Whether SIGINT and SIGTERM stop Snakepit in order before Node ends. Default true. */
  readonly handleSignals?: boolean | undefined;
}

/** The interpreter that was asked for, and by whom, for messages. */
export interface ConfiguredPython {
  /** A path or a name on PATH. */
  readonly path: string;
  /** The key or variable that named it, such as `pools[0].python` or `SNAKEPIT_PYTHON`. */
  readonly source: string;
}

/** A pool with every value known, checked and frozen. Durations are called `…Ms`. */
export type ResolvedPool = Omit<
  Resolved<typeof poolSchema>,
  'python' | 'cwd' | 'pythonPath' | 'env'
> & {
  /** The interpreter that was asked for; undefined when one has to be looked for. */
  readonly python: ConfiguredPython | undefined;
  /** Absolute working directory of the workers. */
  readonly cwd: string;
  /** Absolute directories. */
  readonly pythonPath: readonly string[];
  /** Variables of the top level and of the pool together; the pool's win. */
  readonly env: Readonly<Record<string, string>>;
};

/** A configuration with every value known, checked and frozen. */
export interface ResolvedConfig {
  /** The pools, in the order of the configuration. */
  readonly pools: readonly ResolvedPool[];
  /** Absolute directory of the run records; undefined for the platform's default. */
  readonly stateDir: string | undefined;
  /** Absolute directory of the sockets; undefined for a private one. */
  readonly socketDir: string | undefined;
  /** Where log lines go; undefined for the actor system's own. */
  readonly logger: Logger | undefined;
  /** The event bus; undefined for the actor system's own. */
  readonly telemetry: Telemetry | undefined;
  /** Whether SIGINT and SIGTERM stop Snakepit in order. */
  readonly handleSignals: Resolved<typeof runtimeSchema>['handleSignals'];
}
