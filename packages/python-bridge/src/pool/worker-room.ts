import type { Logger } from '@snakepit/core';
import type { ResolvedPool } from '../config/config.ts';
import { bridgeError } from '../errors.ts';
import { leftOf, readMachineLimits, type MachineLimits } from '../os/machine-limits.ts';
import { currentPlatform } from '../os/platform/current.ts';
import type { ResourceLimitDetails } from '../resource-limit.ts';
import { chooseLaunch, type LaunchMode } from './choose-launch.ts';

/** What one worker takes of what there is only so much of. */
export interface WorkerNeeds {
  /** File descriptors of the runtime: output, error output, beats, lifeline, calls. */
  readonly descriptors: number;
  /** Processes and threads. */
  readonly tasks: number;
  /** Bytes of memory before its adapter has imported anything: an estimate. */
  readonly memoryBytes: number;
}

/** Workers that are to be started. */
export interface WantedWorkers {
  /** How many. */
  readonly count: number;
  /** What each of them needs. */
  readonly needs: WorkerNeeds;
}

/** How many workers fit, by each limit that is known. */
export interface WorkerRoom {
  /** By the descriptors of this process. */
  readonly descriptors: number | undefined;
  /** By processes and threads. */
  readonly tasks: number | undefined;
  /** By memory: an estimate, see {@link WorkerNeeds.memoryBytes}. */
  readonly memory: number | undefined;
}

/** How a worker is made, as far as it decides what it needs. */
export interface WorkerKind {
  /** How its process is made; `remote` when others make it, elsewhere. */
  readonly launch: LaunchMode | 'remote';
  /** Whether a launcher holds its descendants. */
  readonly hasLauncher: boolean;
  /** Threads that its tools may have beside its own. */
  readonly toolThreads: number;
}

/**
 * Kept free for the runtime itself: its servers, its watchdog, the fork servers, what it opens for a moment when it starts a
 * worker or looks for what is left of one, and one replacement of a worker.
 */
const reserved: WorkerNeeds = { descriptors: 64, tasks: 32, memoryBytes: 64 * 1024 * 1024 };

/** Measured on Linux with Python 3.11 and an empty adapter. */
const needsByLaunch: Readonly<Record<WorkerKind['launch'], WorkerNeeds>> = {
  spawn: { descriptors: 5, tasks: 6, memoryBytes: 20 * 1024 * 1024 },
  fork: { descriptors: 5, tasks: 6, memoryBytes: 8 * 1024 * 1024 },
  remote: { descriptors: 1, tasks: 0, memoryBytes: 0 },
};

/** What of a pool decides what its workers need. */
export type RoomyPool = Pick<
  ResolvedPool,
  | 'compat'
  | 'descendants'
  | 'launch'
  | 'preload'
  | 'profile'
  | 'remote'
  | 'size'
  | 'threadsPerWorker'
>;

/** The workers that pools want. */
export function wantedBy(pools: readonly RoomyPool[]): readonly WantedWorkers[] {
  return pools.map((pool) => ({ count: pool.size, needs: needsOf(kindOf(pool)) }));
}

/** How the workers of a pool are made. */
export function kindOf(pool: RoomyPool): WorkerKind {
  const { descendants, profile, remote, threadsPerWorker } = pool;
  return {
    launch: remote === undefined ? chooseLaunch(pool, currentPlatform.name).mode : 'remote',
    hasLauncher: descendants === 'strict',
    toolThreads: profile === 'thread' ? threadsPerWorker : 0,
  };
}

/** What one worker needs. */
export function needsOf({ launch, hasLauncher, toolThreads }: WorkerKind): WorkerNeeds {
  const { descriptors, tasks, memoryBytes } = needsByLaunch[launch];
  return { descriptors, tasks: tasks + toolThreads + (hasLauncher ? 2 : 0), memoryBytes };
}

/** How many workers with such needs fit. */
export function roomFor(needs: WorkerNeeds, limits: MachineLimits): WorkerRoom {
  const fit = (left: number | undefined, what: keyof WorkerNeeds): number | undefined => {
    if (left === undefined || needs[what] === 0) return undefined;
    return Math.max(0, Math.floor((left - reserved[what]) / needs[what]));
  };
  const { descriptors, tasks, memory } = limits;
  return {
    descriptors: fit(descriptors && leftOf(descriptors), 'descriptors'),
    tasks: fit(tasks && leftOf(tasks), 'tasks'),
    memory: fit(memory?.bytes, 'memoryBytes'),
  };
}

/** Whether workers fit. */
export interface RoomCheck {
  /** Why they do not; `undefined` when they do. */
  readonly shortage: ResourceLimitDetails | undefined;
  /** A sentence when memory may not suffice, which nobody can know before the adapters have imported what they need. */
  readonly doubt: string | undefined;
}

/**
 * Looks whether workers fit.
 *
 * @param wanted - Those of all pools.
 */
export function checkRoom(wanted: readonly WantedWorkers[], limits: MachineLimits): RoomCheck {
  const count = wanted.reduce((sum, one) => sum + one.count, 0);
  const sumOf = (what: keyof WorkerNeeds): number =>
    wanted.reduce((sum, one) => sum + one.count * one.needs[what], 0);
  const most = mostNeedy(wanted);
  const room = roomFor(most, limits);
  const fits = Math.min(room.tasks ?? Infinity, room.descriptors ?? Infinity);
  const shortageOf = (what: 'descriptors' | 'tasks'): ResourceLimitDetails | undefined => {
    const limit = limits[what];
    if (limit === undefined || sumOf(what) <= leftOf(limit) - reserved[what]) return undefined;
    return {
      ...{ what, limit: limit.name, allowed: limit.limit, used: limit.used },
      ...{ perWorker: most[what], reserved: reserved[what], wanted: count, fits },
      needed: limit.used + reserved[what] + sumOf(what),
    };
  };
  return {
    shortage: shortageOf('descriptors') ?? shortageOf('tasks'),
    doubt: memoryDoubt(count, sumOf('memoryBytes'), limits),
  };
}

/**
 * Refuses pools whose workers do not fit, before any of them is started; says in the log when memory may not suffice.
 *
 * @param pools - With as many workers as are to be started.
 * @throws SnakepitError RESOURCE_LIMIT when there are not descriptors, processes and threads enough: how many fit.
 */
export function requireRoom(
  pools: readonly RoomyPool[],
  logger: Pick<Logger, 'warn'>,
  limits: MachineLimits = readMachineLimits(),
): void {
  const { shortage, doubt } = checkRoom(wantedBy(pools), limits);
  if (shortage !== undefined) throw bridgeError('RESOURCE_LIMIT', shortage);
  if (doubt !== undefined) logger.warn(doubt);
}

/** Of workers that differ, each may be one that needs the most. */
function mostNeedy(wanted: readonly WantedWorkers[]): WorkerNeeds {
  const most = (what: keyof WorkerNeeds): number =>
    wanted.reduce((found, { needs }) => Math.max(found, needs[what]), 0);
  return {
    descriptors: most('descriptors'),
    tasks: most('tasks'),
    memoryBytes: most('memoryBytes'),
  };
}

function memoryDoubt(
  count: number,
  neededBytes: number,
  { memory }: MachineLimits,
): string | undefined {
  if (memory === undefined || neededBytes <= memory.bytes) return undefined;
  const [needed, available] = [neededBytes, memory.bytes].map(
    (bytes) => `${Math.round(bytes / (1024 * 1024))} MB`,
  );
  return `${count} workers need about ${needed} of memory before their adapters have imported anything, and ${available} are available (${memory.name}): some may be ended by the system; have fewer (pools[].size), or fork them (pools[].launch)`;
}
