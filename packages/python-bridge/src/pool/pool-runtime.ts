import type { ActorSystem } from '@snakepit/core';
import { DynamicSupervisor, type ChildSpec, type SupervisorOptions } from '@snakepit/supervisor';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import type { BridgeEndpoint } from '../bridge/bridge-server.ts';
import type { ResolvedPool } from '../config/config.ts';
import { createDeferred } from '../deferred.ts';
import { bridgeError } from '../errors.ts';
import type { Bell } from '../bell.ts';
import {
  describeContainment,
  requireContainment,
  type ContainmentProber,
} from '../hosts/local/strict-descendants.ts';
import { WorkerStartError } from '../hosts/start-failure.ts';
import type { Containment } from '../hosts/worker-host.ts';
import { startNamedSupervisor } from '../named-supervisor.ts';
import type { RunResources } from '../os/process-registry.ts';
import { messageOf } from '../os/system-error.ts';
import { workerName } from '../worker/grpc-worker.ts';
import type { GrpcWorkerInput } from '../worker/worker-life.ts';
import type { WorkerConfiguration } from '../telemetry/events.ts';
import type { WorkerFailure } from '../worker/failure-cause.ts';
import { createWorkerHistory, type WorkerHistory } from '../worker/worker-history.ts';
import type { WorkerServices } from '../worker/worker-services.ts';
import { starterName, workerStarterSpec } from '../worker/worker-starter.ts';
import { workerSupervisorName, workerSupervisorSpec } from '../worker/worker-supervisor.ts';
import { createDispatcher, type PoolDispatcher } from './dispatcher.ts';
import type { PoolServices } from './pool-services.ts';
import { poolName, poolProcess } from './pool.ts';
import { createWorkerRestarts, type WorkerRestarts } from './worker-restarts.ts';

/** How long the first call to a new worker may take, in milliseconds. */
const connectTimeoutMs = 5_000;
/** How long the operating system may take to confirm a SIGKILL before the worker goes on without it, in milliseconds. */
const killTimeoutMs = 5_000;
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
  /** Ids of its workers. */
  readonly workerIds: readonly string[];
  /** The way in; there before the pool's process and after it, and calls wait in it for workers. */
  readonly dispatcher: PoolDispatcher;
  /** What is remembered of a worker. */
  readonly historyOf: (workerId: string) => WorkerHistory | undefined;
  /** Restarts its workers on request. */
  readonly restarts: WorkerRestarts;
  /** What holds the descendants of its workers; known when the first is started. */
  readonly containment: () => Containment;
  /** Settles once: when every worker is ready, or with the first that was given up. */
  readonly ready: Promise<void>;
}

/** Puts together what one pool needs; nothing runs before its spec is started. */
export function createPoolRuntime(surroundings: PoolSurroundings): PoolRuntime {
  const { system, config, bell, over } = surroundings;
  const { name, startupBatchSize } = config;
  const workerIds = Array.from({ length: config.size }, (_, i) => `${name}_worker_${i + 1}`);
  const histories = historiesOf(surroundings, workerIds);
  // A pool that fails later, when nobody waits for its start any more, must not end the host process: a deferred does not.
  const settled = createDeferred<undefined>();
  const dispatcher = createDispatcher({ ...config, pool: name, clock: system.clock });
  let containment: Containment = 'group';
  const workerServices = createWorkerServices(surroundings, dispatcher, () => containment);
  const isWaitedFor = (): boolean => dispatcher.stats().queued > 0;
  // At the end of everything, too, calls that were taken are served before the pool ends (R6.1).
  const mayBeNeeded = (): boolean => over() === undefined || isWaitedFor();
  const poolServices: PoolServices = {
    dispatcher,
    isStopping: surroundings.isStopping,
    endWorker: (workerId) => {
      system.cast(workerName(name, workerId), { type: 'drain.expired' });
    },
    startWorker: async (workerId) => {
      const history = histories.get(workerId);
      if (history === undefined) throw new TypeError(`pool ${name} has no worker ${workerId}`);
      if (!mayBeNeeded()) return undefined;
      const input = workerInput(config, workerId, history, workerServices);
      const failure = await startWorker(system, input);
      if (failure !== undefined) history.gaveUp(failure);
      return failure?.error;
    },
    startupBatchSize,
    startupBatchDelayMs: config.startupBatchDelayMs,
    onReady: () => {
      settled.resolve(undefined);
    },
    onFailed: settled.reject,
  };
  return {
    config,
    workerIds,
    dispatcher,
    historyOf: (workerId) => histories.get(workerId),
    restarts: createWorkerRestarts({
      ...{ system, pool: name, workerIds, histories, startupBatchSize, over, bell },
      startWorker: poolServices.startWorker,
      isWaitedFor,
    }),
    ready: settled.promise,
    containment: () => containment,
    spec: poolSpec(config, workerIds, poolServices, async () => {
      if (mayBeNeeded()) containment = await chooseContainment(surroundings);
    }),
  };
}

function historiesOf(
  { config, system, bell }: PoolSurroundings,
  workerIds: readonly string[],
): ReadonlyMap<string, WorkerHistory> {
  const { periodMs: goodRunMs, backoff } = config.restart;
  const { clock } = system;
  const onNews = (): void => {
    bell.ring();
  };
  const parts = { backoff, goodRunMs, clock, onNews };
  return new Map(workerIds.map((id) => [id, createWorkerHistory(parts)]));
}

/** The pool's own supervisor: a pool's process that fails takes nothing with it; its worker supervisor takes the pool. */
function poolSpec(
  config: ResolvedPool,
  workerIds: readonly string[],
  services: PoolServices,
  prepare: () => Promise<void>,
): ChildSpec {
  const { name, size, gracefulShutdownTimeoutMs: drainTimeoutMs } = config;
  const pool: ChildSpec = {
    id: 'pool',
    start: [poolProcess, { name, drainTimeoutMs, workerIds, services }],
    name: poolName(name),
    shutdown: drainTimeoutMs + poolShutdownMarginMs,
  };
  const options: SupervisorOptions = {
    strategy: 'restForOne',
    children: [workerSupervisorSpec(name, size), pool],
  };
  return {
    id: name,
    type: 'supervisor',
    start: async (self) => {
      await prepare();
      const children = [poolName(name), workerSupervisorName(name)];
      return startNamedSupervisor(self, poolSupervisorName(name), options, children);
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

function createWorkerServices(
  { config, python, resources, bridge }: PoolSurroundings,
  dispatcher: PoolDispatcher,
  containment: () => Containment,
): WorkerServices {
  const { pythonDir: bridgePath } = findBridgeFiles();
  const { name: pool, adapter, adapterArgs, pythonPath, cwd, env, heartbeat } = config;
  const current = (): RunResources => {
    const held = resources();
    if (held !== undefined) return held;
    const detail = 'the process registry is not there';
    throw new WorkerStartError(detail, { kind: 'unavailable', detail });
  };
  return {
    host: () => current().host,
    dispatcher,
    get configuration() {
      return configurationOf(config, python, containment());
    },
    poolName: poolName(pool),
    spec: () => ({
      pool,
      python: { executable: python },
      bridgePath,
      pythonPath,
      adapter,
      adapterArgs,
      cwd,
      env,
      runId: current().run.runId,
      bridge: bridge(),
      containment: containment(),
    }),
    heartbeat: heartbeat.enabled ? heartbeat : undefined,
  };
}

function configurationOf(
  config: ResolvedPool,
  python: string,
  containment: Containment,
): WorkerConfiguration {
  const { adapter, cwd, concurrency, startupTimeoutMs, termTimeoutMs, heartbeat } = config;
  return {
    ...{ adapter, python, cwd, concurrency, startupTimeoutMs, termTimeoutMs },
    gracefulShutdownTimeoutMs: config.gracefulShutdownTimeoutMs,
    maxRestarts: config.restart.maxRestarts,
    pingIntervalMs: heartbeat.enabled ? heartbeat.pingIntervalMs : undefined,
    containment,
  };
}

function workerInput(
  config: ResolvedPool,
  workerId: string,
  history: WorkerHistory,
  services: WorkerServices,
): GrpcWorkerInput {
  return {
    pool: config.name,
    workerId,
    history,
    services,
    maxRestarts: config.restart.maxRestarts,
    startupTimeoutMs: config.startupTimeoutMs,
    connectTimeoutMs,
    drainTimeoutMs: config.gracefulShutdownTimeoutMs,
    termTimeoutMs: config.termTimeoutMs,
    killTimeoutMs,
  };
}

/** Starts a worker's starter, or asks the worker to announce itself when it is there from before the pool's restart. */
async function startWorker(
  system: ActorSystem,
  input: GrpcWorkerInput,
): Promise<WorkerFailure | undefined> {
  const { pool, workerId, history } = input;
  const supervisor = system.whereis(workerSupervisorName(pool));
  const starter = system.whereis(starterName(pool, workerId));
  if (starter !== undefined) {
    if (system.processInfo(starter)?.parent === supervisor) return callUp(system, input);
    // It is ending with an earlier worker supervisor, and its name is not free before.
    await system.awaitExit(starter);
  }
  history.startOver();
  try {
    const tree = DynamicSupervisor.at(system, workerSupervisorName(pool));
    const started = await DynamicSupervisor.startChild(tree, workerStarterSpec(input));
    if (started.ok) return undefined;
    // Somebody else had asked for it, too: its starter is there, or, when all have their places, being started again.
    const { kind } = started.error;
    if (kind === 'alreadyStarted' || kind === 'maxChildren') return callUp(system, input);
    return notStarted(input, started.error, started.error.kind);
  } catch (error) {
    // Its supervisor has ended meanwhile: after its restart the pool asks for all workers again.
    if (supervisor === undefined || !system.isAlive(supervisor)) return undefined;
    return notStarted(input, error, messageOf(error));
  }
}

function callUp(
  system: ActorSystem,
  { pool, workerId, history }: GrpcWorkerInput,
): WorkerFailure | undefined {
  system.cast(workerName(pool, workerId), { type: 'worker.announce' });
  return history.givenUp;
}

function notStarted(
  { pool, workerId }: GrpcWorkerInput,
  cause: unknown,
  why: string,
): WorkerFailure {
  const reason = `its supervisor did not start it (${why})`;
  const details = { pool, worker: workerId, reason, failure: 'supervision' } as const;
  const error = bridgeError('WORKER_START_FAILED', details, { cause });
  return { error, cause: 'supervision', permanent: false };
}
