import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';
import type { CallTelemetryEvents } from './call-events.ts';

/** Events of calls and sessions. */
export const callEvents = {
  'snakepit.pool.saturated': {
    description: 'A call was refused, because as many wait as may.',
    level: 'warn',
    measurements: {
      queueSize: number('Calls that wait.'),
      maxQueueSize: number('Calls that may wait.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
    },
  },
  'snakepit.pool.queue.timeout': {
    description: 'A call has waited for a worker as long as it may.',
    level: 'warn',
    measurements: {
      count: occurrence,
      waitedMs: milliseconds('How long the call has waited.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
    },
  },
  'snakepit.pool.call.dispatched': {
    description: 'A call was given to a worker.',
    level: 'debug',
    measurements: {
      count: occurrence,
      waitedMs: milliseconds('Since the call was made.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      workerId: 'Id of the worker in the pool.',
      attempt: 'Which attempt, 1 at first.',
    },
  },
  'snakepit.request.executed': {
    description: 'A call is over for its caller.',
    level: 'debug',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('Since the call was made.'),
      attempts: number('How often a worker was given it.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      workerId: 'Id of the last worker that was given it.',
      success: 'Whether it has a result.',
      code: 'Code of the error.',
    },
  },
  'snakepit.grpc_worker.execute.start': {
    description: 'A worker begins to execute a call.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      workerId: 'Id of the worker in the pool.',
    },
  },
  'snakepit.grpc_worker.execute.stop': {
    description: 'A worker has executed a call.',
    level: 'debug',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      workerId: 'Id of the worker in the pool.',
    },
  },
  'snakepit.grpc_worker.execute.exception': {
    description: "A worker's execution of a call has failed, or was given up.",
    level: 'debug',
    measurements: {
      count: occurrence,
      durationMs: milliseconds('How long it took.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      workerId: 'Id of the worker in the pool.',
      code: 'Code of the error.',
    },
  },
  'snakepit.retry.attempt': {
    description: 'A call is tried again.',
    level: 'info',
    measurements: {
      attempt: number('How often it was tried before.'),
      delayMs: milliseconds('The pause before it.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
    },
  },
  'snakepit.retry.success': {
    description: 'A call that was tried again has succeeded.',
    level: 'debug',
    measurements: {
      attempts: number('How often a worker was given it.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
    },
  },
  'snakepit.retry.exhausted': {
    description: 'A call that was tried again has failed for good.',
    level: 'warn',
    measurements: {
      attempts: number('How often a worker was given it.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
      code: 'Code of the error.',
    },
  },
  'snakepit.session.lost': {
    description: 'The worker that a session kept to is gone.',
    level: 'warn',
    measurements: {
      count: occurrence,
    },
    metadata: {
      session: 'Id of the session, if there is one.',
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
    },
  },
  'snakepit.session.created': {
    description: 'There is a session.',
    level: 'debug',
    measurements: {
      count: occurrence,
      sessions: number('Sessions that there are now.'),
    },
    metadata: {
      session: 'Id of the session, if there is one.',
    },
  },
  'snakepit.session.destroyed': {
    description: 'A session is gone.',
    level: 'debug',
    measurements: {
      count: occurrence,
      sessions: number('Sessions that there are now.'),
    },
    metadata: {
      session: 'Id of the session, if there is one.',
      reason: '`removed` or `expired`.',
    },
  },
  'snakepit.bridge.session.pruned': {
    description: 'Sessions that were not used for their time to live were removed.',
    level: 'debug',
    measurements: {
      count: number('How many.'),
      remainingSessions: number('Sessions that there are now.'),
    },
    metadata: {
      reason: 'Always `expired`.',
    },
  },
  'snakepit.bridge.session.accumulation_warning': {
    description: 'There are nearly as many sessions as there may be.',
    level: 'warn',
    measurements: {
      currentSessions: number('Sessions that there are.'),
      maxSessions: number('Sessions that there may be.'),
      utilization: number('Part of what there may be, 0 to 1.'),
    },
    metadata: {
      threshold: 'From this utilization on it is told, once until there are fewer again.',
    },
  },
} satisfies EventTableOf<CallTelemetryEvents>;
