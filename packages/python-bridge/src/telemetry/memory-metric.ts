import { polledMetric, type ActorSystem, type MetricDefinition } from '@snakepit/core';
import { createMemorySampler, type MemorySampler } from '../observation/memory-sampler.ts';
import { createGroupMemory, type GroupMemory } from '../os/group-memory.ts';
import type { PoolRuntime } from '../pool/pool-runtime.ts';
import { osPidOf } from '../worker/worker-place.ts';
import type { Pools } from './pool-metrics.ts';

/** Who collects metrics may ask seldom: what was true the last time is better than nothing. In milliseconds. */
const maxAgeMs = 300_000;

/** How much memory the workers have: their processes and all that those started. Nothing is measured until somebody asks. */
export function memoryMetric(pools: Pools, memory?: GroupMemory): MetricDefinition {
  let sampler: MemorySampler | undefined;
  const samplerOf = (system: ActorSystem): MemorySampler =>
    createMemorySampler({
      ...{ clock: system.clock, memory: memory ?? createGroupMemory(), maxAgeMs },
      groupIds: () => Array.from(runningIn(system, pools()), ({ osPid }) => osPid),
    });
  return polledMetric({
    ...{ kind: 'gauge', name: 'snakepit.worker.memory', unit: 'By' },
    description:
      'Memory of the process group of the worker, as it was when it was last asked for: each collection measures for the next.',
    labels: {
      pool: 'Name of the pool.',
      worker: 'Id of the worker, the same through all restarts.',
    },
    read: (observe, system) => {
      const known = (sampler ??= samplerOf(system));
      for (const { pool, worker, osPid } of runningIn(system, pools())) {
        const bytes = known.bytesOf(osPid);
        if (bytes !== undefined) observe(bytes, { pool, worker });
      }
    },
  });
}

/** The workers that have a process. */
function* runningIn(system: ActorSystem, pools: Iterable<PoolRuntime>) {
  for (const { config, workerIds, processOf } of pools) {
    for (const worker of workerIds) {
      const osPid = osPidOf(system.processInfo(processOf(worker)));
      if (osPid !== undefined) yield { pool: config.name, worker, osPid };
    }
  }
}
