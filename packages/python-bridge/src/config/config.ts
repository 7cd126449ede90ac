import type { EventLevel, Logger, Telemetry } from '@snakepit/core';
import type { RemotePlaces } from '../hosts/remote/remote-places.ts';
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

/** When a worker that serves well is replaced; its replacement serves before it ends. Durations are in milliseconds. */
export interface RecycleConfig {
  /** A worker that has served this long is replaced. Default `Infinity`. */
  readonly maxAge?: number | undefined;
  /** A worker that has executed so many calls is replaced. Default `Infinity`. */
  readonly maxRequests?: number | undefined;
  /** A worker whose process group has so many bytes in memory is replaced. Default `Infinity`. */
  readonly maxMemoryBytes?: number | undefined;
  /** Time between two looks at the memory, and before a worker that could not be replaced is tried again. Default 60 000. */
  readonly checkInterval?: number | undefined;
  /** Part of `maxAge` and `maxRequests` by which a limit may be lower, 0 to 1; each start draws its own. Default 0.1. */
  readonly jitter?: number | undefined;
}

/** How often a call is tried again whose worker died or could not be reached. Durations are in milliseconds. */
export interface RetryConfig {
  /** How often it is tried in all. Default 3. */
  readonly maxAttempts?: number | undefined;
  /** Pause before the second attempt. Default 10. */
  readonly initial?: number | undefined;
  /** Longest pause. Default 30 000. */
  readonly max?: number | undefined;
  /** Each further pause is longer by this factor. Default 2. */
  readonly factor?: number | undefined;
  /** Part of the pause by which it may be shorter or longer, 0 to 1. Default 0.25. */
  readonly jitter?: number | undefined;
}

/** When calls are refused at once because the workers of a pool keep failing. Durations are in milliseconds. */
export interface CircuitBreakerConfig {
  /** Whether there is one. Default false. */
  readonly enabled?: boolean | undefined;
  /** So many failed calls within `failureWindow` open it. Default 5. */
  readonly failureThreshold?: number | undefined;
  /** Failures that lie further back are forgotten. Default 60 000. */
  readonly failureWindow?: number | undefined;
  /** How long calls are refused before some are let through to try. Default 30 000. */
  readonly resetTimeout?: number | undefined;
  /** How many calls are let through to try. Default 1. */
  readonly halfOpenMaxCalls?: number | undefined;
  /** Whether a call that ran out of time counts as failed. Default false. */
  readonly countTimeouts?: boolean | undefined;
  /** Whether a call whose tool raised an exception counts as failed. Default false. */
  readonly countExceptions?: boolean | undefined;
}

/** When a request that killed workers is refused. Durations are in milliseconds. */
export interface CrashBarrierConfig {
  /** Whether there is one. Default true. */
  readonly enabled?: boolean | undefined;
  /** It is refused after so many deaths for which nothing else can be blamed. Default 2. */
  readonly maxDeaths?: number | undefined;
  /** How long a death is remembered. Default 60 000. */
  readonly remember?: number | undefined;
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
  /**
   * Names of the variables of Node that workers inherit, beside those that every program needs (PATH, HOME, locale, …);
   * `*` stands for any characters. Default: all.
   */
  readonly envAllow?: readonly string[] | undefined;
  /** Runs a server of the original Snakepit (Elixir) instead of ours, unchanged; see docs/compatibility.md. */
  readonly compat?: 'snakepit-0.13' | undefined;
  /** The server of a pool with `compat`: path of its `grpc_server.py` or `grpc_server_threaded.py`. */
  readonly serverScript?: string | undefined;
  /** How long a worker may take from its start until it serves. Default 30 000. */
  readonly startupTimeout?: number | undefined;
  /** How long a call may take when it does not say so itself; `Infinity` is allowed. Default 60 000. */
  readonly requestTimeout?: number | undefined;
  /** How many calls one worker executes at the same time; the adapter must be made for more than one. Default 1. */
  readonly concurrency?: number | undefined;
  /**
   * How calls of one worker come together: `process` is for one at a time (or `concurrency`), `thread` runs
   * `threadsPerWorker` at the same time in one process; the adapter must say that it is made for that. Default `process`.
   */
  readonly profile?: 'process' | 'thread' | undefined;
  /** With profile `thread`: how many calls one worker executes at the same time. Default 10. */
  readonly threadsPerWorker?: number | undefined;
  /**
   * With profile `thread`: whether workers look for modules and tools that are risky there; `warn` tells of them, `strict`
   * refuses them. Default `off`.
   */
  readonly threadSafetyCheck?: 'off' | 'warn' | 'strict' | undefined;
  /** How long a stream may take, from the first read to its end, when it does not say so itself; `Infinity` is allowed. Default 900 000. */
  readonly streamTimeout?: number | undefined;
  /**
   * How long a worker may go on with a call that was cancelled or is late; then it is killed and replaced, and its other
   * calls fail with WORKER_CRASHED. Default `Infinity`: for ever, but it takes no other call in that place meanwhile.
   */
  readonly cancelGrace?: number | undefined;
  /** How long a call may wait for a free worker; `Infinity` is allowed. Default 10 000. */
  readonly queueTimeout?: number | undefined;
  /** How many calls may wait for a free worker. Default 1000. */
  readonly maxQueueSize?: number | undefined;
  /**
   * How processes of workers are made: `fork` by a warm Python process of the pool that has imported everything (Linux,
   * macOS), which takes a tenth of the time and a fifth of the memory; `spawn` each as a new interpreter; `auto` by
   * forking wherever that is possible and saves something: a pool of one worker without `preload` spawns it. See
   * docs/launching.md. Default `auto`.
   */
  readonly launch?: 'auto' | 'fork' | 'spawn' | undefined;
  /**
   * Names of Python modules that are imported before workers are forked, beside the adapter when that says
   * `fork_safe = True`. They may start no thread and make no gRPC object. Default: none.
   */
  readonly preload?: readonly string[] | undefined;
  /**
   * How many workers may be starting at the same time, at most; how many are, is learnt from how long starts take, and is
   * about twice the number of processors where they compute. Default 10.
   */
  readonly startupBatchSize?: number | undefined;
  /** Pause before each start but the first ones; with 0 the next start begins when one has ended. Default 0. */
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
  /**
   * What becomes of an object that a tool returns and that cannot be sent. `error` fails the call, `marker` puts its class
   * in its place, as the original does; see `isUnserializable`. Default `error`: nobody takes a marker for the value.
   */
  readonly unserializable?: 'error' | 'marker' | undefined;
  /**
   * Which way calls go to the workers. `auto`: many on one stream where the worker can, which is many times faster;
   * `unary`: one gRPC call each. Default `auto`.
   */
  readonly callPath?: 'auto' | 'unary' | undefined;
  /** Most bytes that the binary data of one value may have. Default 2 147 483 647; with `callPath: 'unary'` 100 MB is the limit. */
  readonly maxValueBytes?: number | undefined;
  /** How often a worker that ends by itself is started again. */
  readonly restart?: RestartConfig | undefined;
  /** When a worker that serves well is replaced. */
  readonly recycle?: RecycleConfig | undefined;
  /** How often a call is tried again whose worker died. */
  readonly retry?: RetryConfig | undefined;
  /** When calls are refused because the workers keep failing. */
  readonly circuitBreaker?: CircuitBreakerConfig | undefined;
  /** When a request that killed workers is refused. */
  readonly crashBarrier?: CrashBarrierConfig | undefined;
}

/** Workers that somebody runs elsewhere with `python -m snakepit_bridge --listen`; see docs/security.md. */
export interface RemoteConfig {
  /** `host:port` of the worker, or of each. The pool has so many workers; all must have the same adapter. */
  readonly address?: string | readonly string[] | undefined;
  /** TLS; without it only addresses of this machine's loopback are allowed. */
  readonly tls?: RemoteTlsConfig | undefined;
  /** The token that the workers were started with, of at least 16 characters. */
  readonly token?: string | undefined;
  /** The file that holds the token; read again for each connection. */
  readonly tokenFile?: string | undefined;
}

/** How TLS knows both sides. The files are PEM, and are read again for each connection. */
export interface RemoteTlsConfig {
  /** File with the authorities one of which has signed the workers' certificates; no others are trusted. */
  readonly ca?: string | undefined;
  /** File with our own certificate, for workers with `--tls-client-ca`. */
  readonly cert?: string | undefined;
  /** File with its key. */
  readonly key?: string | undefined;
  /** The name in the workers' certificates. Default: the one in the address. */
  readonly serverName?: string | undefined;
}

/** One pool of Python workers. */
export interface PoolConfig extends SharedPoolConfig {
  /** Workers that somebody runs elsewhere, in place of those that this runtime starts. */
  readonly remote?: RemoteConfig | undefined;
  /** Name of the pool; calls choose it with `{ pool }`. Letters, digits, `_`, `.` and `-`. */
  readonly name: string;
}

/** Which events of Python are taken, when somebody listens to any. */
export interface PythonTelemetryConfig {
  /** Whether any are. Default true. */
  readonly enabled?: boolean | undefined;
  /** Which part of the events that `sampled` names workers send, 0 to 1. Default 1. */
  readonly sampling?: number | undefined;
  /** Names in Python of the events that are sampled; `*` stands for any characters. Default: all. */
  readonly sampled?: readonly string[] | undefined;
  /** Names in Python of the events that are sent. Default: all. */
  readonly allow?: readonly string[] | undefined;
  /** Names in Python of the events that are not sent. Default: none. */
  readonly deny?: readonly string[] | undefined;
}

/** What becomes of events; see docs/telemetry.md. */
export interface TelemetryConfig {
  /**
   * The event bus, made by `createTelemetry`: whoever attaches to it before the start also hears what happens during that.
   * Default: one of its own, `snakepit.system.telemetry`.
   */
  readonly bus?: Telemetry | undefined;
  /** Events that nobody hears, whoever listens (R9.4); `*` stands for any characters. Default: none. */
  readonly disabled?: readonly string[] | undefined;
  /** Whether events are logged, and from which level on; `true` is `info`. Default false. */
  readonly log?: EventLevel | boolean | undefined;
  /** Events that come from Python. */
  readonly python?: PythonTelemetryConfig | undefined;
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
  /** What becomes of events. */
  readonly telemetry?: TelemetryConfig | undefined;
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
  'python' | 'cwd' | 'pythonPath' | 'env' | 'remote'
> & {
  /** Where the workers are that others start; undefined for workers of our own. */
  readonly remote: RemotePlaces | undefined;
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
  /** What becomes of events; the bus is undefined for the actor system's own. */
  readonly telemetry: Resolved<typeof runtimeSchema>['telemetry'];
  /** Whether SIGINT and SIGTERM stop Snakepit in order. */
  readonly handleSignals: Resolved<typeof runtimeSchema>['handleSignals'];
}
