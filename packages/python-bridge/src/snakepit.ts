import { randomBytes } from 'node:crypto';
import {
  createSystem,
  formatExitReason,
  type ActorSystem,
  type ExitReason,
  type Pid,
} from '@snakepit/core';
import { Supervisor, type ChildSpec, type SupervisorRef } from '@snakepit/supervisor';
import { createBell } from './bell.ts';
import { findBridgeFiles } from './bridge/bridge-files.ts';
import type { BridgeEndpoint } from './bridge/bridge-server.ts';
import { encodeArguments } from './bridge/codec.ts';
import {
  drainTimeOf,
  faultOfTime,
  timeoutOf,
  type ExecuteOptions,
  type RestartOptions,
  type SnakepitStopOptions,
} from './call-options.ts';
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
import { collapsed, notReady, rootCause, wrongWorker } from './snakepit-errors.ts';
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
  /** Aborted when a stop is to end as soon as possible. */
  readonly #hurried = new AbortController();
  /** Settles with an error when there is nothing to wait for any more: it is being stopped, or has collapsed. */
  readonly #over = createDeferred<Error>();
  #overWith: Error | undefined;
  /** Rings when a worker has become ready or was given up, and when all is over. */
  readonly #bell = createBell();
  #unwatchSignals: () => void = () => undefined;

  private constructor(config: ResolvedConfig) {
    this.#config = config;
    this.system = createSystem({
      name: rootName,
      ...(config.logger === undefined ? {} : { logger: config.logger }),
      ...(config.telemetry === undefined ? {} : { telemetry: config.telemetry }),
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
          over: () => this.#overWith,
          bell: this.#bell,
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
      if (this.#stopping === undefined) this.#finish(this.#collapse(reason));
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
      hurried: this.#hurried.signal,
      resources: () => this.#resources,
      onResources: (resources) => {
        this.#resources = resources;
        if (resources !== undefined) this.#hold(resources);
      },
      onBridge: (endpoint) => {
        this.#bridge = endpoint;
      },
      watchedPools: this.#config.pools.flatMap((pool) => (pool.watchdog ? [pool.name] : [])),
      poolNames: [...this.#pools.keys()],
      pools: Array.from(this.#pools.values(), ({ spec }) => spec),
    });
  }

  #hold(resources: RunResources): void {
    // Whoever had the earlier ones has ended, and they are being released.
    for (const earlier of this.#everHeld) {
      void earlier.release().then(() => this.#everHeld.delete(earlier));
    }
    this.#everHeld.add(resources);
  }

  #finish(why: Error): void {
    this.#overWith ??= why;
    this.#over.resolve(why);
    this.#bell.ring();
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
    const pool = this.#pool(options.pool ?? this.#config.pools[0]?.name);
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
    const pool = this.#pools.get(name ?? '');
    if (pool !== undefined) return pool;
    throw bridgeError('POOL_NOT_FOUND', { pool: String(name), available: [...this.#pools.keys()] });
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
   *   given up, for then it will not be ready before {@link Snakepit.revive}; why supervision has collapsed;
   *   INVALID_ARGUMENT for what is no time.
   */
  async awaitReady(timeoutMs = 15_000): Promise<void> {
    const advice = 'give milliseconds, or leave it out for 15,000.';
    const fault = faultOfTime(timeoutMs, 'the time for awaitReady()', advice);
    if (fault !== undefined) throw fault;
    const { clock } = this.system;
    let isLate = timeoutMs === 0;
    const timer = clock.setTimeout(() => {
      isLate = true;
      this.#bell.ring();
    }, timeoutMs);
    try {
      for (;;) {
        if (this.#overWith !== undefined) throw this.#overWith;
        const waiting = this.workers().filter(({ state }) => !state.startsWith('ready'));
        if (waiting.length === 0) return;
        const failed = waiting.find(({ state }) => state === 'failed');
        const failure = this.#pools.get(failed?.pool ?? '')?.historyOf(failed?.id ?? '')?.givenUp;
        if (failure !== undefined) throw failure.error;
        if (isLate) throw notReady(waiting, timeoutMs);
        await this.#bell.next();
      }
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /**
   * Restarts one worker in order: calls in flight finish, its process ends, its socket and its record are gone, then
   * another process serves in its place (R6.2). New calls go to other workers or wait meanwhile (R6.4).
   *
   * Resolves when it serves again. Asked again meanwhile, it waits for the same restart.
   *
   * @param workerId - As in {@link Snakepit.workers}.
   * @throws SnakepitError INVALID_ARGUMENT for an unknown id; why the worker was given up; SHUTTING_DOWN.
   */
  async restartWorker(workerId: string, { timeout }: RestartOptions = {}): Promise<void> {
    const { restarts } = this.#poolOf(workerId);
    await restarts.restart(workerId, drainTimeOf(timeout));
  }

  /**
   * Restarts all workers of a pool, at most a quarter of them at a time, so that the others serve; those that do not
   * serve come first. The calls to a pool of one worker wait in its queue meanwhile.
   *
   * Asked again meanwhile, it waits for the same restart; a shorter time counts.
   *
   * @param name - Name of the pool.
   * @throws SnakepitError POOL_NOT_FOUND; of the first worker that did not come back, and then those whose turn had
   *   not come are left as they were; SHUTTING_DOWN.
   */
  async restartPool(name: string, { timeout }: RestartOptions = {}): Promise<void> {
    const { restarts } = this.#pool(name);
    await restarts.restartAll(drainTimeOf(timeout));
  }

  /**
   * Starts a worker anew that was given up, with all its chances; resolves when it serves.
   *
   * @param workerId - As in {@link Snakepit.workers}, where its `state` is `failed` and its `failure` says why.
   * @throws SnakepitError INVALID_ARGUMENT for an unknown id, and for a worker that is not given up; why it was given
   *   up again; SHUTTING_DOWN.
   */
  async revive(workerId: string): Promise<void> {
    const { restarts, historyOf } = this.#poolOf(workerId);
    if (this.#overWith !== undefined) throw this.#overWith;
    if (historyOf(workerId)?.givenUp === undefined && !restarts.isUnderWay(workerId)) {
      const { state } = this.workers().find(({ id }) => id === workerId) ?? {};
      throw wrongWorker(
        `"${workerId}" is ${state ?? 'unknown'}, not failed`,
        'restart it with restartWorker().',
      );
    }
    await restarts.restart(workerId);
  }

  #poolOf(workerId: string): PoolRuntime {
    const pools = [...this.#pools.values()];
    const pool = pools.find(({ workerIds }) => workerIds.includes(workerId));
    if (pool !== undefined) return pool;
    const known = pools.flatMap(({ workerIds }) => workerIds);
    const shown = known.slice(0, 20).join(', ') + (known.length > 20 ? ', …' : '');
    throw wrongWorker(
      `"${workerId}" is no worker; there are ${shown}`,
      'give the id of one of workers().',
    );
  }

  /**
   * Stops in order: no new calls, those in flight finish, workers are asked and at last killed.
   *
   * Resolves only when the operating system says that no process is left (R6.5). Calling it again waits for the same end.
   *
   * @throws SnakepitError INVALID_ARGUMENT for a timeout that is no time; then nothing is stopped.
   */
  stop({ timeout }: SnakepitStopOptions = {}): Promise<void> {
    const fault = faultOfTime(timeout, 'options.timeout', 'give milliseconds, or leave it out.');
    if (fault !== undefined) return Promise.reject(fault);
    if (this.#stopping === undefined) {
      this.#finish(bridgeError('SHUTTING_DOWN', {}));
      this.#stopping = this.#end();
    }
    if (timeout !== undefined) this.#hurryAfter(timeout, this.#stopping);
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
    try {
      if (this.#tree !== undefined) await Supervisor.stop(this.#tree);
      await this.system.stop();
      // Done already, unless a process registry was killed: then nobody has waited for the end of its workers.
      await Promise.all(Array.from(this.#everHeld, ({ release }) => release()));
    } finally {
      for (const { config, dispatcher } of this.#pools.values()) {
        dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: config.name }));
      }
      this.#unwatchSignals();
    }
  }

  #hurryAfter(timeoutMs: number, stopped: Promise<void>): void {
    const { clock } = this.system;
    // Again and again: a worker may come to the state in which it can be hurried only later.
    let timer = clock.setTimeout(again, timeoutMs);
    const hurry = (): void => {
      this.#hurried.abort();
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
