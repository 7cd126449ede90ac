import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';
import type { LaunchTelemetryEvents } from './launch-events.ts';

/** Events of how workers are started, and of the fork servers that do it. */
export const launchEvents = {
  'snakepit.pool.launch': {
    description:
      'It is decided how the workers of a pool are started; again, when that is decided otherwise.',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      mode: '`fork`: by a fork server; `spawn`: each as a new interpreter.',
      asked: 'What the configuration says: `auto`, `fork` or `spawn`.',
      why: 'Why that way.',
    },
  },
  'snakepit.forkserver.started': {
    description: 'A fork server has imported what it is to, and forks workers.',
    level: 'info',
    measurements: {
      count: occurrence,
      startupMs: milliseconds('From its start until it could fork.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      osPid: 'Number of its operating system process.',
    },
  },
  'snakepit.forkserver.died': {
    description:
      'A fork server has ended by itself; its workers are gone with it, and another is started.',
    level: 'error',
    measurements: {
      count: occurrence,
      uptimeMs: milliseconds('How long it had served.'),
      workers: number('Workers that it took along.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      osPid: 'Number of its operating system process.',
      reason: 'How it ended.',
    },
  },
  'snakepit.forkserver.hung': {
    description:
      'A fork server does not answer; another is started, and then the workers of this one are replaced.',
    level: 'warn',
    measurements: {
      count: occurrence,
      workers: number('Workers that it has started and that live.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      osPid: 'Number of its operating system process.',
      reason: 'What is wrong with it.',
    },
  },
  'snakepit.forkserver.replaced': {
    description: 'A fork server took the place of another.',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      osPid: 'Number of its operating system process.',
      reason:
        'Why: `manual`, somebody wants new code; `memory_threshold`, the other had grown; `hung`, it did not answer; `died`; `suspected`, what it forked ended at once.',
    },
  },
  'snakepit.forkserver.unavailable': {
    description: 'A fork server could not be started.',
    level: 'error',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      code: 'What it says itself, such as `PRELOAD_FAILED`, if it said something.',
      reason: 'Why.',
      permanent: 'Whether trying again cannot help.',
      served: 'Whether another one forks all the same.',
    },
  },
} satisfies EventTableOf<LaunchTelemetryEvents>;
