import { eventMetric, type MetricDefinition } from '@snakepit/core';
import './events.ts';

const pool = { pool: 'Name of the pool.' } as const;
const inPool = (metadata: { readonly pool: string }) => ({ pool: metadata.pool });

/** What becomes of fork servers. */
export const launchMetrics: readonly MetricDefinition[] = [
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.forkserver.deaths', unit: '{server}' },
    description: 'Fork servers that ended by themselves; each is replaced, and its workers.',
    labels: pool,
    event: 'snakepit.forkserver.died',
    value: ({ count }) => count,
    attributes: inPool,
  }),
  eventMetric({
    ...{ kind: 'counter', name: 'snakepit.forkserver.replacements', unit: '{server}' },
    description:
      'Fork servers that took the place of another: for new code, because it had grown or did not answer.',
    labels: pool,
    event: 'snakepit.forkserver.replaced',
    value: ({ count }) => count,
    attributes: inPool,
  }),
];
