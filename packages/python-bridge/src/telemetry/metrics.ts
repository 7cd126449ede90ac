import type { MetricAttributes, MetricDefinition } from '@snakepit/core';
import { cleanupMetrics } from './cleanup-metrics.ts';
import { launchMetrics } from './launch-metrics.ts';
import { memoryMetric } from './memory-metric.ts';
import { poolMetrics, type Pools } from './pool-metrics.ts';
import { heartbeatMetrics, workerMetrics } from './worker-metrics.ts';

/** All metrics of a Snakepit with these pools. */
export function bridgeMetrics(pools: Pools): readonly MetricDefinition[] {
  const all = [
    ...poolMetrics(pools),
    ...workerMetrics,
    ...launchMetrics,
    memoryMetric(pools),
    ...heartbeatMetrics,
    ...cleanupMetrics,
  ];
  return all.map((metric) =>
    'event' in metric && metric.kind === 'counter'
      ? { ...metric, initial: () => combinations(Object.keys(metric.labels), pools) }
      : metric,
  );
}

/** All that a metric with these labels can be about, where all values of each are known. */
function combinations(labels: readonly string[], pools: Pools): readonly MetricAttributes[] {
  const known: Readonly<Record<string, readonly (string | boolean)[]>> = {
    pool: Array.from(pools(), ({ config }) => config.name),
    path: ['beats', 'serving'],
    fault: ['beats', 'serving', 'busy'],
    reason: ['ttl_expired', 'max_requests', 'memory_threshold', 'manual', 'fork_server'],
    successful: [true, false],
  };
  let found: readonly MetricAttributes[] = [{}];
  for (const label of labels) {
    found = found.flatMap((one) =>
      (known[label] ?? []).map((value) => ({ ...one, [label]: value })),
    );
  }
  return found;
}
