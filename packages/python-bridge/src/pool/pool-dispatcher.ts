import '../telemetry/events.ts';
import type { PoolGuard } from '../resilience/call-guard.ts';
import type { LifecycleManagerEvent } from '../worker/lifecycle-manager.machine.ts';
import { jittered, lifecycleManagerName } from '../worker/lifecycle-manager.ts';
import type { GrpcWorkerEvent } from '../worker/worker-life.ts';
import { workerName } from '../worker/worker-place.ts';
import { createDispatcher } from './dispatcher.ts';
import type { DispatcherParts, PoolDispatcher } from './pool-call.ts';
import type { PoolSurroundings } from './pool-runtime.ts';
import type { PoolSeats } from './pool-seats.ts';

/** Makes the way into a pool, which tells those concerned of workers that are worn or do not let go of a call. */
export function createPoolDispatcher(
  { system, config }: PoolSurroundings,
  seats: PoolSeats,
  guard: PoolGuard,
  looks: Required<Pick<DispatcherParts, 'watch' | 'meter' | 'reports'>>,
): PoolDispatcher {
  const { name: pool, recycle } = config;
  return createDispatcher({
    ...config,
    pool,
    clock: system.clock,
    guard,
    ...looks,
    wear: {
      maxCalls: () => Math.ceil(jittered(recycle.maxRequests, recycle.jitter, Math.random)),
      onWorn: (workerId) => {
        const seat = seats.get(workerId);
        if (seat === undefined) return;
        seat.isWorn = true;
        const exceeded: LifecycleManagerEvent = {
          ...{ type: 'worker.exceeded', workerId, reason: 'max_requests' },
        };
        system.cast(lifecycleManagerName(pool), exceeded);
      },
    },
    onStuck: ({ workerId, tool, session }) => {
      const one = { count: 1, graceMs: config.cancelGraceMs } as const;
      const about = { pool, workerId, tool, session };
      system.telemetry.emit('snakepit.pool.call.stuck', one, about);
      const stuck: GrpcWorkerEvent = { type: 'worker.stuck', tool };
      const place = seats.get(workerId)?.place;
      system.cast(workerName(pool, workerId, place), stuck);
    },
  });
}
