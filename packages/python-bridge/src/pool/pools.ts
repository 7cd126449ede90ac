import type { ActorSystem } from '@snakepit/core';
import { drainTimeOf, type RestartOptions } from '../call-options.ts';
import { bridgeError } from '../errors.ts';
import { wrongWorker } from '../snakepit-errors.ts';
import { poolStatsOf, workersOf } from '../status.ts';
import { observePython } from '../observation/python-source.ts';
import { bridgeMetrics } from '../telemetry/metrics.ts';
import { Caller } from './caller.ts';
import { createPoolHandle, type Pool } from './pool-handle.ts';
import type { PoolRuntime } from './pool-runtime.ts';
import type { Nesting } from '../tools/nesting.ts';
import type { SessionDirectory } from './session-directory.ts';

/** One pool, from all its sides. */
export interface PoolEntry {
  /** How it runs. */
  readonly runtime: PoolRuntime;
  /** Makes its calls. */
  readonly caller: Caller;
  /** What people hold of it. */
  readonly handle: Pool;
}

/** All pools. */
export interface Pools {
  /** In the order of the configuration. */
  readonly runtimes: readonly PoolRuntime[];
  /**
   * The pool with this name; without one the first.
   *
   * @throws SnakepitError POOL_NOT_FOUND.
   */
  find(name: string | undefined): PoolEntry;
  /**
   * The pool with this name; who names none by mistake means not just any pool.
   *
   * @throws SnakepitError POOL_NOT_FOUND.
   */
  named(name: string): PoolEntry;
  /**
   * The pool that has this worker.
   *
   * @throws SnakepitError INVALID_ARGUMENT when none has.
   */
  of(workerId: string): PoolRuntime;
  /** Nobody sees anything of them any more. */
  readonly unobserve: () => void;
}

/** What pools are made of. */
export interface PoolsParts {
  /** Where their processes live. */
  readonly system: ActorSystem;
  /** Their sessions. */
  readonly sessions: SessionDirectory;
  /** Whether no call is taken any more. */
  readonly isStopping: () => boolean;
  /** Why nothing will be served any more, once that is so. */
  readonly over: () => Error | undefined;
  /** Knows of calls that are made while Python waits for Node. */
  readonly nesting: Nesting;
  /** See {@link Pool.restartWorker}. */
  readonly restartWorker: (workerId: string, options: RestartOptions) => Promise<void>;
  /** At least one. */
  readonly runtimes: readonly PoolRuntime[];
}

/** Puts together what people can do with each pool. */
export function createPools(parts: PoolsParts): Pools {
  const { runtimes } = parts;
  const entries = new Map(
    runtimes.map((runtime) => [runtime.config.name, entryOf(runtime, parts)]),
  );
  const first = runtimes[0]?.config.name ?? '';
  const named = (name: string): PoolEntry => {
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
    throw bridgeError('POOL_NOT_FOUND', { pool: name, available: [...entries.keys()] });
  };
  const removeSource = observePython(parts);
  const removeMetrics = parts.system.observation.addMetrics(bridgeMetrics(() => runtimes));
  return {
    runtimes,
    unobserve: () => {
      removeSource();
      removeMetrics();
    },
    find: (name = first) => named(name),
    named,
    of: (workerId) => {
      const found = runtimes.find(({ workerIds }) => workerIds.includes(workerId));
      if (found !== undefined) return found;
      const known = runtimes.flatMap(({ workerIds }) => workerIds);
      const shown = known.slice(0, 20).join(', ') + (known.length > 20 ? ', …' : '');
      throw wrongWorker(
        `"${workerId}" is no worker; there are ${shown}`,
        'give the id of one of workers().',
      );
    },
  };
}

function entryOf(runtime: PoolRuntime, parts: PoolsParts): PoolEntry {
  const { system, sessions, isStopping, restartWorker } = parts;
  const caller = new Caller(runtime.config, runtime.dispatcher, isStopping, parts.nesting);
  const handle = createPoolHandle({
    caller,
    sessions,
    stats: () => poolStatsOf(system, runtime),
    workers: () => workersOf(system, [runtime]),
    recycle: async ({ timeout }) => {
      await runtime.administration.recycling.recycleAll(drainTimeOf(timeout));
    },
    resize: (size) => runtime.administration.resizing.resize(size),
    restartWorker: async (workerId, options) => {
      const { workerIds } = runtime;
      if (workerIds.includes(workerId)) return restartWorker(workerId, options);
      throw wrongWorker(
        `"${workerId}" is no worker of pool "${caller.pool}"`,
        'give the id of one of workers() of this pool.',
      );
    },
  });
  return { runtime, caller, handle };
}
