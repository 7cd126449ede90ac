import { availableParallelism } from 'node:os';
import type { ActorSystem, Pid } from '@snakepit/core';
import type { ChildSpec, SupervisorOptions } from '@snakepit/supervisor';
import type { BridgeEndpoint } from '../bridge/bridge-server.ts';
import type { OriginalBridge } from '../bridge/original-bridge.ts';
import type { ResolvedPool } from '../config/config.ts';
import { CallReports } from '../telemetry/call-reports.ts';
import type { EventSources } from '../telemetry/event-sources.ts';
import { createDeferred, type Deferred } from '../deferred.ts';
import type { Bell } from '../bell.ts';
import {
  describeContainment,
  requireContainment,
  type ContainmentProber,
} from '../hosts/local/strict-descendants.ts';
import { forkServerName } from '../hosts/fork/fork-server.ts';
import type { Containment } from '../hosts/worker-host.ts';
import { startNamedSupervisor } from '../named-supervisor.ts';
import { createCallWatch, type CallWatch } from '../observation/call-watch.ts';
import type { RunResources } from '../os/process-registry.ts';
import { createPoolGuard } from '../resilience/call-guard.ts';
import { circuitBreakerName } from '../resilience/circuit-breaker.ts';
import { CallMeter } from '../telemetry/call-meter.ts';
import { lifecycleManagerName } from '../worker/lifecycle-manager.ts';
import type { GrpcWorkerEvent } from '../worker/worker-life.ts';
import { workerProcesses } from '../worker/worker-place.ts';
import type { WorkerServices } from '../worker/worker-services.ts';
import {
  createWorkerHistory,
  type HistoryParts,
  type WorkerHistory,
} from '../worker/worker-history.ts';
import { workerSupervisorName, workerSupervisorSpec } from '../worker/worker-supervisor.ts';
import { lifecycleSpec } from './lifecycle-spec.ts';
import { createPoolAdministration, type PoolAdministration } from './pool-administration.ts';
import type { PoolDispatcher } from './pool-call.ts';
import { createPoolDispatcher } from './pool-dispatcher.ts';
import { createPoolLaunch, type PoolLaunch } from './pool-launch.ts';
import { workerProcess, type PoolOperationParts } from './pool-operation.ts';
import { PoolSeats } from './pool-seats.ts';
import type { PoolServices } from './pool-services.ts';
import type { PoolEvent } from './pool.machine.ts';
import { poolName, poolProcess } from './pool.ts';
import type { WorkerRestarts } from './worker-restarts.ts';
import type { WorkerSeat } from './worker-seat.ts';
import { requireRoom } from './worker-room.ts';
import { createWorkerServices, startWorker, workerInput } from './worker-start.ts';

/** Time beyond draining that a pool's process has to end, in milliseconds. */
const poolShutdownMarginMs = 2_000;

/** What the runtime gives to one pool. */
export interface PoolSurroundings {
  /** Where its processes live. */
  readonly system: ActorSystem;
  /** How the pool is to be. */
  readonly config: ResolvedPool;
  /** Absolute path of the interpreter. */
  readonly python: string;
  /** What the process registry holds now. */
  readonly resources: () => RunResources | undefined;
  /** Where workers may call the runtime now. */
  readonly bridge: () => BridgeEndpoint | null;
  /** Where servers of the original may call it; `undefined` when no pool has them. */
  readonly originalBridge: OriginalBridge | undefined;
  /** Where its workers are known to whoever takes the events of Python. */
  readonly eventSources: EventSources;
  /** Finds out what can hold the descendants of workers. */
  readonly probeContainment: ContainmentProber;
  /** Whether all of Snakepit is being stopped. */
  readonly isStopping: () => boolean;
  /** Why nothing will be started any more, once that is so: it is being stopped, or has collapsed. */
  readonly over: () => Error | undefined;
  /** Rung when a worker has become ready or was given up; rings when all is over, too. */
  readonly bell: Bell;
}

/** One pool as the front door sees it: its place in the tree, its way in, and what is known of its workers. */
export interface PoolRuntime {
  /** How it is to be. */
  readonly config: ResolvedPool;
  /** The child spec of the pool's own supervisor. */
  readonly spec: ChildSpec;
  /** Ids of its workers, those that come and those that leave included. */
  readonly workerIds: readonly string[];
  /** How many workers it is to have. */
  readonly size: number;
  /** What is known of a worker's place in the pool. */
  readonly seatOf: (workerId: string) => WorkerSeat | undefined;
  /** The process of a worker; while it is replaced, the one that serves. */
  readonly processOf: (workerId: string) => Pid | undefined;
  /** The way in; there before the pool's process and after it, and calls wait in it for workers. */
  readonly dispatcher: PoolDispatcher;
  /** Looks at its calls, while somebody wants to see them. */
  readonly calls: CallWatch;
  /** Measures its calls, while somebody wants to know. */
  readonly callMeter: CallMeter;
  /** Tells of its calls, while somebody listens to such events. */
  readonly callReports: CallReports;
  /** What is remembered of a worker. */
  readonly historyOf: (workerId: string) => WorkerHistory | undefined;
  /** Restarts its workers on request. */
  readonly restarts: WorkerRestarts;
  /** Restarts and replaces its workers, and changes their number. */
  readonly administration: PoolAdministration;
  /** Has it finish its calls and take no more; resolves when it has, or its time for that is over. At the end of everything. */
  readonly drain: () => Promise<void>;
  /** Has what is being stopped end as soon as possible. */
  readonly hurry: () => void;
  /** What holds the descendants of its workers; known when the first is started. */
  readonly containment: () => Containment;
  /** How their processes are made; `undefined` where others start them. */
  readonly launch: PoolLaunch | undefined;
  /** Settles once: when every worker is ready, or with the first that was given up. */
  readonly ready: Promise<void>;
  /** Settles once: when the first worker is ready, or when all are given up. */
  readonly serving: Promise<void>;
}

/** Puts together what one pool needs; nothing runs before its spec is started. */
export function createPoolRuntime(surroundings: PoolSurroundings): PoolRuntime {
  return new Runtime(surroundings);
}

class Runtime implements PoolRuntime {
  readonly config: ResolvedPool;
  readonly spec: ChildSpec;
  readonly dispatcher: PoolDispatcher;
  readonly calls: CallWatch;
  readonly callMeter: CallMeter;
  readonly callReports: CallReports;
  readonly administration: PoolAdministration;
  readonly ready: Promise<void>;
  readonly serving: Promise<void>;
  readonly launch: PoolLaunch | undefined;
  readonly #surroundings: PoolSurroundings;
  readonly #workerServices: WorkerServices;
  readonly #seats: PoolSeats;
  readonly #operation: PoolOperationParts;
  readonly #drained = createDeferred<undefined>();
  #containment: Containment = 'group';

  constructor(surroundings: PoolSurroundings) {
    const { system, config, bell } = surroundings;
    const { name } = config;
    const historyParts = historyPartsOf(surroundings);
    // A pool that fails later, when nobody waits for its start any more, must not end the host process: a deferred does not.
    const [settled, serving] = [createDeferred<undefined>(), createDeferred<undefined>()];
    const guard = createPoolGuard(system, config);
    this.config = config;
    this.ready = settled.promise;
    this.serving = serving.promise;
    this.#surroundings = surroundings;
    this.#seats = createSeats(surroundings, historyParts);
    this.calls = createCallWatch({ pool: name, clock: system.clock });
    this.callMeter = new CallMeter(name);
    this.callReports = new CallReports(system, name, config.maxQueueSize);
    const looks = { watch: this.calls, meter: this.callMeter, reports: this.callReports };
    this.dispatcher = createPoolDispatcher(surroundings, this.#seats, guard, looks);
    this.#workerServices = createWorkerServices(
      surroundings,
      this.dispatcher,
      () => this.#containment,
      () => this.launch?.launcher,
    );
    this.launch = createPoolLaunch({
      ...{ system, config, seats: this.#seats },
      services: () => this.#workerServices,
    });
    this.#operation = {
      ...{ system, pool: name, seats: this.#seats, dispatcher: this.dispatcher, bell },
      startupBatchSize: config.startupBatchSize,
      over: surroundings.over,
      inputFor: (seat, place, history) =>
        workerInput(config, this.#workerServices, seat, place, history),
      isWaitedFor: () => this.#isWaitedFor(),
      startWorker: (workerId) => this.#startWorker(workerId),
    };
    this.administration = this.#createAdministration(historyParts);
    const children = [
      ...(this.launch?.children ?? []),
      workerSupervisorSpec(name),
      lifecycleSpec(this.#operation, config, this.administration, this.launch),
      poolProcessSpec(surroundings, this.#operation, { settled, serving, drained: this.#drained }),
      ...guard.specs,
    ];
    this.spec = poolSpec(name, children, () => this.#prepare());
  }

  get restarts(): WorkerRestarts {
    return this.administration.restarts;
  }

  get workerIds(): readonly string[] {
    return this.#seats.ids;
  }

  get size(): number {
    return this.#seats.members.length;
  }

  readonly seatOf = (workerId: string): WorkerSeat | undefined => this.#seats.get(workerId);

  readonly historyOf = (workerId: string): WorkerHistory | undefined =>
    this.#seats.get(workerId)?.history;

  readonly processOf = (workerId: string): Pid | undefined => {
    const seat = this.#seats.get(workerId);
    return seat === undefined ? undefined : workerProcess(this.#operation, seat)?.pid;
  };

  readonly containment = (): Containment => this.#containment;

  readonly drain = async (): Promise<void> => {
    const { system } = this.#surroundings;
    const pid = system.whereis(poolName(this.config.name));
    if (pid === undefined) return;
    system.send(pid, { type: 'pool.drain' } satisfies PoolEvent);
    await Promise.race([this.#drained.promise, system.awaitExit(pid)]);
  };

  readonly hurry = (): void => {
    this.#surroundings.system.cast(poolName(this.config.name), { type: 'shutdown.hurried' });
    tellWorkers(this.#operation, { type: 'shutdown.hurried' });
  };

  #isWaitedFor(): boolean {
    return this.dispatcher.stats().queued > 0;
  }

  /** At the end of everything, too, calls that were taken are served before the pool ends (R6.1). */
  #mayBeNeeded(): boolean {
    return this.#surroundings.over() === undefined || this.#isWaitedFor();
  }

  #createAdministration(historyParts: HistoryParts): PoolAdministration {
    const { system, config } = this.#surroundings;
    return createPoolAdministration({
      ...this.#operation,
      historyParts,
      renewLauncher: async () => this.launch?.renew('manual'),
      requireRoom: (count) => {
        // Those that come are started like those that are there.
        const launch = this.launch?.choice.mode ?? config.launch;
        requireRoom([{ ...config, launch, size: count }], system.logger);
      },
    });
  }

  async #prepare(): Promise<void> {
    this.launch?.tell();
    if (this.#mayBeNeeded()) this.#containment = await chooseContainment(this.#surroundings);
  }

  async #startWorker(workerId: string): Promise<Error | undefined> {
    const seat = this.#seats.get(workerId);
    // It may have left the pool before its turn came.
    if (seat === undefined || seat.membership === 'leaving') return undefined;
    if (!this.#mayBeNeeded()) return undefined;
    const input = workerInput(this.config, this.#workerServices, seat, 'first', seat.history);
    const hasRoom = (starters: number): boolean =>
      seat.membership !== 'leaving' && starters < this.#seats.count;
    const failure = await startWorker(this.#surroundings.system, seat, input, hasRoom);
    if (failure !== undefined) seat.history.gaveUp(failure);
    return failure?.error;
  }
}

function historyPartsOf({ config, system, bell }: PoolSurroundings): HistoryParts {
  const { periodMs: goodRunMs, backoff } = config.restart;
  const onNews = (): void => {
    bell.ring();
  };
  return { backoff, goodRunMs, clock: system.clock, onNews };
}

function createSeats({ system, config }: PoolSurroundings, historyParts: HistoryParts): PoolSeats {
  const { name: pool, size } = config;
  return new PoolSeats({
    ...{ pool, size },
    historyFor: () => createWorkerHistory(historyParts),
    now: () => system.clock.now(),
    // Casts, because they may be between two lives: then the news is dropped, and asked for again.
    onNews: (news) => {
      system.cast(poolName(pool), news);
      if (news.type === 'worker.ready') system.cast(lifecycleManagerName(pool), news);
    },
  });
}

function tellWorkers({ system, pool, seats }: PoolOperationParts, event: GrpcWorkerEvent): void {
  for (const workerId of seats.ids) {
    for (const { pid } of workerProcesses(system, pool, workerId)) system.send(pid, event);
  }
}

/** The process that knows which workers of the pool serve. */
function poolProcessSpec(
  { config, isStopping }: PoolSurroundings,
  parts: PoolOperationParts,
  told: Readonly<Record<'settled' | 'serving' | 'drained', Deferred<undefined>>>,
): ChildSpec {
  const { name, gracefulShutdownTimeoutMs: drainTimeoutMs, startupBatchDelayMs } = config;
  const { dispatcher, seats, startWorker: start, startupBatchSize } = parts;
  const services: PoolServices = {
    ...{ dispatcher, isStopping, startWorker: start, startupBatchSize, startupBatchDelayMs },
    endWorkers: () => {
      tellWorkers(parts, { type: 'drain.expired' });
    },
    onReady: () => {
      told.settled.resolve(undefined);
    },
    onFailed: told.settled.reject,
    processors: availableParallelism(),
    onServing: () => {
      told.serving.resolve(undefined);
    },
    onRefusing: told.serving.reject,
    onDrained: () => {
      told.drained.resolve(undefined);
    },
  };
  return {
    id: 'pool',
    // A function, because the workers may be others when it is started again.
    start: (self) => {
      const workerIds = seats.wanted.map(({ workerId }) => workerId);
      const input = { name, drainTimeoutMs, workerIds, services };
      return new Promise((resolve) => {
        self.startLink(poolProcess, input, { name: poolName(name) }, resolve);
      });
    },
    shutdown: drainTimeoutMs + poolShutdownMarginMs,
  };
}

/** The pool's own supervisor: a pool's process that fails takes nothing with it; its worker supervisor takes the pool. */
function poolSpec(
  pool: string,
  children: readonly ChildSpec[],
  prepare: () => Promise<void>,
): ChildSpec {
  const options: SupervisorOptions = { strategy: 'restForOne', children };
  return {
    id: pool,
    type: 'supervisor',
    start: async (self) => {
      await prepare();
      const names = [
        ...[workerSupervisorName(pool), lifecycleManagerName(pool), poolName(pool)],
        ...[circuitBreakerName(pool), forkServerName(pool)],
      ];
      return startNamedSupervisor(self, poolSupervisorName(pool), options, names);
    },
  };
}

async function chooseContainment(surroundings: PoolSurroundings): Promise<Containment> {
  const { system, config, python, probeContainment } = surroundings;
  if (config.descendants === 'usual') return 'group';
  const probe = await probeContainment(python);
  const chosen = requireContainment(config.name, probe);
  system.logger.info(`pool ${config.name}: ${describeContainment(probe)}`);
  return chosen;
}

/** The registered name of a pool's supervisor. */
export function poolSupervisorName(pool: string): string {
  return `snakepit.poolSupervisor.${pool}`;
}
