import { attachMetrics, type ActorSystem, type MetricSink } from '@snakepit/core';
import { Registry, type Metric } from 'prom-client';
import { MetricSeries } from './metric-series.ts';
import { createProcessMetrics } from './process-metrics.ts';

/** What a registry is made with. */
export interface MetricsOptions {
  /** Whether metrics of the host process are there too: CPU, memory, event loop; default true. */
  readonly processMetrics?: boolean;
}

/** The metrics of one system for Prometheus. */
export interface MetricsRegistry {
  /** Of prom-client, and nobody else's; `Registry.merge` puts several together. */
  readonly registry: Registry;
  /** Ends the measuring; the registry is empty then. */
  readonly close: () => void;
}

/**
 * Keeps the metrics of a system for Prometheus, those that are added later too.
 *
 * Counters begin at zero here; what a runtime finds and does while it starts is in them.
 */
export function createMetricsRegistry(
  system: ActorSystem,
  { processMetrics = true }: MetricsOptions = {},
): MetricsRegistry {
  const registry = new Registry();
  const sink = sinkOf(registry);
  const detach = attachMetrics(system, sink);
  const own = processMetrics ? createProcessMetrics() : undefined;
  for (const metric of own?.metrics ?? []) {
    if ('read' in metric) {
      sink.poll(metric, (observe) => {
        metric.read(observe, system);
      });
    }
  }
  return {
    registry,
    close: () => {
      detach();
      own?.close();
      registry.clear();
    },
  };
}

function sinkOf(registry: Registry): MetricSink {
  const add = (series: MetricSeries): (() => void) => {
    // prom-client asks a metric for no more than its name and `get`, but names only classes of its own in its types.
    registry.registerMetric(series as unknown as Metric);
    return () => {
      registry.removeSingleMetric(series.name);
    };
  };
  return {
    open: (metric) => {
      const series = new MetricSeries(metric);
      const remove = add(series);
      return { series: (attributes) => series.of(attributes), close: remove };
    },
    poll: (metric, read) => {
      const series = new MetricSeries(metric, () => {
        read((value, attributes) => {
          series.set(value, attributes);
        });
      });
      return add(series);
    },
  };
}
