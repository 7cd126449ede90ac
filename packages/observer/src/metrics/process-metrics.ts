import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { polledMetric, type MetricDefinition } from '@snakepit/core';

/** How often the delay of the event loop is looked at, in milliseconds. */
const resolutionMs = 20;

/** What is known of the host process itself, under the names that dashboards for Node.js know. */
export interface ProcessMetrics {
  /** The metrics; read, not recorded. */
  readonly metrics: readonly MetricDefinition[];
  /** Lets go of what measures the event loop. */
  readonly close: () => void;
}

/** Begins to measure the host process: its CPU, memory and event loop. */
export function createProcessMetrics(): ProcessMetrics {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return {
    metrics: [
      ...usage(),
      gauge(
        'nodejs.eventloop.lag.p99',
        's',
        'Delay of the event loop since the last scrape, 99th percentile.',
        () => (delay.count === 0 ? 0 : delay.percentile(99) / 1e9),
      ),
      gauge(
        'nodejs.eventloop.lag.max',
        's',
        'Longest delay of the event loop since the last scrape.',
        () => {
          const longest = delay.count === 0 ? 0 : delay.max / 1e9;
          delay.reset();
          return longest;
        },
      ),
    ],
    close: () => {
      delay.disable();
    },
  };
}

function usage(): readonly MetricDefinition[] {
  const startedAt = performance.timeOrigin / 1_000;
  return [
    polledMetric({
      ...{ kind: 'observableCounter', name: 'process.cpu', unit: 's', labels: {} },
      description: 'CPU time of the host process, user and system.',
      read: (observe) => {
        const { user, system } = process.cpuUsage();
        observe((user + system) / 1e6, {});
      },
    }),
    gauge('process.start_time', 's', 'When the host process began, since 1970.', () => startedAt),
    gauge('process.resident_memory', 'By', 'Resident memory of the host process.', () =>
      process.memoryUsage.rss(),
    ),
    gauge(
      'nodejs.heap_size_used',
      'By',
      'JavaScript heap in use.',
      () => process.memoryUsage().heapUsed,
    ),
    gauge(
      'nodejs.heap_size_total',
      'By',
      'JavaScript heap, in all.',
      () => process.memoryUsage().heapTotal,
    ),
    gauge(
      'nodejs.external_memory',
      'By',
      'Memory outside of the JavaScript heap that belongs to its objects.',
      () => process.memoryUsage().external,
    ),
  ];
}

function gauge(
  name: string,
  unit: string,
  description: string,
  value: () => number,
): MetricDefinition {
  return polledMetric({
    ...{ kind: 'gauge', name, unit, description, labels: {} },
    read: (observe) => {
      observe(value(), {});
    },
  });
}
