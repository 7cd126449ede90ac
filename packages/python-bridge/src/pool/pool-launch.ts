import type { ActorSystem } from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import type { ResolvedPool } from '../config/config.ts';
import {
  forkServerId,
  type ForkServerInput,
  type ForkServerNews,
  type ForkServers,
  type ForkServerStatus,
} from '../hosts/fork/fork-port.ts';
import { createForkServers, forkServerSpec } from '../hosts/fork/fork-server.ts';
import { spawnOrThrow } from '../hosts/local/spawn-worker.ts';
import type { WorkerSpec } from '../hosts/worker-host.ts';
import type { SpawnedWorker, WorkerLauncher } from '../hosts/worker-launcher.ts';
import { currentPlatform } from '../os/platform/current.ts';
import type { ForkServerReplacement } from '../telemetry/launch-events.ts';
import type { LifecycleManagerEvent } from '../worker/lifecycle-manager.machine.ts';
import { lifecycleManagerName } from '../worker/lifecycle-manager.ts';
import { startFailure } from '../worker/worker-failure.ts';
import type { WorkerServices } from '../worker/worker-services.ts';
import { chooseLaunch, type LaunchChoice } from './choose-launch.ts';
import { LaunchReports } from './launch-reports.ts';
import type { PoolSeats } from './pool-seats.ts';

/** What a fork server says when it is of no use to a pool that can do without. */
const cannotFork: ReadonlySet<string | undefined> = new Set(['PRELOAD_UNSAFE', 'FORK_UNSUPPORTED']);

/** What the way in which workers are started is made of. */
export interface PoolLaunchParts {
  /** Where it is told of. */
  readonly system: ActorSystem;
  /** How the pool is to be. */
  readonly config: ResolvedPool;
  /** Its workers. */
  readonly seats: Pick<PoolSeats, 'members'>;
  /** How they are started, and where. */
  readonly services: () => Pick<WorkerServices, 'spec' | 'host'>;
  /** Makes the fork servers; default {@link createForkServers}. */
  readonly createServers?: (input: ForkServerInput) => ForkServers;
}

/** Decides how the workers of a pool are started; nothing for a pool whose workers others start. */
export function createPoolLaunch(parts: PoolLaunchParts): PoolLaunch | undefined {
  return parts.config.remote === undefined ? new PoolLaunch(parts) : undefined;
}

/** How the processes of the workers of one pool are made, and what that takes. */
export class PoolLaunch {
  readonly #parts: PoolLaunchParts;
  readonly #reports: LaunchReports;
  readonly #launcher: WorkerLauncher;
  readonly #servers: ForkServers | undefined;
  #choice: LaunchChoice;
  #isTold = false;
  /** Whether workers of earlier servers should leave, because those hang or have grown; not when somebody replaces them. */
  #areOutdatedToLeave = false;
  /** Whether the server took the place of one that had grown, and was never seen with less than is allowed. */
  #isTooLarge = false;

  /** Decides which way; nothing runs before its child is started. */
  constructor(parts: PoolLaunchParts) {
    const { system, config, services, createServers = createForkServers } = parts;
    const { name: pool, launch: asked, preload, heartbeat, startupTimeoutMs } = config;
    this.#parts = parts;
    this.#choice = chooseLaunch(config, currentPlatform.name);
    this.#reports = new LaunchReports({ system, pool, asked, preload });
    this.#launcher = {
      launch: (worker, env, abort) => this.#launch(worker, env, abort),
    };
    if (this.#choice.mode === 'spawn') return;
    this.#servers = createServers({
      ...{ pool, preload, startupTimeoutMs },
      spec: () => services().spec(),
      host: () => services().host(),
      isAuto: asked === 'auto',
      heartbeat: heartbeat.enabled ? heartbeat : undefined,
      onReport: (news) => {
        this.#hear(news);
      },
    });
  }

  /** Which way, now. */
  get choice(): LaunchChoice {
    return this.#choice;
  }

  /** What runs below the pool's supervisor, before its workers. */
  get children(): readonly ChildSpec[] {
    return this.#servers === undefined ? [] : [forkServerSpec(this.#servers)];
  }

  /** Who makes the process of the next worker; `undefined` for its host. */
  get launcher(): WorkerLauncher | undefined {
    return this.#choice.mode === 'fork' ? this.#launcher : undefined;
  }

  /** What its fork servers do; `undefined` where there are none. */
  get servers(): ForkServerStatus | undefined {
    return this.#servers?.status;
  }

  /** Tells which way, once. */
  tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#reports.chosen(this.#choice, 'info');
  }

  /**
   * Has another fork server import everything as it is now, where there is one.
   *
   * @throws SnakepitError why it could not be started; then the one before goes on.
   */
  async renew(why: ForkServerReplacement): Promise<void> {
    if (this.#servers === undefined || this.#choice.mode === 'spawn') return;
    this.#reports.replacing(why);
    // Those that are replaced now have their turn; who must leave for another reason is still outdated.
    if (this.#servers.status.outdatedWorkers === 0) this.#areOutdatedToLeave = false;
    try {
      await this.#servers.replace();
    } catch (error) {
      const { name: pool, adapter } = this.#parts.config;
      throw startFailure(error, { pool, workerId: forkServerId, adapter }).error;
    }
  }

  /** Whether a worker should be replaced, because its fork server was. */
  isOutdated(incarnation: string | undefined): boolean {
    if (!this.#areOutdatedToLeave || incarnation === undefined) return false;
    return this.#servers?.isOutdated(incarnation) === true;
  }

  /**
   * So much memory the fork server has. When it is more than allowed, another takes its place; but not again and again,
   * when that has as much from the beginning.
   */
  measured(bytes: number, limitBytes: number): void {
    if (bytes < limitBytes) {
      this.#isTooLarge = false;
      return;
    }
    if (this.#isTooLarge) return;
    this.#isTooLarge = true;
    const { system, config } = this.#parts;
    const has = `the fork server of pool ${config.name} has ${String(bytes)} bytes in memory, and recycle.maxMemoryBytes allows ${String(limitBytes)}`;
    system.logger.info(`${has}: another takes its place, and if that has as much, it stays`);
    this.renew('memory_threshold').then(
      () => {
        this.#haveOutdatedLeave();
      },
      () => {
        // Told as news already. The old one goes on, and may be tried again at the next look.
        this.#isTooLarge = false;
      },
    );
  }

  #hear(news: ForkServerNews): void {
    this.#reports.hear(news);
    if (news.type === 'hung') this.#haveOutdatedLeave();
    if (news.type === 'unavailable') this.#doWithout(news);
  }

  #haveOutdatedLeave(): void {
    this.#areOutdatedToLeave = true;
    const { system, config, seats } = this.#parts;
    for (const { workerId, handles, place } of seats.members) {
      if (!this.isOutdated(handles.get(place)?.ref.incarnation)) continue;
      const exceeded: LifecycleManagerEvent = {
        ...{ type: 'worker.exceeded', workerId, reason: 'fork_server' },
      };
      system.cast(lifecycleManagerName(config.name), exceeded);
    }
  }

  /** The pool spawns from now on, if it may, and the server will never fork. */
  #doWithout(news: Extract<ForkServerNews, { type: 'unavailable' }>): void {
    const { code, permanent, reason, isServed } = news;
    if (this.#parts.config.launch !== 'auto' || this.#choice.mode === 'spawn') return;
    if (!permanent || isServed || !cannotFork.has(code)) return;
    const hindrances = [{ key: 'forkServer', what: reason }] as const;
    this.#choice = { mode: 'spawn', why: reason, hindrances };
    this.#reports.chosen(this.#choice, 'warn');
  }

  async #launch(
    worker: WorkerSpec,
    env: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<SpawnedWorker> {
    try {
      if (this.#servers !== undefined) return await this.#servers.launch(worker, env, abort);
    } catch (error) {
      if (this.#choice.mode === 'fork' || abort.aborted) throw error;
    }
    // It waited for the server that will never be; nobody shall count that as a failed start.
    return spawnOrThrow(worker, env);
  }
}
