import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';
import type { CleanupTelemetryEvents } from './cleanup-events.ts';

/** Events of clean-up and of the watchdog. */
export const cleanupEvents = {
  'snakepit.cleanup.swept': {
    description:
      'What earlier runs left behind was looked for, and ended; `successful` when nothing of it lives.',
    level: 'info',
    measurements: {
      runs: number('Earlier runs that were found.'),
      processes: number('Processes that were found.'),
      survivors: number('Processes that still live.'),
      corrupt: number('Records that cannot be read.'),
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
      successful: 'Whether nothing of it lives.',
    },
  },
  'snakepit.cleanup.leftover': {
    description:
      'One process of an earlier run was found: whose it was, why it is known to be ours, how it ended.',
    level: 'warn',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
      pid: 'Number of the process.',
      startTime: 'Its start time, as the operating system tells it.',
      worker: '`pool/workerId/incarnation`, where a record tells it.',
      why: 'How it is known to be ours: `record`, `marker` or `group`.',
      how: 'What ended it: `term`, `kill`; `survived` or `notPermitted`.',
      state: 'State of the process at the last sight.',
      successful: 'Whether nothing of it lives.',
    },
  },
  'snakepit.cleanup.worker': {
    description: 'What a worker left was cleaned up; from its exit to the confirmation.',
    level: 'debug',
    measurements: {
      escaped: number('Processes that had left the group.'),
      survivors: number('Processes that still live.'),
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      successful: 'Whether nothing of it lives.',
    },
  },
  'snakepit.cleanup.unrecorded': {
    description:
      'The run cannot be written down: after a kill of the runtime only markers lead to its processes.',
    level: 'warn',
    measurements: {
      count: occurrence,
    },
    metadata: {
      runId: 'Id of the run.',
      reason: 'Why.',
    },
  },
  'snakepit.cleanup.success': {
    description: 'A run has ended: every worker is confirmed gone, its directories are removed.',
    level: 'info',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
    },
  },
  'snakepit.cleanup.timeout': {
    description: 'A run has ended, and something of it is left, so that it stays recorded.',
    level: 'error',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
      reason: 'Why.',
    },
  },
  'snakepit.watchdog.started': {
    description: 'The watchdog of the run reads; so many groups of workers were there already.',
    level: 'info',
    measurements: {
      count: occurrence,
      groups: number('Groups of workers that it knows.'),
    },
    metadata: {
      runId: 'Id of the run.',
      osPid: 'Number of its operating system process.',
    },
  },
  'snakepit.watchdog.replaced': {
    description: 'A watchdog took the place of one that had ended, and knows its groups.',
    level: 'info',
    measurements: {
      count: occurrence,
      groups: number('Groups of workers that it knows.'),
    },
    metadata: {
      runId: 'Id of the run.',
      osPid: 'Number of its operating system process.',
    },
  },
  'snakepit.watchdog.died': {
    description: 'The watchdog has ended while it was needed.',
    level: 'warn',
    measurements: {
      count: occurrence,
      uptimeMs: milliseconds('How long its process lived.'),
    },
    metadata: {
      runId: 'Id of the run.',
      osPid: 'Number of its operating system process.',
      reason: 'Why.',
    },
  },
  'snakepit.watchdog.unavailable': {
    description: 'A watchdog could not be started; it is tried again.',
    level: 'warn',
    measurements: {
      count: occurrence,
    },
    metadata: {
      runId: 'Id of the run.',
      reason: 'Why.',
    },
  },
  'snakepit.watchdog.faulted': {
    description: 'The watchdog says that it cannot do its work on this machine.',
    level: 'error',
    measurements: {
      count: occurrence,
    },
    metadata: {
      runId: 'Id of the run.',
      fault: 'What is wrong.',
    },
  },
  'snakepit.watchdog.stopped': {
    description: 'The watchdog was told to leave and has left.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      runId: 'Id of the run.',
    },
  },
  'snakepit.application_cleanup.cleanup_success': {
    description: 'The last look at the end found nothing: supervision did its work.',
    level: 'debug',
    measurements: {
      count: number('How many.'),
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
    },
  },
  'snakepit.application_cleanup.orphaned_processes_found': {
    description: 'The last look at the end found processes, which are killed now.',
    level: 'warn',
    measurements: {
      count: number('How many.'),
    },
    metadata: {
      runId: 'Id of the run.',
      osPids: 'Numbers of the processes.',
    },
  },
  'snakepit.application_cleanup.emergency_cleanup': {
    description: 'What the last look found was killed; `successful` when nothing of it lives.',
    level: 'warn',
    measurements: {
      count: number('How many.'),
      survivors: number('Processes that still live.'),
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      runId: 'Id of the run.',
      successful: 'Whether nothing of it lives.',
    },
  },
} satisfies EventTableOf<CleanupTelemetryEvents>;
