import type { MetricAttributes, MetricDefinition, RecordValue } from '@snakepit/core';
import { prometheusName } from './prometheus-name.ts';

/**
 * A metric has so many series at most, however many values its labels take: what a peer can make grow must not fill our
 * memory, nor Prometheus'.
 */
export const mostSeries = 1_000;

/** What the values beyond {@link mostSeries} are about. */
const overflow = 'other';

/** One line of an exposition, as prom-client wants it. */
export interface ExposedValue {
  /** The value. */
  readonly value: number;
  /** What it is about. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its name, where that is not the name of the metric. */
  readonly metricName?: string;
}

/** The values of one metric, as prom-client's registry takes them. */
export interface ExposedMetric {
  /** Its name in Prometheus. */
  readonly name: string;
  /** What it is. */
  readonly help: string;
  /** What kind of values it has. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How the values of several processes are put together. */
  readonly aggregator: 'sum';
  /** All its values. */
  readonly values: readonly ExposedValue[];
}

interface OneSeries {
  readonly record: RecordValue;
  expose(name: string): ExposedValue[];
}

/** All series of one metric. */
export class MetricSeries {
  /** Its name in Prometheus. */
  readonly name: string;
  readonly #metric: MetricDefinition;
  readonly #type: ExposedMetric['type'];
  readonly #refresh: (() => void) | undefined;
  readonly #series = new Map<string, OneSeries>();

  /** @param refresh - Sets all its values anew, when they are asked for; by default they are kept. */
  constructor(metric: MetricDefinition, refresh?: () => void) {
    this.name = prometheusName(metric);
    this.#metric = metric;
    this.#type = metric.kind === 'observableCounter' ? 'counter' : metric.kind;
    this.#refresh = refresh;
  }

  /** Who takes the values that are about these attributes. */
  of(attributes: MetricAttributes): RecordValue {
    const labels = labelsOf(attributes);
    return (
      (
        this.#find(labels) ??
        this.#find(
          mapped(labels, () => overflow),
          true,
        )
      )?.record ?? drop
    );
  }

  /** What is true now of these attributes; what is beyond the limit is left out. */
  set(value: number, attributes: MetricAttributes): void {
    this.#find(labelsOf(attributes))?.record(value);
  }

  /** All values; called by prom-client. */
  get(): Promise<ExposedMetric> {
    if (this.#refresh !== undefined) {
      this.#series.clear();
      this.#refresh();
    }
    const { name } = this;
    const values = [...this.#series.values()].flatMap((one) => one.expose(name));
    const { description: help } = this.#metric;
    return Promise.resolve({ name, help, type: this.#type, aggregator: 'sum', values });
  }

  #find(labels: Readonly<Record<string, string>>, always = false): OneSeries | undefined {
    const key = JSON.stringify(labels);
    const known = this.#series.get(key);
    if (known !== undefined || (!always && this.#series.size >= mostSeries)) return known;
    const made = this.#make(labels);
    this.#series.set(key, made);
    return made;
  }

  #make(labels: Readonly<Record<string, string>>): OneSeries {
    if (this.#type === 'histogram') {
      const buckets = 'buckets' in this.#metric ? this.#metric.buckets : undefined;
      return histogramSeries(labels, buckets ?? defaultBuckets);
    }
    return this.#refresh === undefined ? sumSeries(labels) : lastSeries(labels);
  }
}

/** For distributions that say nothing: those of prom-client. */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function sumSeries(labels: Readonly<Record<string, string>>): OneSeries {
  let sum = 0;
  return {
    record: (value) => {
      // Else one bad value would spoil all that come.
      if (value >= 0 && value < Infinity) sum += value;
    },
    expose: () => [{ value: sum, labels }],
  };
}

function lastSeries(labels: Readonly<Record<string, string>>): OneSeries {
  let last = NaN;
  return {
    record: (value) => {
      last = value;
    },
    expose: () => [{ value: last, labels }],
  };
}

function histogramSeries(
  labels: Readonly<Record<string, string>>,
  buckets: readonly number[],
): OneSeries {
  const bounds = Float64Array.from(buckets);
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    record: (value) => {
      if (!(value < Infinity)) return;
      let at = 0;
      while (at < bounds.length && value > (bounds[at] ?? Infinity)) at += 1;
      counts[at] = (counts[at] ?? 0) + 1;
      sum += value;
    },
    expose: (name) => {
      let count = 0;
      const lines = [...[...buckets].map(String), '+Inf'].map((le, at): ExposedValue => {
        count += counts[at] ?? 0;
        return { value: count, labels: { ...labels, le }, metricName: `${name}_bucket` };
      });
      return [
        ...lines,
        { value: sum, labels, metricName: `${name}_sum` },
        { value: count, labels, metricName: `${name}_count` },
      ];
    },
  };
}

function labelsOf(attributes: MetricAttributes): Readonly<Record<string, string>> {
  return mapped(attributes, String);
}

function mapped<T>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function drop(): void {
  // There is no room for it.
}
