import { randomBytes } from 'node:crypto';
import {
  createSystem,
  formatExitReason,
  isSnakepitError,
  type ActorSystem,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import { Supervisor, type ChildSpec, type SupervisorRef } from '@snakepit/supervisor';
import { findBridgeFiles } from './bridge/bridge-files.ts';
import type { BridgeEndpoint } from './bridge/bridge-server.ts';
import { encodeArguments } from './bridge/codec.ts';
import type { ResolvedConfig, SnakepitConfig } from './config/config.ts';
import { resolveConfig } from './config/resolve-config.ts';
import { createDeferred } from './deferred.ts';
import { bridgeError } from './errors.ts';
import { createContainmentProber } from './hosts/local/strict-descendants.ts';
import type { RunResources } from './os/process-registry.ts';
import { createPoolRuntime, type PoolRuntime } from './pool/pool-runtime.ts';
import { poolName } from './pool/pool.ts';
import { findPython } from './python/find-python.ts';
import { watchSignals } from './signals.ts';
import { treeOf } from './snakepit-tree.ts';
import {
  healthOf,
  statsOf,
  workersOf,
  type Health,
  type Stats,
  type WorkerInfo,
} from './status.ts';
import { workerName } from './worker/grpc-worker.ts';

/** How one call is made. */
export interface ExecuteOptions {
  /** Which pool; default the first of the configuration. */
  readonly pool?: string;
  /** Milliseconds for everything, waiting for a worker included; default `requestTimeout` of the pool; `Infinity` for none. */
  readonly timeout?: number;
  /** Cancels the call, in the queue and in Python. */
  readonly signal?: AbortSignal;
  /** Whether the call may run twice: then it is tried again when its worker dies. Default false. */
  readonly idempotent?: boolean;
  /** Further arguments that are bytes. */
  readonly binary?: Readonly<Record<string, Uint8Array>>;
}

/** How everything is stopped. */
export interface SnakepitStopOptions {
  /**
   * Milliseconds after which nothing is waited for any more: calls in flight are given up and workers killed.
   * Default: each pool's `gracefulShutdownTimeout` and `termTimeout` count.
   */
  readonly timeout?: number;
}

/** Name of the root supervisor. */
const rootName = 'snakepit';

/**
 * Pools of supervised Python workers.
 *
 * @example
 * ```ts
 * await using snakepit = await Snakepit.start({
 *   pools: [{ name: 'default', size: 4, adapter: 'my_app.adapter.MyAdapter' }],
 * });
 * await snakepit.execute('add', { a: 2, b: 3 }); // 5
 * ```
 */
export class Snakepit implements AsyncDisposable {
  /** The actor system that everything runs in. */
  readonly system: ActorSystem;
  readonly #config: ResolvedConfig;
  readonly #pools: ReadonlyMap<string, PoolRuntime>;
  /** What workers show when they call Node; the same through restarts of the server, for they are told once. */
  readonly #bridgeToken = randomBytes(32).toString('hex');
  #tree: SupervisorRef | undefined;
  #resources: RunResources | undefined;
  /** All that any life of the process registry has held: nothing of it may be left at the end. */
  readonly #everHeld = new Set<RunResources>();
  #bridge: BridgeEndpoint | undefined;
  #stopping: Promise<void> | undefined;
  /** Settles with an error when there is nothing to wait for any more: it is being stopped, or has collapsed. */
  readonly #over = createDeferred<Error>();
  #unwatchSignals: () => void = () => undefined;

  private constructor(config: ResolvedConfig) {
    this.#config = config;
    this.system = createSystem({
      name: rootName,
      ...(config.logger === undefined ? {} : { logger: config.logger }),
    });
    const probeContainment = createContainmentProber(findBridgeFiles().pythonDir);
    this.#pools = new Map(
      config.pools.map((pool) => [
        pool.name,
        createPoolRuntime({
          system: this.system,
          config: pool,
          python: findPython({ python: pool.python }).executable,
          resources: () => this.#resources,
          bridge: () => this.#bridge ?? null,
          probeContainment,
          isStopping: () => this.#stopping !== undefined,
        }),
      ]),
    );
  }

  /**
   * Checks the whole configuration, then starts everything and waits until every worker is ready.
   *
   * @throws SnakepitError INVALID_CONFIG, ENVIRONMENT, ADAPTER_FAILED or WORKER_START_FAILED; nothing is left running.
   */
  static async start(config: SnakepitConfig): Promise<Snakepit> {
    const snakepit = new Snakepit(resolveConfig(config));
    try {
      await snakepit.#begin();
    } catch (error) {
      await snakepit.stop({ timeout: 0 });
      throw rootCause(error);
    }
    return snakepit;
  }

  async #begin(): Promise<void> {
    if (this.#config.handleSignals) this.#unwatchSignals = watchSignals(this);
    this.#tree = await Supervisor.start(this.system, {
      name: rootName,
      strategy: 'oneForOne',
      children: this.#children(),
    });
    void this.system.awaitExit(this.#tree.pid).then((reason) => {
      if (this.#stopping === undefined) this.#over.resolve(this.#collapse(reason));
    });
    const ready = Promise.all(Array.from(this.#pools.values(), (pool) => pool.ready));
    const isOver = await Promise.race([ready.then(() => undefined), this.#over.promise]);
    if (isOver !== undefined) throw isOver;
    if (this.#stopping !== undefined) throw bridgeError('SHUTTING_DOWN', {});
  }

  #children(): ChildSpec[] {
    const { stateDir, socketDir } = this.#config;
    return treeOf({
      system: this.system,
      stateDir,
      socketDir,
      bridgeToken: this.#bridgeToken,
      resources: () => this.#resources,
      onResources: (resources) => {
        this.#resources = resources;
        if (resources !== undefined) this.#everHeld.add(resources);
      },
      onBridge: (endpoint) => {
        this.#bridge = endpoint;
      },
      watchedPools: this.#config.pools.flatMap((pool) => (pool.watchdog ? [pool.name] : [])),
      pools: Array.from(this.#pools.values(), ({ spec }) => spec),
    });
  }

  /** The tree has ended by itself: nobody will ever serve a call again. */
  #collapse(reason: ExitReason): Error {
    const why = `supervision has given up (${formatExitReason(reason)}); see the reports before`;
    this.system.logger.error(`Snakepit has ended: ${why}`, { reason });
    for (const { config, dispatcher } of this.#pools.values()) {
      dispatcher.fail(collapsed(why, config.name));
    }
    return collapsed(why);
  }

  /** The root supervisor's process. */
  get root(): Pid {
    if (this.#tree === undefined) throw bridgeError('SHUTTING_DOWN', {});
    return this.#tree.pid;
  }

  /**
   * Runs a tool in Python.
   *
   * @param tool - Its name.
   * @param args - Its arguments by name: what JSON can carry, and bytes.
   * @returns What it returned; the caller says of which type that is.
   * @throws SnakepitError with the `code` of what went wrong.
   */
  async execute<T = unknown>(
    tool: string,
    args: Readonly<Record<string, unknown>> = {},
    options: ExecuteOptions = {},
  ): Promise<T> {
    const pool = this.#pool(options.pool);
    if (this.#stopping !== undefined) throw bridgeError('SHUTTING_DOWN', { tool });
    const result = await pool.dispatcher.execute({
      tool,
      arguments: encodeArguments(args, tool, options.binary),
      timeoutMs: timeoutOf(options.timeout, pool.config.requestTimeoutMs, tool),
      signal: options.signal,
      idempotent: options.idempotent ?? false,
    });
    return result as T;
  }

  #pool(name: string | undefined): PoolRuntime {
    const wanted = name ?? this.#config.pools[0]?.name ?? '';
    const pool = this.#pools.get(wanted);
    if (pool !== undefined) return pool;
    throw bridgeError('POOL_NOT_FOUND', { pool: wanted, available: [...this.#pools.keys()] });
  }

  /** What the pools have done and are doing: counts, safe to print. */
  stats(): Stats {
    return statsOf(this.system, this.#pools.values());
  }

  /** Every worker: state, operating system pid, restarts, calls in flight. */
  workers(): WorkerInfo[] {
    return workersOf(this.system, this.#pools.values());
  }

  /** Whether calls can be served. */
  health(): Health {
    return healthOf(this.system, this.#pools.values());
  }

  /**
   * Waits until every worker of every pool is ready.
   *
   * @param timeoutMs - Milliseconds to wait; default 15,000.
   * @throws SnakepitError TIMEOUT, with what is not ready; SHUTTING_DOWN when it is being stopped; why a worker was
   *   given up, for then it never will be ready.
   */
  async awaitReady(timeoutMs = 15_000): Promise<void> {
    const { clock } = this.system;
    const deadlineMs = clock.now() + timeoutMs;
    for (;;) {
      if (this.#stopping !== undefined) throw bridgeError('SHUTTING_DOWN', {});
      const waiting = this.workers().filter(({ state }) => !state.startsWith('ready'));
      if (waiting.length === 0) return;
      const failed = waiting.find(({ state }) => state === 'failed');
      const failure = this.#pools.get(failed?.pool ?? '')?.historyOf(failed?.id ?? '')?.givenUp;
      if (failure !== undefined) throw failure;
      if (clock.now() >= deadlineMs) throw notReady(waiting, timeoutMs);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 10));
    }
  }

  /**
   * Stops in order: no new calls, those in flight finish, workers are asked and at last killed.
   *
   * Resolves only when the operating system says that no process is left (R6.5). Calling it again waits for the same end.
   */
  stop(options: SnakepitStopOptions = {}): Promise<void> {
    if (this.#stopping === undefined) {
      this.#over.resolve(bridgeError('SHUTTING_DOWN', {}));
      this.#stopping = this.#end();
    }
    if (options.timeout !== undefined) this.#hurryAfter(options.timeout, this.#stopping);
    return this.#stopping;
  }

  /** Gives up what is in flight and kills the workers: a stop that is under way ends as soon as possible. */
  hurry(): void {
    if (this.#stopping !== undefined) this.#hurryAfter(0, this.#stopping);
  }

  #tellToHurry(): void {
    for (const { config, workerIds } of this.#pools.values()) {
      this.system.cast(poolName(config.name), { type: 'shutdown.hurried' });
      for (const id of workerIds) {
        this.system.cast(workerName(config.name, id), { type: 'shutdown.hurried' });
      }
    }
  }

  async #end(): Promise<void> {
    if (this.#tree !== undefined) await Supervisor.stop(this.#tree);
    await this.system.stop();
    // Done already, unless a process registry was killed: then nobody has waited for the end of its workers.
    await Promise.all(Array.from(this.#everHeld, ({ release }) => release()));
    for (const { config, dispatcher } of this.#pools.values()) {
      dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: config.name }));
    }
    this.#unwatchSignals();
  }

  #hurryAfter(timeoutMs: number, stopped: Promise<void>): void {
    const { clock } = this.system;
    // Again and again: a worker may come to the state in which it can be hurried only later.
    let timer = clock.setTimeout(again, timeoutMs);
    const hurry = (): void => {
      this.#tellToHurry();
    };
    function again(): void {
      hurry();
      timer = clock.setTimeout(again, 50);
    }
    const done = (): void => {
      clock.clearTimeout(timer);
    };
    stopped.then(done, done);
  }

  /** {@link Snakepit.stop}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function collapsed(reason: string, pool?: string): Error {
  return bridgeError('WORKER_UNAVAILABLE', { pool, reason, maybeExecuted: false });
}

function timeoutOf(given: number | undefined, fallbackMs: number, tool: string): number {
  if (given === undefined) return fallbackMs;
  // Plain JavaScript callers can give anything.
  if (typeof given === 'number' && given > 0) return given;
  throw bridgeError('INVALID_ARGUMENT', {
    tool,
    path: 'options.timeout',
    problem: `is ${String(given)}, not a number of milliseconds above 0`,
    advice: 'give milliseconds, or Infinity for no limit.',
  });
}

function notReady(waiting: readonly WorkerInfo[], timeoutMs: number): Error {
  const names = waiting.map(({ id, state }) => `${id} is ${state}`).join(', ');
  return bridgeError('TIMEOUT', {
    operation: `awaitReady() (${names})`,
    timeoutMs,
    option: 'its argument',
  });
}

/** The failure that the user can do something about, where the tree wrapped it into exit reasons. */
function rootCause(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isSnakepitError(cause)) return cause;
  }
  return error;
}
