import { milliseconds, number, occurrence, type EventTableOf } from './event-table.ts';
import type { CoreTelemetryEvents } from './telemetry.ts';

/** The events of the core. */
export const coreEvents = {
  'snakepit.process.spawned': {
    description: 'A process exists; its code has not run yet.',
    level: 'debug',
    measurements: { count: occurrence },
    metadata: {
      pid: 'The process.',
      parent: 'Who spawned it.',
      behaviour: 'What kind of process it is.',
      name: 'Its name, if it has one.',
    },
  },
  'snakepit.process.exited': {
    description: 'A process is gone; its name is free again.',
    level: 'debug',
    measurements: { count: occurrence, turns: number('Turns that it had.') },
    metadata: {
      pid: 'The process.',
      behaviour: 'What kind of process it was.',
      name: 'Its name, if it had one.',
      reason: 'Why it ended.',
    },
  },
  'snakepit.process.long_turn': {
    description: 'A turn took longer than the option `longTurnMs` allows.',
    // The runtime itself warns of it.
    level: 'debug',
    measurements: { count: occurrence, durationMs: milliseconds('How long it took.') },
    metadata: {
      pid: 'Whose turn it was; undefined when it was one of several.',
      behaviour: 'What kind of process that is.',
      name: 'Its name, if it has one.',
      candidates: 'Who had turns in that time.',
    },
  },
  'snakepit.observation.incident': {
    description: 'Something went wrong, and what happened in the 30 s before it was kept.',
    level: 'warn',
    measurements: { count: occurrence },
    metadata: {
      id: 'Its number in the system.',
      title: 'What went wrong, as a sentence.',
      path: 'Whom it concerns, across restarts.',
    },
  },
} satisfies EventTableOf<CoreTelemetryEvents>;
