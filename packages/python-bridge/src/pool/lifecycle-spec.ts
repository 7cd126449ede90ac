import type { ChildSpec } from '@snakepit/supervisor';
import type { ResolvedPool } from '../config/config.ts';
import { createGroupMemory } from '../os/group-memory.ts';
import {
  lifecycleManager,
  lifecycleManagerName,
  type LifecycleManagerProcessInput,
  type LifecycleManagerServices,
  type ManagedWorker,
} from '../worker/lifecycle-manager.ts';
import { osPidOf } from '../worker/worker-place.ts';
import type { PoolAdministration } from './pool-administration.ts';
import type { PoolLaunch } from './pool-launch.ts';
import { workerProcess, type PoolOperationParts } from './pool-operation.ts';
import { batchSizeFor } from './pool-seats.ts';

/** How long one look at the memory of all workers may take, in milliseconds. */
const lookTimeoutMs = 30_000;

/** The process that has workers recycled. */
export function lifecycleSpec(
  parts: PoolOperationParts,
  { name, size, startupBatchSize, recycle: settings }: ResolvedPool,
  { recycling }: PoolAdministration,
  launch: PoolLaunch | undefined,
): ChildSpec {
  const { system, seats } = parts;
  const services: LifecycleManagerServices = {
    settings,
    memory: createGroupMemory(),
    random: Math.random,
    server: {
      osPid: () => launch?.servers?.osPid,
      measured: (bytes, limitBytes) => {
        launch?.measured(bytes, limitBytes);
      },
    },
    recycle: recycling.recycle.bind(recycling),
    // All are looked at whenever one becomes ready, so it is made of little.
    workers: () => {
      const serving: ManagedWorker[] = [];
      for (const seat of seats) {
        const { workerId, servingSinceMs, isWorn, membership } = seat;
        if (membership !== 'member' || servingSinceMs === undefined) continue;
        const isOutdated =
          launch?.isOutdated(seat.handles.get(seat.place)?.ref.incarnation) === true;
        const osPid = () => osPidOf(system.processInfo(workerProcess(parts, seat)?.pid));
        serving.push({ workerId, servingSinceMs, isWorn, isOutdated, osPid });
      }
      return serving;
    },
  };
  const input: LifecycleManagerProcessInput = {
    pool: name,
    atOnce: batchSizeFor(size, startupBatchSize),
    checkIntervalMs: settings.checkIntervalMs,
    lookTimeoutMs,
    services,
  };
  return {
    id: 'lifecycleManager',
    start: [lifecycleManager, input],
    name: lifecycleManagerName(name),
  };
}
