import { metrics, type Meter } from '@opentelemetry/api';
import type { ActorSystem } from '../system.ts';
import { attachMetrics, type Instrument, type MetricSink } from './attach-metrics.ts';
import type { EventMetric, MeasuredMetric } from './metric-definition.ts';

/**
 * Reports all metrics of a system to OpenTelemetry, also those that are added later.
 *
 * Only the API is used. Without a meter the global one is, so register the SDK's meter provider before: a meter that was
 * asked for earlier drops everything.
 *
 * @param meter - Default: `metrics.getMeter('snakepit')`.
 * @returns A function that ends it. OpenTelemetry itself keeps what was counted until then.
 */
export function reportMetrics(
  system: ActorSystem,
  meter: Meter = metrics.getMeter('snakepit'),
): () => void {
  return attachMetrics(system, sinkOf(meter));
}

function sinkOf(meter: Meter): MetricSink {
  return {
    open: (metric) => instrumentOf(meter, metric),
    poll: ({ kind, name, description, unit }, read) => {
      const options = { description, unit };
      const observable =
        kind === 'gauge'
          ? meter.createObservableGauge(name, options)
          : meter.createObservableCounter(name, options);
      const callback: Parameters<typeof observable.addCallback>[0] = (result) => {
        read((value, attributes) => {
          result.observe(value, attributes);
        });
      };
      observable.addCallback(callback);
      return () => {
        observable.removeCallback(callback);
      };
    },
  };
}

function instrumentOf(meter: Meter, metric: EventMetric | MeasuredMetric): Instrument {
  const { kind, name, description, unit, buckets } = metric;
  const options = { description, unit };
  if (kind === 'counter') {
    const counter = meter.createCounter(name, options);
    return {
      series: (attributes) => (value) => {
        counter.add(value, attributes);
      },
      close: () => undefined,
    };
  }
  const histogram = meter.createHistogram(name, {
    ...options,
    ...(buckets !== undefined && { advice: { explicitBucketBoundaries: [...buckets] } }),
  });
  return {
    series: (attributes) => (value) => {
      histogram.record(value, attributes);
    },
    close: () => undefined,
  };
}
