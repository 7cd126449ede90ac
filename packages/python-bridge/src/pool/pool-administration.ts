import { lifecycleManagerName } from '../worker/lifecycle-manager.ts';
import type { LifecycleManagerEvent } from '../worker/lifecycle-manager.machine.ts';
import type { PoolOperationParts } from './pool-operation.ts';
import { batchSizeFor } from './pool-seats.ts';
import {
  createWorkerRecycling,
  type WorkerRecycling,
  type WorkerRecyclingParts,
} from './recycling.ts';
import { createPoolResizing, type PoolResizing, type PoolResizingParts } from './resizing.ts';
import { createWorkerRestarts, type WorkerRestarts } from './worker-restarts.ts';

/**
 * All that changes the workers of a pool on request. With one worker only one thing is done at a time: who wants it
 * restarted or replaced while that is under way waits for the same, and it is taken away only afterwards.
 */
export interface PoolAdministration {
  /** Restarts: the worker ends, then it is started. */
  readonly restarts: WorkerRestarts;
  /** Recycling: its replacement serves, then it ends. */
  readonly recycling: WorkerRecycling;
  /** More and fewer workers. */
  readonly resizing: PoolResizing;
}

/** Makes what changes the workers of one pool. */
export function createPoolAdministration(
  parts: PoolOperationParts &
    Pick<PoolResizingParts, 'requireRoom'> &
    Pick<WorkerRecyclingParts, 'historyParts' | 'renewLauncher'>,
): PoolAdministration {
  const { system, pool, seats, startupBatchSize } = parts;
  const restarts: WorkerRestarts = createWorkerRestarts({
    ...parts,
    recycling: (workerId) => recycling.underWay(workerId),
  });
  const recycling: WorkerRecycling = createWorkerRecycling({ ...parts, restarts });
  const resizing = createPoolResizing({
    ...parts,
    changes: (workerId) => {
      const restart = restarts.isUnderWay(workerId) ? restarts.restart(workerId) : undefined;
      return [restart, recycling.underWay(workerId)].filter((change) => change !== undefined);
    },
    onResized: () => {
      const atOnce = batchSizeFor(seats.members.length, startupBatchSize);
      const resized: LifecycleManagerEvent = { type: 'pool.resized', atOnce };
      system.cast(lifecycleManagerName(pool), resized);
    },
  });
  return { restarts, recycling, resizing };
}
