import { createDeferred, type Deferred } from '../../deferred.ts';
import type { WorkerStartError } from '../start-failure.ts';
import type { WorkerBeats, WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import {
  forkServerFailure,
  launchUnavailable,
  withoutForkServer,
  type ForkServerFailure,
  type LaunchedWorker,
} from './fork-failures.ts';
import {
  forkServerId,
  type ForkServerInput,
  type ForkServerLoss,
  type ForkServers,
  type ForkServerStatus,
} from './fork-port.ts';
import type { ForkServerEvent } from './fork-server.machine.ts';
import { LaunchQueue } from './launch-queue.ts';
import { RunningServer } from './running-server.ts';

/** The process that decides what the servers do. */
export interface ForkServerKeeper {
  /** Tells it. */
  readonly tell: (event: ForkServerEvent) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** What it does now. */
  readonly state: () => ForkServerStatus['state'];
}

/** Somebody who wants another server. */
interface Replacement {
  /** The first start that will do. */
  readonly start: number;
  readonly settled: Deferred<undefined>;
}

/**
 * Where launches wait for the fork servers of a pool, and who those are. It outlives the process that decides what they do,
 * which may be restarted.
 */
export class ForkDesk implements ForkServers {
  /** What they work with. */
  readonly input: ForkServerInput;
  readonly #queue = new LaunchQueue();
  readonly #replacements = new Set<Replacement>();
  /** All of which something lives. */
  readonly #servers = new Set<RunningServer>();
  #keeper: ForkServerKeeper | undefined;
  /** The one that serves. */
  #current: RunningServer | undefined;
  /** The one that is being started. */
  #next: { readonly server: RunningServer; readonly startedAtMs: number } | undefined;
  #starts = 0;
  #areStopping = false;
  #hasServed = false;
  #losses = 0;
  #reason: string | undefined;

  /** No server is started before somebody keeps them. */
  constructor(input: ForkServerInput) {
    this.input = input;
  }

  /** See {@link ForkServers.status}. */
  get status(): ForkServerStatus {
    const workers = this.#current?.workers ?? 0;
    let all = 0;
    for (const server of this.#servers) all += server.workers;
    return {
      state: this.#keeper?.state() ?? 'stopped',
      osPid: this.#current?.osPid,
      startTime: this.#current?.startTime,
      incarnation: this.#current?.incarnation,
      workers,
      outdatedWorkers: all - workers,
      waiting: this.#queue.length,
      losses: this.#losses,
      reason: this.#reason,
    };
  }

  /** Beat channel of the one that serves. */
  get beats(): WorkerBeats | undefined {
    return this.#current?.beats;
  }

  /** See {@link ForkServers.launch}. */
  launch(
    spec: WorkerSpec,
    env: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<SpawnedWorker> {
    if (this.#keeper === undefined || this.#areStopping) return Promise.reject(notThere(spec));
    const spawned = this.#queue.add(spec, env, abort);
    if (this.#current === undefined) this.#keeper.tell({ type: 'launch.waiting' });
    return spawned;
  }

  /** See {@link ForkServers.replace}. */
  async replace(): Promise<void> {
    if (this.#keeper === undefined || this.#areStopping) throw notThere(this.#asWorker());
    const settled = createDeferred<undefined>();
    const start = this.#starts + 1;
    this.#replacements.add({ start, settled });
    this.#keeper.tell({ type: 'replace.requested', start });
    await settled.promise;
  }

  /** See {@link ForkServers.isOutdated}. */
  isOutdated(incarnation: string): boolean {
    for (const server of this.#servers) {
      if (server !== this.#current && server.has(incarnation)) return true;
    }
    return false;
  }

  /** Somebody decides from now on. What an earlier one has left is ended. */
  open(keeper: ForkServerKeeper): void {
    this.#endAll();
    this.#starts = 0;
    this.#keeper = keeper;
    this.#areStopping = false;
    this.#queue.open();
  }

  /** This one decides no more: all servers are ended at once, and nobody waits in vain. */
  close(keeper: ForkServerKeeper): void {
    if (keeper === this.#keeper) this.#endAll();
  }

  #endAll(): void {
    this.#keeper = undefined;
    this.#current = undefined;
    this.#next = undefined;
    this.#failAll(notThere);
    this.killServers();
  }

  /** Starts another server. */
  startNext(): void {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    const start = (this.#starts += 1);
    const isNext = (): boolean => this.#next?.server === server;
    const server = new RunningServer(start, this.input, {
      onReady: () => {
        if (isNext()) keeper.tell({ type: 'next.ready', start });
      },
      onFailed: (cause) => {
        const failure = forkServerFailure(cause);
        if (isNext()) keeper.tell({ type: 'next.failed', start, failure });
      },
      onUnreachable: () => {
        if (server === this.#current) keeper.tell({ type: 'server.unreachable', start });
      },
      onSuspect: () => {
        if (server === this.#current) keeper.tell({ type: 'server.suspected', start });
      },
      onGone: (why) => {
        this.#gone(keeper, server, why);
      },
    });
    this.#servers.add(server);
    this.#next = { server, startedAtMs: keeper.now() };
  }

  /** The new one takes all launches from now on; the one before, if there is one, ends with its last worker. */
  promoteNext(): void {
    const next = this.#next;
    if (next === undefined || this.#keeper === undefined) return;
    const before = this.#current;
    this.#current = next.server;
    this.#next = undefined;
    this.#reason = undefined;
    this.#queue.serve(next.server);
    const { osPid = 0, incarnation } = next.server;
    const startupMs = this.#keeper.now() - next.startedAtMs;
    const isReplacement = this.#hasServed;
    this.#hasServed = true;
    this.input.onReport({ type: 'serving', osPid, incarnation, startupMs, isReplacement });
    const served = this.#takeReplacements();
    // Those that it is forking are outdated, too, and are to be known when somebody asks for that.
    void (before?.answered() ?? Promise.resolve()).then(() => {
      for (const { settled } of served) settled.resolve(undefined);
    });
    before?.retire('planned');
    // It may have ended since it said that it is ready.
    const { start, ended: why } = next.server;
    if (why !== undefined) this.#keeper.tell({ type: 'server.exited', start, why });
  }

  /** The new one could not be started: whoever waits for it is told. */
  failNext(failure: ForkServerFailure): void {
    this.#next?.server.kill();
    this.#next = undefined;
    const { reason, permanent, code } = failure;
    this.#reason = reason;
    const isServed = this.#current !== undefined;
    this.input.onReport({ type: 'unavailable', reason, permanent, code, isServed });
    const failed = withoutForkServer(this.#asWorker(), failure);
    for (const { settled } of this.#takeReplacements()) settled.reject(failed);
    if (!isServed) this.#queue.fail((spec) => withoutForkServer(spec, failure));
  }

  /** The one that served has ended. */
  loseCurrent(reason: string): void {
    const lost = this.#takeCurrent(reason);
    if (lost === undefined) return;
    const { workersAtEnd: workers } = lost;
    this.input.onReport({ type: 'died', workers, ...lossOf(lost, reason) });
  }

  /** The one that served hangs: it is ended when its last worker is, which may go on meanwhile. */
  retireSilent(reason: string): void {
    this.#retireCurrent('hung', 'hung', reason);
  }

  /** Nothing that the one that served forks comes to life: it is ended with its last worker, and the next forks. */
  retireSuspected(reason: string): void {
    this.#retireCurrent('suspected', 'planned', reason);
  }

  /** Asks all of them to end. Whoever waits is told that there will be none. */
  stopServers(): void {
    this.#areStopping = true;
    this.#current = undefined;
    this.#next = undefined;
    this.#failAll(notThere);
    for (const server of this.#servers) server.stop();
    this.#tellWhenGone();
  }

  /** Ends all of them at once. */
  killServers(): void {
    for (const server of this.#servers) server.kill();
    this.#tellWhenGone();
  }

  #gone(keeper: ForkServerKeeper, server: RunningServer, why: string): void {
    this.#servers.delete(server);
    if (keeper !== this.#keeper) return;
    const { start } = server;
    if (server === this.#current) keeper.tell({ type: 'server.exited', start, why });
    else if (server.hasServed) this.input.onReport({ type: 'retired', ...lossOf(server, why) });
    this.#tellWhenGone();
  }

  #tellWhenGone(): void {
    if (this.#areStopping && this.#servers.size === 0) this.#keeper?.tell({ type: 'servers.gone' });
  }

  #retireCurrent(
    type: 'hung' | 'suspected',
    how: Parameters<RunningServer['retire']>[0],
    reason: string,
  ): void {
    const lost = this.#takeCurrent(reason);
    if (lost === undefined) return;
    const { workers } = lost;
    this.input.onReport({ type, workers, ...lossOf(lost, reason) });
    lost.retire(how);
  }

  #takeCurrent(reason: string): RunningServer | undefined {
    const current = this.#current;
    this.#current = undefined;
    this.#losses += 1;
    this.#reason = reason;
    this.#queue.serve(undefined);
    return current;
  }

  /** Those for whom the last start is late enough. */
  #takeReplacements(): readonly Replacement[] {
    const taken = [...this.#replacements].filter(({ start }) => start <= this.#starts);
    for (const one of taken) this.#replacements.delete(one);
    return taken;
  }

  #failAll(why: (worker: LaunchedWorker) => WorkerStartError): void {
    this.#queue.close(why);
    for (const { settled } of this.#replacements) settled.reject(why(this.#asWorker()));
    this.#replacements.clear();
  }

  #asWorker(): LaunchedWorker {
    return { pool: this.input.pool, workerId: forkServerId, incarnation: String(this.#starts) };
  }
}

function lossOf({ osPid, incarnation }: RunningServer, reason: string): ForkServerLoss {
  return { osPid, incarnation, reason };
}

function notThere(worker: LaunchedWorker): WorkerStartError {
  return launchUnavailable(worker, 'its fork server is not there');
}
