import { eventMetric, type MetricDefinition } from '@snakepit/core';
import './events.ts';

const pool = { pool: 'Name of the pool.' } as const;
const path = {
  path: 'Where the ping went: `beats`, the thread that answers beats, or `serving`, the server that takes the calls.',
} as const;
const inPool = (metadata: { readonly pool: string }) => ({ pool: metadata.pool });
const onPath = (metadata: { readonly pool: string; readonly path: string }) => ({
  pool: metadata.pool,
  path: metadata.path,
});
/** From a local round trip to the default interval. */
const pingBuckets = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** From a bare interpreter to an adapter that loads a model. */
const startBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
/** From a process that leaves nothing to the last resort. */
const cleanupBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10];

/** What becomes of workers. */
export const workerMetrics: readonly MetricDefinition[] = [
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.starts', unit: '{start}', keepsPast: true },
    description: 'Workers that became ready, at first or again.',
    labels: pool,
    event: 'snakepit.worker.started',
    value: ({ count }) => count,
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'histogram', name: 'snakepit.worker.start.duration', unit: 's', keepsPast: true },
    description: 'From the beginning of a start until the worker was ready.',
    buckets: startBuckets,
    labels: pool,
    event: 'snakepit.worker.started',
    value: ({ startupMs }) => startupMs / 1_000,
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.terminations', unit: '{worker}', keepsPast: true },
    description: 'Workers that ended, and nothing of them is left.',
    labels: {
      ...pool,
      cause:
        'What kind of failure it was: `killed`, `nativeCrash`, `outOfMemory`, `heartbeat` …; `none` when it was asked to end.',
      signal: 'The signal that ended its process; `none` when it exited.',
      means: 'What was done to it: `none`, `term`, `kill`.',
    },
    event: 'snakepit.worker.terminated',
    value: ({ count }) => count,
    attributes: ({ cause = 'none', signal = 'none', means, ...metadata }) => ({
      ...{ pool: metadata.pool, cause, signal, means },
    }),
  }),
  eventMetric({
    // Without the cause: so it has a zero before the first, which rates need.
    ...{ kind: 'counter', name: 'snakepit.worker.failures', unit: '{worker}', keepsPast: true },
    description: 'Workers that ended otherwise than asked, or did not start.',
    labels: pool,
    event: 'snakepit.worker.terminated',
    value: ({ count }, { cause }) => (cause === undefined ? undefined : count),
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'histogram', name: 'snakepit.worker.uptime', unit: 's' },
    description: 'How long the processes of workers lived that ended.',
    buckets: [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800],
    labels: pool,
    event: 'snakepit.worker.terminated',
    value: ({ uptimeMs }) => uptimeMs / 1_000,
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.given_up', unit: '{worker}', keepsPast: true },
    description: 'Workers that are not started any more: it cannot help, or has failed too often.',
    labels: { ...pool, cause: 'What kind of failure it was: `importError`, `environment` …' },
    event: 'snakepit.worker.failed',
    value: ({ count }) => count,
    attributes: ({ cause, ...metadata }) => ({ pool: metadata.pool, cause }),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.recycles', unit: '{worker}', keepsPast: true },
    description: 'Workers that were replaced in order.',
    labels: {
      ...pool,
      reason: '`ttl_expired`, `max_requests`, `memory_threshold`, `manual`, `fork_server`.',
    },
    event: 'snakepit.worker.recycled',
    value: ({ count }) => count,
    attributes: ({ reason, ...metadata }) => ({ pool: metadata.pool, reason }),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.recycle_failures', unit: '{worker}' },
    description: 'Workers that were to be replaced and were kept: the replacement did not start.',
    labels: pool,
    event: 'snakepit.worker.recycling_failed',
    value: ({ count }) => count,
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'histogram', name: 'snakepit.worker.cleanup.duration', unit: 's', keepsPast: true },
    description: 'From the end of a worker until it was confirmed that nothing of it is left.',
    buckets: cleanupBuckets,
    labels: { ...pool, successful: 'Whether nothing of it lives.' },
    event: 'snakepit.cleanup.worker',
    value: ({ durationMs }) => durationMs / 1_000,
    attributes: ({ successful, ...metadata }) => ({ pool: metadata.pool, successful }),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.escaped_processes', unit: '{process}' },
    description: 'Processes that had left the groups of their workers, and were found and ended.',
    labels: pool,
    event: 'snakepit.cleanup.worker',
    value: ({ escaped }) => escaped,
    attributes: inPool,
  }),
];

/** Signs of life of workers. */
export const heartbeatMetrics: readonly MetricDefinition[] = [
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.heartbeat.sent', unit: '{ping}' },
    description: 'Pings that were sent.',
    labels: { ...pool, ...path },
    event: 'snakepit.worker.heartbeat.sent',
    value: ({ count }) => count,
    attributes: onPath,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.heartbeat.received', unit: '{ping}' },
    description: 'Pings that were answered.',
    labels: { ...pool, ...path },
    event: 'snakepit.worker.heartbeat.received',
    value: ({ count }) => count,
    attributes: onPath,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.heartbeat.missed', unit: '{ping}' },
    description: 'Pings that were not answered in time, or were refused.',
    labels: { ...pool, ...path },
    event: 'snakepit.worker.heartbeat.missed',
    value: ({ count }) => count,
    attributes: onPath,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.worker.heartbeat.failures', unit: '{worker}' },
    description: 'Workers that were found unhealthy by their heartbeat, and were replaced.',
    labels: {
      ...pool,
      fault:
        'What was wrong: `beats`, `serving`: that path was silent; `busy`: one call took too long.',
    },
    event: 'snakepit.worker.heartbeat.failed',
    value: ({ count }) => count,
    attributes: ({ fault, ...metadata }) => ({ pool: metadata.pool, fault }),
  }),
  eventMetric({
    ...{ kind: 'histogram', name: 'snakepit.worker.heartbeat.duration', unit: 's' },
    description: 'Round trips of the pings that were answered.',
    buckets: pingBuckets,
    labels: { ...pool, ...path },
    event: 'snakepit.worker.heartbeat.received',
    value: ({ latencyMs }) => latencyMs / 1_000,
    attributes: onPath,
  }),
];
