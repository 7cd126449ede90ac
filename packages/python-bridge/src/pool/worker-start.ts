import type { ActorSystem, Clock } from '@snakepit/core';
import { DynamicSupervisor } from '@snakepit/supervisor';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import type { ResolvedPool } from '../config/config.ts';
import { bridgeError } from '../errors.ts';
import { WorkerStartError } from '../hosts/start-failure.ts';
import { createRemoteHost } from '../hosts/remote/remote-host.ts';
import type { Containment, WorkerHost, WorkerSpec } from '../hosts/worker-host.ts';
import type { WorkerLauncher } from '../hosts/worker-launcher.ts';
import type { RunResources } from '../os/process-registry.ts';
import { messageOf } from '../os/system-error.ts';
import type { WorkerConfiguration } from '../telemetry/events.ts';
import type { WorkerFailure } from '../worker/failure-cause.ts';
import { createSharedMoments } from '../worker/shared-moments.ts';
import type { GrpcWorkerInput } from '../worker/worker-life.ts';
import { workerName, type WorkerPlace } from '../worker/worker-place.ts';
import type { WorkerHistory } from '../worker/worker-history.ts';
import type { WorkerServices } from '../worker/worker-services.ts';
import { starterName, workerStarterSpec } from '../worker/worker-starter.ts';
import { workerSupervisorName } from '../worker/worker-supervisor.ts';
import { originalParts } from './original-pool.ts';
import type { PoolDispatcher } from './pool-call.ts';
import type { PoolSurroundings } from './pool-runtime.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** How long the first call to a new worker may take, in milliseconds. */
const connectTimeoutMs = 5_000;
/** How long a worker that others start is waited for within one start, in milliseconds. */
const remotePatienceMs = 20_000;
/** How long the operating system may take to confirm a SIGKILL before the worker goes on without it, in milliseconds. */
const killTimeoutMs = 5_000;

/** What all workers of a pool work with. */
export function createWorkerServices(
  surroundings: PoolSurroundings,
  dispatcher: PoolDispatcher,
  containment: () => Containment,
  launcher: () => WorkerLauncher | undefined,
): WorkerServices {
  const { config, python, resources, bridge, originalBridge } = surroundings;
  const { eventSources, isStopping } = surroundings;
  const { clock } = surroundings.system;
  const { pythonDir: bridgePath } = findBridgeFiles();
  const { name: pool, adapter, adapterArgs, pythonPath, cwd, env, heartbeat } = config;
  const current = (): RunResources => {
    const held = resources();
    if (held !== undefined) return held;
    const detail = 'the process registry is not there';
    throw new WorkerStartError(detail, { kind: 'unavailable', detail });
  };
  const elsewhere = remoteHostOf(config, clock);
  return {
    host: () => elsewhere ?? current().host,
    dispatcher,
    eventSources,
    get configuration() {
      return configurationOf(config, python, containment(), launcher());
    },
    calls: { callPath: config.callPath, maxValueBytes: config.maxValueBytes },
    spec: () => ({
      pool,
      python: { executable: python },
      bridgePath,
      pythonPath,
      adapter,
      adapterArgs,
      cwd,
      env: { ...env, SNAKEPIT_UNSERIALIZABLE: config.unserializable },
      envAllow: config.envAllow,
      runId: current().run.runId,
      maxValueBytes: config.maxValueBytes,
      // Calls go over the socket that it inherits; a server of its own is needed for its events only, when somebody takes them.
      servesLater: config.callPath === 'auto',
      bridge: bridge(),
      containment: containment(),
      launcher: launcher(),
      threads: threadsOf(config),
      ...originalParts(config, originalBridge),
    }),
    heartbeat: heartbeat.enabled ? heartbeat : undefined,
    moments: createSharedMoments(clock),
    isStopping,
  };
}

/** The host of workers that others start; each pool has its own, whose connections end with its workers. */
function remoteHostOf(
  { remote, startupTimeoutMs }: ResolvedPool,
  clock: Clock,
): WorkerHost | undefined {
  if (remote === undefined) return undefined;
  // Sooner than the chart gives the start up, which would count as failed.
  const patienceMs = Math.min(remotePatienceMs, startupTimeoutMs / 2);
  return createRemoteHost({ places: remote, clock, patienceMs });
}

function threadsOf({
  profile,
  threadsPerWorker: limit,
  threadSafetyCheck: check,
}: ResolvedPool): WorkerSpec['threads'] {
  return profile === 'thread' ? { limit, check } : undefined;
}

function configurationOf(
  config: ResolvedPool,
  python: string,
  containment: Containment,
  launcher: WorkerLauncher | undefined,
): WorkerConfiguration {
  const { adapter, cwd, concurrency, startupTimeoutMs, termTimeoutMs, heartbeat } = config;
  return {
    ...{ adapter, python, cwd, concurrency, startupTimeoutMs, termTimeoutMs },
    gracefulShutdownTimeoutMs: config.gracefulShutdownTimeoutMs,
    maxRestarts: config.restart.maxRestarts,
    pingIntervalMs: heartbeat.enabled ? heartbeat.pingIntervalMs : undefined,
    containment,
    launch: launchOf(config, launcher),
  };
}

function launchOf(
  { remote }: ResolvedPool,
  launcher: WorkerLauncher | undefined,
): WorkerConfiguration['launch'] {
  if (remote !== undefined) return undefined;
  return launcher === undefined ? 'spawn' : 'fork';
}

/** What a process of a worker is started with; of a replacement the history is its own until it is ready. */
export function workerInput(
  config: ResolvedPool,
  services: WorkerServices,
  seat: WorkerSeat,
  place: WorkerPlace,
  history: WorkerHistory,
): GrpcWorkerInput {
  return {
    pool: config.name,
    workerId: seat.workerId,
    history,
    services,
    tellPool: (news) => {
      seat.hear(place, news);
    },
    onSpawned: (handle) => {
      seat.handles.set(place, handle);
    },
    maxRestarts: config.restart.maxRestarts,
    startupTimeoutMs: config.startupTimeoutMs,
    connectTimeoutMs,
    drainTimeoutMs: config.gracefulShutdownTimeoutMs,
    termTimeoutMs: config.termTimeoutMs,
    killTimeoutMs,
  };
}

/**
 * Starts a worker's starter, or asks the worker to announce itself when it is there from before the pool's restart.
 *
 * @param hasRoom - Whether there are fewer starters than workers.
 */
export async function startWorker(
  system: ActorSystem,
  seat: WorkerSeat,
  input: GrpcWorkerInput,
  hasRoom: (starters: number) => boolean,
): Promise<WorkerFailure | undefined> {
  const { pool, workerId, history } = input;
  // Out of the turn of the pool's process: what is asked of the supervisor shall not fail when that process is killed.
  await Promise.resolve();
  const supervisor = system.whereis(workerSupervisorName(pool));
  const starter = system.whereis(starterName(pool, workerId));
  if (starter !== undefined) {
    if (system.processInfo(starter)?.parent === supervisor) return callUp(system, seat, pool);
    // It is ending with an earlier worker supervisor, and its name is not free before.
    await system.awaitExit(starter);
  }
  history.startOver();
  try {
    const tree = DynamicSupervisor.at(system, workerSupervisorName(pool));
    // All are counted for that, so nobody asks for a worker that is new.
    const starters = seat.mayHaveStarter ? (await DynamicSupervisor.countChildren(tree)).specs : 0;
    // All have their places: its starter is being started again.
    if (!hasRoom(starters)) return callUp(system, seat, pool);
    seat.mayHaveStarter = true;
    const started = await DynamicSupervisor.startChild(tree, workerStarterSpec(input));
    if (started.ok) return undefined;
    const { kind } = started.error;
    // Somebody else had asked for it, too.
    if (kind === 'alreadyStarted') return callUp(system, seat, pool);
    return notStarted(input, started.error, started.error.kind);
  } catch (error) {
    // Its supervisor has ended meanwhile: after its restart the pool asks for all workers again.
    if (supervisor === undefined || !system.isAlive(supervisor)) return undefined;
    return notStarted(input, error, messageOf(error));
  }
}

function callUp(
  system: ActorSystem,
  { workerId, place, history }: WorkerSeat,
  pool: string,
): WorkerFailure | undefined {
  system.cast(workerName(pool, workerId, place), { type: 'worker.announce' });
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
