import type { ActorSystem } from '../system.ts';
import type { EventMetric, MetricAttributes, MetricDefinition } from './metric-definition.ts';

/** So many values of one distribution are kept for reporters that come later; the first are. */
const mostValues = 1_000;
/** A sum is kept for so many different attributes. */
const mostSums = 1_000;

/** What is kept of one metric: a value each for distributions, a sum for each attributes. */
interface Kept {
  readonly attributes: MetricAttributes;
  value: number;
}

/**
 * What happened before a reporter was attached, of the metrics that ask for it: leftovers of earlier runs are found while a
 * runtime starts, and nobody could ever hear of them from a bus.
 *
 * @internal
 */
export class MetricHistory {
  readonly #systemOf: () => ActorSystem;
  readonly #kept = new Map<MetricDefinition, Map<string | number, Kept>>();
  readonly #detach = new Map<MetricDefinition, () => void>();

  /** @param systemOf - Gives the system whose events are kept; not asked before a metric is added. */
  constructor(systemOf: () => ActorSystem) {
    this.#systemOf = systemOf;
  }

  /** Begins to keep what this metric asks for. */
  add(metric: MetricDefinition): void {
    if (!('event' in metric) || metric.keepsPast !== true || this.#kept.has(metric)) return;
    const kept = new Map<string | number, Kept>();
    this.#kept.set(metric, kept);
    const system = this.#systemOf();
    const off = system.telemetry.on(metric.event, (measurements, metadata) => {
      const value = metric.value(measurements, metadata, system);
      if (value === undefined) return;
      keep(metric, kept, value, metric.attributes(metadata, measurements, system));
    });
    this.#detach.set(metric, off);
  }

  /** Ends it, and forgets. */
  remove(metric: MetricDefinition): void {
    this.#detach.get(metric)?.();
    this.#detach.delete(metric);
    this.#kept.delete(metric);
  }

  /** Tells what was kept until now. */
  recall(metric: MetricDefinition, record: (value: number, of: MetricAttributes) => void): void {
    for (const { value, attributes } of this.#kept.get(metric)?.values() ?? []) {
      record(value, attributes);
    }
  }
}

function keep(
  { kind }: EventMetric,
  kept: Map<string | number, Kept>,
  value: number,
  attributes: MetricAttributes,
): void {
  if (kind === 'histogram') {
    if (kept.size < mostValues) kept.set(kept.size, { value, attributes });
    return;
  }
  const key = JSON.stringify(attributes);
  const sum = kept.get(key);
  if (sum !== undefined) sum.value += value;
  else if (kept.size < mostSums) kept.set(key, { value, attributes });
}
