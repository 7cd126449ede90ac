import type { MetricDefinition } from '@snakepit/core';

/** What Prometheus calls the units of which it has an opinion: base units, in the plural. */
const suffixes: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };

/**
 * The name of a metric in Prometheus: `snakepit.worker.restarts` is `snakepit_worker_restarts_total`,
 * `snakepit.pool.call.duration` is `snakepit_pool_call_duration_seconds`. A histogram has besides `_bucket`, `_sum` and
 * `_count`.
 */
export function prometheusName({
  name,
  unit,
  kind,
}: Pick<MetricDefinition, 'name' | 'unit' | 'kind'>): string {
  const parts = [name.replace(/[^a-zA-Z0-9]+/g, '_'), suffixes[unit] ?? ''];
  if (kind === 'counter' || kind === 'observableCounter') parts.push('total');
  return parts.filter((part) => part !== '').join('_');
}
