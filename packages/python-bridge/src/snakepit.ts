import { randomBytes } from 'node:crypto';
import { formatExitReason, type ActorSystem, type ExitReason, type Pid } from '@snakepit/core';
import { Supervisor, type ChildSpec, type SupervisorRef } from '@snakepit/supervisor';
import { createBell } from './bell.ts';
import { findBridgeFiles } from './bridge/bridge-files.ts';
import type { BridgeEndpoint } from './bridge/bridge-server.ts';
import { createOriginalBridge, type OriginalBridge } from './bridge/original-bridge.ts';
import { awaitReady, whenStarted } from './await-ready.ts';
import {
  checkOptions,
  drainTimeOf,
  faultOfTime,
  type ExecuteOptions,
  type RestartOptions,
  type SessionOptions,
  type SnakepitStartOptions,
  type SnakepitStopOptions,
  type StreamOptions,
} from './call-options.ts';
import type { ResolvedConfig, SnakepitConfig } from './config/config.ts';
import { resolveConfig } from './config/resolve-config.ts';
import { createDeferred } from './deferred.ts';
import { bridgeError } from './errors.ts';
import { createHeldResources } from './held-resources.ts';
import { createContainmentProber } from './hosts/local/strict-descendants.ts';
import { refusedCall, type ToolArguments } from './pool/caller.ts';
import type { Pool } from './pool/pool-handle.ts';
import { createPoolRuntime } from './pool/pool-runtime.ts';
import { createPools, type Pools } from './pool/pools.ts';
import { createSessionDirectory, type SessionDirectory } from './pool/session-directory.ts';
import type { Session } from './pool/session.ts';
import type { ToolStream } from './pool/stream.ts';
import { requireRoom } from './pool/worker-room.ts';
import { findPython } from './python/find-python.ts';
import { createRunSystem, rootName } from './run-system.ts';
import { watchSignals } from './signals.ts';
import { collapsed, notFailed, rootCause } from './snakepit-errors.ts';
import { treeOf } from './snakepit-tree.ts';
import { createEventServices, type EventServices } from './telemetry/event-services.ts';
import type { RegisterToolOptions, ToolFunction, UnregisterTool } from './tools/node-tools.ts';
import { createToolDesk, type ToolDesk } from './tools/tool-desk.ts';
import type { ToolInfo } from './tools/tool-info.ts';
import {
  healthOf,
  statsOf,
  workersOf,
  type Health,
  type Stats,
  type WorkerInfo,
} from './status.ts';

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
  readonly #pools: Pools;
  readonly #sessions: SessionDirectory;
  readonly #tools: ToolDesk;
  /** What workers show when they call Node; the same through restarts of the server, for they are told once. */
  readonly #bridgeToken = randomBytes(32).toString('hex');
  /** Where servers of the original call; there is none without a pool that has them. */
  readonly #originalBridge: OriginalBridge | undefined;
  #tree: SupervisorRef | undefined;
  /** Nothing of it may be left at the end. */
  readonly #resources = createHeldResources();
  #bridge: BridgeEndpoint | undefined;
  readonly #events: EventServices;
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
    this.system = createRunSystem(config);
    this.#events = createEventServices(this.system, config.telemetry);
    const hasOriginals = config.pools.some(({ compat }) => compat !== undefined);
    this.#originalBridge = hasOriginals ? createOriginalBridge() : undefined;
    const probeContainment = createContainmentProber(findBridgeFiles().pythonDir);
    this.#tools = createToolDesk({
      now: () => this.system.clock.now(),
      pools: () => this.#pools,
      hasSession: (id) => this.#sessions.has(id),
      execute: (tool, args, options) => this.execute(tool, args, options),
      session: (id, options) => this.session(id, options),
    });
    const { table, nesting } = this.#tools;
    this.#sessions = createSessionDirectory(this.system, (id) => {
      table.forgetSessions([id]);
    });
    const isStopping = (): boolean => this.#stopping !== undefined;
    this.#pools = createPools({
      system: this.system,
      sessions: this.#sessions,
      isStopping,
      over: () => this.#overWith,
      nesting,
      restartWorker: (workerId, options) => this.restartWorker(workerId, options),
      runtimes: config.pools.map((pool) =>
        createPoolRuntime({
          system: this.system,
          config: pool,
          python: pool.remote ? '' : findPython({ python: pool.python }).executable,
          resources: this.#resources.current,
          bridge: () => this.#bridge ?? null,
          originalBridge: this.#originalBridge,
          eventSources: this.#events.stream.sources,
          probeContainment,
          isStopping,
          over: () => this.#overWith,
          bell: this.#bell,
        }),
      ),
    });
  }

  /**
   * Checks the whole configuration, and that the workers fit on this machine; then starts everything and waits until every
   * worker is ready, or with `waitFor: 'first'` the first of every pool.
   *
   * @throws SnakepitError INVALID_CONFIG, RESOURCE_LIMIT, ENVIRONMENT, ADAPTER_FAILED or WORKER_START_FAILED; nothing is
   *   left running.
   */
  static async start(
    config: SnakepitConfig,
    options: SnakepitStartOptions = {},
  ): Promise<Snakepit> {
    checkOptions('start', options);
    const snakepit = new Snakepit(resolveConfig(config));
    try {
      await snakepit.#begin(options);
    } catch (error) {
      await snakepit.stop({ timeout: 0 });
      throw rootCause(error);
    }
    return snakepit;
  }

  async #begin({ waitFor = 'all' }: SnakepitStartOptions): Promise<void> {
    requireRoom(this.#config.pools, this.system.logger);
    if (this.#config.handleSignals) this.#unwatchSignals = watchSignals(this);
    this.#tree = await Supervisor.start(this.system, {
      name: rootName,
      strategy: 'oneForOne',
      children: this.#children(),
    });
    void this.system.awaitExit(this.#tree.pid).then((reason) => {
      if (this.#stopping === undefined) this.#finish(this.#collapse(reason));
    });
    const ends = [whenStarted(this.#pools.runtimes, waitFor), this.#over.promise];
    const isOver = await Promise.race(ends);
    if (isOver !== undefined) throw isOver;
    if (this.#stopping !== undefined) throw bridgeError('SHUTTING_DOWN', {});
  }

  #children(): ChildSpec[] {
    const { stateDir, socketDir } = this.#config;
    return treeOf({
      system: this.system,
      stateDir,
      socketDir,
      tools: this.#tools.table,
      bridgeToken: this.#bridgeToken,
      originalBridge: this.#originalBridge,
      hurried: this.#hurried.signal,
      telemetry: this.#events.stream,
      resources: this.#resources,
      onBridge: (endpoint) => {
        this.#bridge = endpoint;
      },
      watchedPools: this.#config.pools.flatMap((pool) => (pool.watchdog ? [pool.name] : [])),
      poolNames: this.#pools.runtimes.map(({ config }) => config.name),
      sessions: this.#sessions,
      pools: this.#pools.runtimes.map(({ spec }) => spec),
    });
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
    for (const { config, dispatcher } of this.#pools.runtimes) {
      dispatcher.close(collapsed(why, config.name));
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
  execute<T = unknown>(
    tool: string,
    args: ToolArguments = {},
    options: ExecuteOptions = {},
  ): Promise<T> {
    try {
      checkOptions('execute', options, tool);
      const { caller } = this.#pools.find(options.pool);
      return caller.execute(tool, args, options, undefined) as Promise<T>;
    } catch (error) {
      return refusedCall(error);
    }
  }

  /**
   * Runs a tool that yields, when somebody reads. Leaving the loop ends the tool.
   *
   * @param tool - Its name.
   * @param args - Its arguments by name.
   * @returns What it yields, in order; the tool is never more than `highWaterMark` chunks ahead of the reader.
   * @throws SnakepitError INVALID_ARGUMENT, POOL_NOT_FOUND or SHUTTING_DOWN at once; the rest when it is read.
   */
  stream<T = unknown>(
    tool: string,
    args: ToolArguments = {},
    options: StreamOptions = {},
  ): ToolStream<T> {
    checkOptions('stream', options, tool);
    return this.#pools.find(options.pool).caller.stream<T>(tool, args, options, undefined);
  }

  /**
   * The session with this id: that which lives, or a new one.
   *
   * @param id - 1 to 256 characters.
   * @throws SnakepitError INVALID_ARGUMENT, POOL_NOT_FOUND.
   */
  session(id: string, options: SessionOptions = {}): Session {
    checkOptions('session', options);
    return this.#sessions.open(id, options, this.#pools.find(options.pool).caller);
  }

  /**
   * One pool, for those who do not want to name it with each call.
   *
   * @throws SnakepitError POOL_NOT_FOUND.
   */
  pool(name: string): Pool {
    return this.#pools.named(name).handle;
  }

  /**
   * Lets Python call a function of Node, at once and as long as this Snakepit lives, through restarts of workers too:
   * `session_context.call_node_tool(name, **arguments)`, `acall_node_tool` in `async` tools.
   *
   * @param name - 1 to 64 letters, digits, `_`, `.` and `-`, beginning with a letter or digit.
   * @param run - Gets the arguments by name, and what is known of the call; returns a value or a promise of one.
   * @returns Takes it back when it is called, or at the end of a block (`using`).
   * @throws SnakepitError INVALID_ARGUMENT for a name that is taken or is none, for bad options, for a session that is not.
   */
  registerTool<A extends object = ToolArguments>(
    name: string,
    run: ToolFunction<A>,
    options?: RegisterToolOptions,
  ): UnregisterTool {
    return this.#tools.register(name, run, options);
  }

  /**
   * The tools of a pool: names, texts, parameters and results with their types, from Python's signatures and docstrings.
   *
   * Workers are asked once, and again when one was started from changed code.
   *
   * @throws SnakepitError POOL_NOT_FOUND; WORKER_UNAVAILABLE when no worker is ready.
   */
  async tools({ pool }: { readonly pool?: string | undefined } = {}): Promise<readonly ToolInfo[]> {
    return this.#pools.find(pool).runtime.dispatcher.catalogue.tools();
  }

  /** What the pools have done and are doing: counts, safe to print. */
  stats(): Stats {
    return statsOf(this.system, this.#pools.runtimes);
  }

  /** Every worker: state, operating system pid, restarts, calls in flight. */
  workers(): WorkerInfo[] {
    return workersOf(this.system, this.#pools.runtimes);
  }

  /** Whether calls can be served. */
  health(): Health {
    return healthOf(this.system, this.#pools.runtimes);
  }

  /**
   * Waits until every worker of every pool is ready.
   *
   * @param timeoutMs - Milliseconds to wait; default 15,000.
   * @throws SnakepitError TIMEOUT, with what is not ready; SHUTTING_DOWN when it is being stopped; why a worker was
   *   given up, for then it will not be ready before {@link Snakepit.revive}; why supervision has collapsed;
   *   INVALID_ARGUMENT for what is no time.
   */
  awaitReady(timeoutMs = 15_000): Promise<void> {
    return awaitReady(timeoutMs, {
      clock: this.system.clock,
      bell: this.#bell,
      over: () => this.#overWith,
      pools: this.#pools.runtimes,
      workers: () => this.workers(),
    });
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
    const { restarts } = this.#pools.of(workerId);
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
    const { restarts } = this.#pools.named(name).runtime;
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
    const { restarts, historyOf } = this.#pools.of(workerId);
    if (this.#overWith !== undefined) throw this.#overWith;
    if (historyOf(workerId)?.givenUp === undefined && !restarts.isUnderWay(workerId)) {
      throw notFailed(workerId, this.workers());
    }
    await restarts.restart(workerId);
  }

  /**
   * Stops in order: no new calls; those in flight finish, in all pools at the same time, each within its
   * `gracefulShutdownTimeout`; workers are asked and at last killed.
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

  async #end(): Promise<void> {
    try {
      await Promise.all(this.#pools.runtimes.map((pool) => pool.drain()));
      if (this.#tree !== undefined) await Supervisor.stop(this.#tree);
      await this.system.stop();
      // Done already, unless a process registry was killed: then nobody has waited for the end of its workers.
      await this.#resources.release();
    } finally {
      for (const { config, dispatcher, callReports } of this.#pools.runtimes) {
        callReports.close();
        dispatcher.close(bridgeError('SHUTTING_DOWN', { pool: config.name }));
      }
      this.#unwatchSignals();
      this.#events.close();
      this.#pools.unobserve();
    }
  }

  #hurryAfter(timeoutMs: number, stopped: Promise<void>): void {
    const { clock } = this.system;
    // Again and again: a worker may come to the state in which it can be hurried only later.
    const hurry = (): void => {
      this.#hurried.abort();
      for (const pool of this.#pools.runtimes) pool.hurry();
      timer = clock.setTimeout(hurry, 50);
    };
    let timer = clock.setTimeout(hurry, timeoutMs);
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
