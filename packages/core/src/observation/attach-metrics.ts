import type { ActorSystem } from '../system.ts';
import type {
  EventMetric,
  MeasuredMetric,
  MetricAttributes,
  MetricDefinition,
  PolledMetric,
  RecordValue,
} from './metric-definition.ts';

/** What takes the values of one metric. */
export interface Instrument {
  /** Who takes the values that are about these attributes. */
  series(attributes: MetricAttributes): RecordValue;
  /** The metric is gone. */
  close(): void;
}

/** Where the values of all metrics go: OpenTelemetry, Prometheus. */
export interface MetricSink {
  /** Makes what takes the values of a metric that pushes them. */
  open(metric: EventMetric | MeasuredMetric): Instrument;
  /**
   * Will ask for the values of a metric when it needs them.
   *
   * @returns A function that ends that.
   */
  poll(
    metric: PolledMetric,
    read: (observe: (value: number, attributes: MetricAttributes) => void) => void,
  ): () => void;
}

/**
 * Has all metrics of a system go to a sink, those that are added later too.
 *
 * @returns A function that ends it; nothing of it is left then.
 */
export function attachMetrics(system: ActorSystem, sink: MetricSink): () => void {
  const { observation } = system;
  const attached = new Map<MetricDefinition, () => void>();
  const adapt = (): void => {
    const wanted = new Set(observation.metrics);
    for (const [metric, detach] of attached) {
      if (wanted.has(metric)) continue;
      attached.delete(metric);
      detach();
    }
    for (const metric of wanted) {
      if (!attached.has(metric)) attached.set(metric, tryToAttach(system, sink, metric));
    }
  };
  const unwatch = observation.onChange(adapt);
  adapt();
  return () => {
    unwatch();
    for (const detach of attached.values()) detach();
    attached.clear();
  };
}

/** One that the sink refuses, because another has its name, must not cost the others. */
function tryToAttach(system: ActorSystem, sink: MetricSink, metric: MetricDefinition): () => void {
  try {
    return attach(system, sink, metric);
  } catch (error) {
    system.logger.warn(`the metric ${metric.name} cannot be collected`, { error });
    return () => undefined;
  }
}

function attach(system: ActorSystem, sink: MetricSink, metric: MetricDefinition): () => void {
  if ('read' in metric) {
    return sink.poll(metric, (observe) => {
      try {
        metric.read(observe, system);
      } catch (error) {
        system.logger.warn(`the metric ${metric.name} cannot be read`, { error });
      }
    });
  }
  const instrument = sink.open(metric);
  const end =
    'measure' in metric
      ? metric.measure((attributes) => instrument.series(attributes))
      : listen(system, metric, instrument);
  return () => {
    end();
    instrument.close();
  };
}

function listen(system: ActorSystem, metric: EventMetric, instrument: Instrument): () => void {
  const record = (value: number, attributes: MetricAttributes): void => {
    instrument.series(attributes)(value);
  };
  if (metric.kind === 'counter') {
    for (const attributes of metric.initial?.(system) ?? []) record(0, attributes);
  }
  system.observation.recall(metric, record);
  return system.telemetry.on(metric.event, (measurements, metadata) => {
    const value = metric.value(measurements, metadata, system);
    if (value !== undefined) record(value, metric.attributes(metadata, measurements, system));
  });
}
