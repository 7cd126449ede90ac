import type { ActorSystem } from '../system.ts';
import type { Measurements, Metadata, TelemetryEventName } from '../telemetry/telemetry.ts';

/** What a measured value is about, as OpenTelemetry calls it; a label in Prometheus. */
export type MetricAttributes = Readonly<Record<string, string | number | boolean>>;

interface Described {
  /** Dotted, as OpenTelemetry names metrics, without a unit: `snakepit.worker.heartbeat.duration`. */
  readonly name: string;
  /** One sentence for those who read the numbers. */
  readonly description: string;
  /** Of UCUM, and a base unit: `s`, `By`, `1`, or what is counted: `{restart}`. */
  readonly unit: string;
  /** What its values may be about: the names of all attributes, and what each says. Few values each: no ids that keep coming. */
  readonly labels: Readonly<Record<string, string>>;
}

interface Distributed extends Described {
  /** Upper bounds of the buckets of a histogram, rising, in {@link Described.unit}. */
  readonly buckets?: readonly number[];
}

/** A metric that an event of the bus changes. */
export interface EventMetric<
  N extends TelemetryEventName = TelemetryEventName,
> extends Distributed {
  /** A sum that never falls, or a distribution. */
  readonly kind: 'counter' | 'histogram';
  /** The event. */
  readonly event: N;
  /** What it adds or records, in the unit; `undefined`: nothing. */
  value(
    measurements: Measurements<N>,
    metadata: Metadata<N>,
    system: ActorSystem,
  ): number | undefined;
  /** What it is about. */
  attributes(
    metadata: Metadata<N>,
    measurements: Measurements<N>,
    system: ActorSystem,
  ): MetricAttributes;
  /**
   * Attributes of a counter that are known before the first event: its sum is told as 0 for them from the beginning, so
   * that already the first event can be seen as a change.
   */
  readonly initial?: (system: ActorSystem) => Iterable<MetricAttributes>;
  /**
   * Whether a reporter also gets what happened before it was attached, default not. Only for what is rare, and matters
   * most in the first moments: until there is a reporter the system keeps it.
   */
  readonly keepsPast?: boolean;
}

/** A metric that is read when somebody asks. */
export interface PolledMetric extends Described {
  /** What goes up and down, or a sum that somebody else keeps and that never falls. */
  readonly kind: 'gauge' | 'observableCounter';
  /** Tells all its values, each with other attributes. Must be quick, and must not throw. */
  readonly read: (
    observe: (value: number, attributes: MetricAttributes) => void,
    system: ActorSystem,
  ) => void;
}

/** A distribution of what is too frequent for an event each; measured only while somebody listens. */
export interface MeasuredMetric extends Distributed {
  /** A distribution. */
  readonly kind: 'histogram';
  /**
   * Begins to measure.
   *
   * @param series - Gives who takes the values that are about these attributes; to be asked once, and kept.
   * @returns A function that ends it.
   */
  readonly measure: (series: (attributes: MetricAttributes) => RecordValue) => () => void;
}

/** Takes one value, in the unit of its metric. */
export type RecordValue = (value: number) => void;

/** A metric, independent of who collects it. */
export type MetricDefinition = EventMetric | PolledMetric | MeasuredMetric;

/** Gives an event metric the types of its own event. */
export function eventMetric<N extends TelemetryEventName>(
  metric: EventMetric<N>,
): MetricDefinition {
  return metric;
}

/** Gives a polled metric its types. */
export function polledMetric(metric: PolledMetric): MetricDefinition {
  return metric;
}
