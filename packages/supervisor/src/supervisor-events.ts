import { milliseconds, occurrence, type EventTableOf } from '@snakepit/core';
import type { ApplicationTelemetryEvents } from './application-reports.ts';
import type { SupervisorTelemetryEvents } from './incident.ts';

/** The events of this package. */
export const supervisorEvents = {
  'snakepit.supervisor.child.started': {
    description: 'A child was started: at first, again, or on request.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      supervisor: 'The supervisor.',
      id: 'Id of the child.',
      pid: 'Its process.',
    },
  },
  'snakepit.supervisor.child.restarted': {
    description: 'A child was started again after its end.',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      supervisor: 'The supervisor.',
      id: 'Id of the child.',
      pid: 'Its process.',
    },
  },
  'snakepit.supervisor.child.terminated': {
    description: 'A child ended, by itself or because it was asked to.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      supervisor: 'The supervisor.',
      id: 'Id of the child.',
      pid: 'The process that it had.',
      reason: 'Why.',
    },
  },
  'snakepit.supervisor.child.backing_off': {
    description:
      'The restart of a child waits for its time; an extension, see {@link RestartBackoff}.',
    level: 'info',
    measurements: {
      count: occurrence,
      delayMs: milliseconds('The pause before it.'),
    },
    metadata: {
      supervisor: 'The supervisor.',
      id: 'Id of the child.',
      pid: 'The process that it had.',
    },
  },
  'snakepit.supervisor.child.failed': {
    description:
      'A child was given up: its restart budget is spent; an extension, see {@link RestartBudget}.',
    level: 'error',
    measurements: {
      count: occurrence,
    },
    metadata: {
      supervisor: 'The supervisor.',
      id: 'Id of the child.',
      pid: 'The process that it had.',
    },
  },
  'snakepit.supervisor.report': {
    description: 'A supervisor report (OTP RPT-001); also logged as an error.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      supervisor: 'The supervisor.',
      name: 'Name of the supervisor, if it has one.',
      context: 'What it is about.',
      reason: 'Why.',
      offender: 'The child.',
    },
  },
  'snakepit.application.started': {
    description: 'An application is up: its top supervisor runs (OTP APP-001).',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      application: 'Name of the application.',
      type: 'What is done when it ends by itself.',
      pid: 'Its process.',
    },
  },
  'snakepit.application.stopped': {
    description:
      'An application that was up has stopped, by itself or because it was asked to (OTP APP-005, APP-008).',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      application: 'Name of the application.',
      type: 'What is done when it ends by itself.',
      pid: 'Its process.',
      reason: 'Why.',
      byItself: 'Whether nobody had asked it to stop.',
    },
  },
} satisfies EventTableOf<SupervisorTelemetryEvents & ApplicationTelemetryEvents>;
