import { eventMetric, type MetricDefinition } from '@snakepit/core';
import './events.ts';

const orphans = { successful: 'Whether nothing of it lives any more.' } as const;

/** What was left behind, and what looks after that. */
export const cleanupMetrics: readonly MetricDefinition[] = [
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.orphans.swept', unit: '{process}', keepsPast: true },
    description: 'Processes of earlier runs that were found and ended.',
    labels: orphans,
    event: 'snakepit.cleanup.leftover',
    value: ({ count }) => count,
    attributes: ({ successful }) => ({ successful }),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.orphans.emergency', unit: '{process}' },
    description:
      'Processes that the last look of the run found and killed; supervision had missed them.',
    labels: orphans,
    event: 'snakepit.application_cleanup.emergency_cleanup',
    value: ({ count }) => count,
    attributes: ({ successful }) => ({ successful }),
  }),
  eventMetric({
    ...{ kind: 'histogram', name: 'snakepit.sweep.duration', unit: 's', keepsPast: true },
    description: 'Looking for what earlier runs left, and ending it.',
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    labels: orphans,
    event: 'snakepit.cleanup.swept',
    value: ({ durationMs }) => durationMs / 1_000,
    attributes: ({ successful }) => ({ successful }),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.cleanup.unrecorded', unit: '{run}', keepsPast: true },
    description:
      'Runs that cannot be written down: after a kill of Node only markers lead to their processes.',
    labels: {},
    event: 'snakepit.cleanup.unrecorded',
    value: ({ count }) => count,
    attributes: () => ({}),
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.watchdog.deaths', unit: '{watchdog}', keepsPast: true },
    description: 'Watchdogs that ended while they were needed; each is replaced.',
    labels: {},
    event: 'snakepit.watchdog.died',
    value: ({ count }) => count,
    attributes: () => ({}),
  }),
];
