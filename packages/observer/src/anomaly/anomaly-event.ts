import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';

/** What can be wrong. */
export type AnomalyKind = 'restarts' | 'latency' | 'memory' | 'heartbeat' | 'queue';

/** Events of the watch for anomalies on the bus. */
export interface AnomalyTelemetryEvents {
  /** Something is not as usual, and does not seem to be chance (R10.5). */
  'snakepit.anomaly.detected': {
    readonly measurements: {
      readonly count: 1;
      /** What was measured: failures, milliseconds, bytes, heartbeats, as the kind has it. */
      readonly value: number;
      /** What is usual, or what it may be at most. */
      readonly baseline: number;
    };
    readonly metadata: {
      readonly kind: AnomalyKind;
      /** What it is about: `pool default`, `worker default_worker_1`. */
      readonly subject: string;
      /** What is the case, as a sentence. */
      readonly message: string;
      /** What to do about it. */
      readonly advice: string;
    };
  };
  /** It is as usual again, or the subject is gone. */
  'snakepit.anomaly.cleared': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: { readonly kind: AnomalyKind; readonly subject: string };
  };
}

declare module '@snakepit/core' {
  // Here the events become some of the bus.
  interface TelemetryEvents extends AnomalyTelemetryEvents {}
}

/** Describes them. */
export const anomalyEvents = {
  'snakepit.anomaly.detected': {
    description: 'Something is not as usual, and does not seem to be chance.',
    level: 'warn',
    measurements: {
      count: occurrence,
      value: number('What was measured: failures, milliseconds, bytes or heartbeats, by the kind.'),
      baseline: number('What is usual, or what it may be at most.'),
    },
    metadata: {
      kind: '`restarts`, `latency`, `memory`, `heartbeat` or `queue`.',
      subject: 'What it is about, such as `pool default`.',
      message: 'What is the case, as a sentence.',
      advice: 'What to do about it.',
    },
  },
  'snakepit.anomaly.cleared': {
    description: 'An anomaly is over: it is as usual again, or what it was about is gone.',
    level: 'info',
    measurements: { count: occurrence, durationMs: milliseconds('Since it was told.') },
    metadata: { kind: 'As when it was told.', subject: 'As when it was told.' },
  },
} satisfies EventTableOf<AnomalyTelemetryEvents>;

/** What to do about each kind. */
export const anomalyAdvice: Readonly<Record<AnomalyKind, string>> = {
  restarts:
    'read why they ended (/health/workers, lastEnd): an adapter that crashes, a limit of memory, calls that hang. While it goes on, calls fail.',
  latency:
    'see which calls are slow (panel "calls"), whether the machine is busy, and whether the workers have grown: recycling (pools[].recycle) helps against the last.',
  memory:
    'the adapter keeps what it should let go of; until that is found, pools[].recycle.maxMemory replaces its workers in time.',
  heartbeat:
    'look for code that holds the GIL or blocks the event loop of Python, and for a machine that is out of memory or CPU. It is replaced when it goes on.',
  queue:
    'there is more to do than workers: add some (pools[].size, resize()), make calls shorter, or call less at once.',
};
