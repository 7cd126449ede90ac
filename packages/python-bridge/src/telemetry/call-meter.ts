import {
  isSnakepitError,
  type Clock,
  type MetricAttributes,
  type RecordValue,
} from '@snakepit/core';

/** How a call ended, for those who count. */
type CallOutcome = 'succeeded' | 'failed' | 'cancelled';

/** A call, as far as it is measured. */
export interface MeteredCall {
  /** When it was made, by the clock of the system. */
  readonly madeAtMs: number;
  /** How often a worker was given it. */
  readonly attempts: number;
}

/** Gives who takes the values that are about these attributes. */
export type OpenSeries = (attributes: MetricAttributes) => RecordValue;

/** Who takes the durations of calls by how they ended, in seconds. */
type ByOutcome = Readonly<Record<CallOutcome, RecordValue>>;

/**
 * Measures how long the calls of one pool wait, and how long they take altogether, for reporters of metrics. While there
 * is none, to be told costs a look at a field: not even the clock is read.
 */
export class CallMeter {
  readonly #pool: string;
  /** Whether anybody wants to know. */
  #isOn = false;
  #waits: readonly RecordValue[] = [];
  #durations: readonly ByOutcome[] = [];

  /** @param pool - Name of the pool. */
  constructor(pool: string) {
    this.#pool = pool;
  }

  /** A worker was given a call. */
  began({ attempts, madeAtMs }: MeteredCall, clock: Clock): void {
    if (!this.#isOn || attempts !== 1) return;
    const seconds = (clock.now() - madeAtMs) / 1_000;
    for (const record of this.#waits) record(seconds);
  }

  /** A call has ended. */
  ended({ attempts, madeAtMs }: MeteredCall, clock: Clock, error: Error | undefined): void {
    if (!this.#isOn) return;
    const seconds = (clock.now() - madeAtMs) / 1_000;
    const outcome = outcomeOf(error);
    for (const records of this.#durations) records[outcome](seconds);
    if (attempts > 0) return;
    // Those that waited in vain have waited longest.
    for (const record of this.#waits) record(seconds);
  }

  /** Has waits told; returns a function that ends that. */
  measureWaits(series: OpenSeries): () => void {
    const record = series({ pool: this.#pool });
    this.#waits = [...this.#waits, record];
    this.#adapt();
    return () => {
      this.#waits = this.#waits.filter((one) => one !== record);
      this.#adapt();
    };
  }

  /** Has durations told; returns a function that ends that. */
  measureDurations(series: OpenSeries): () => void {
    const of = (outcome: CallOutcome): RecordValue => series({ pool: this.#pool, outcome });
    const records = {
      ...{ succeeded: of('succeeded'), failed: of('failed'), cancelled: of('cancelled') },
    };
    this.#durations = [...this.#durations, records];
    this.#adapt();
    return () => {
      this.#durations = this.#durations.filter((one) => one !== records);
      this.#adapt();
    };
  }

  #adapt(): void {
    this.#isOn = this.#waits.length > 0 || this.#durations.length > 0;
  }
}

function outcomeOf(error: Error | undefined): CallOutcome {
  if (error === undefined) return 'succeeded';
  return isSnakepitError(error, 'CANCELLED') ? 'cancelled' : 'failed';
}
