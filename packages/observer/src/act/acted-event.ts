import { lifeEvent, milliseconds, occurrence } from '@snakepit/core';
import type { EventTableOf, LifeEvent, Pid } from '@snakepit/core';

/** Events of this package on the bus. */
export interface ObserverTelemetryEvents {
  /** Somebody who looked at a process did something to it. */
  'snakepit.observer.acted': {
    readonly measurements: { readonly count: 1; readonly durationMs: number };
    readonly metadata: {
      readonly pid: Pid;
      /** Who it was, across restarts. */
      readonly path: string;
      /** What was done. */
      readonly action: string;
      /** What came of it, as a sentence. */
      readonly outcome: string;
      readonly ok: boolean;
      /** From which address. */
      readonly remote: string;
    };
  };
}

declare module '@snakepit/core' {
  // Here the event becomes one of the bus.
  interface TelemetryEvents extends ObserverTelemetryEvents {}
}

/** The events of this package. */
export const observerEvents = {
  'snakepit.observer.acted': {
    description: 'Somebody who looked at a process did something to it.',
    level: 'warn',
    measurements: { count: occurrence, durationMs: milliseconds('How long it took.') },
    metadata: {
      pid: 'The process.',
      path: 'Who it was, across restarts.',
      action: 'What was done.',
      outcome: 'What came of it, as a sentence.',
      ok: 'Whether it succeeded.',
      remote: 'From which address.',
    },
  },
} satisfies EventTableOf<ObserverTelemetryEvents>;

/** That somebody acted belongs to the life of whom it was done to. */
const actedEvent = lifeEvent({
  event: 'snakepit.observer.acted',
  note: ({ durationMs }, { pid, path, action, outcome, ok, remote }) => ({
    what: 'acted',
    pid,
    path,
    afterMs: durationMs,
    details: { action, outcome, ok, remote },
  }),
});

/** The events of this package that tell of lives; one table for all observers, so that each is told once. */
export const observerLifeEvents: readonly LifeEvent[] = [actedEvent];
