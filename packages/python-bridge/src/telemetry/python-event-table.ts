import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';
import type { PythonTelemetryEvents } from './python-events.ts';
import type { EventDescription, EventLevel } from '@snakepit/core';

/** Events that come from Python. */
export const pythonEvents = {
  'snakepit.python.worker.serving': pythonEvent(
    'debug',
    "A worker's server listens; sent as soon as somebody takes events. Numbers: `startup_ms`, `tools`; tags: `pid`, `python_version`.",
  ),
  'snakepit.python.worker.stopping': pythonEvent(
    'debug',
    'A worker was told to stop and takes no new calls. Numbers: `uptime_ms`, `in_flight`, calls `served` and `failed`; tag: `pid`.',
  ),
  'snakepit.python.heartbeat.answered': pythonEvent(
    'debug',
    'A worker has answered a heartbeat. Numbers: `in_flight`, `oldest_call_ms`, `loop_lag_ms`; tags: `path`, `health`. How long the way took is in `snakepit.worker.heartbeat.received`.',
  ),
  'snakepit.python.tool.execution.start': pythonEvent(
    'debug',
    'A tool begins; from adapters that say so.',
  ),
  'snakepit.python.tool.execution.stop': pythonEvent(
    'debug',
    'A tool has ended; from adapters that say so.',
  ),
  'snakepit.python.tool.execution.exception': pythonEvent(
    'warn',
    'A tool has raised. Tags: `tool`, `error_type`.',
  ),
  'snakepit.python.tool.result_size': pythonEvent(
    'debug',
    'How large a result is; from adapters that say so.',
  ),
  'snakepit.python.call.start': pythonEvent(
    'debug',
    'Something begins; from adapters that say so.',
  ),
  'snakepit.python.call.stop': pythonEvent('debug', 'It has ended; from adapters that say so.'),
  'snakepit.python.call.exception': pythonEvent(
    'warn',
    'It has raised; from adapters that say so.',
  ),
  'snakepit.python.memory.sampled': pythonEvent(
    'debug',
    'How much memory a worker has; from adapters that say so.',
  ),
  'snakepit.python.cpu.sampled': pythonEvent(
    'debug',
    'How busy a worker is; from adapters that say so.',
  ),
  'snakepit.python.gc.completed': pythonEvent(
    'debug',
    'Garbage was collected; from adapters that say so.',
  ),
  'snakepit.python.error.occurred': pythonEvent(
    'error',
    'Something is wrong; from adapters that say so.',
  ),
  'snakepit.python.event': pythonEvent(
    'debug',
    'Any other event of an adapter; its name is `metadata.event`.',
  ),
  'snakepit.python.telemetry.dropped': {
    description: 'Events of a worker were lost, because they came faster than they were taken.',
    level: 'warn',
    measurements: {
      count: number('How many.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
    },
  },
  'snakepit.python.telemetry.interrupted': {
    description: 'Events of a worker cannot be taken for now; it is tried again.',
    level: 'warn',
    measurements: {
      count: occurrence,
      retryMs: milliseconds('When it is tried again.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      reason: 'Why.',
    },
  },
} satisfies EventTableOf<PythonTelemetryEvents>;

function pythonEvent(level: EventLevel, description: string) {
  return {
    description,
    level,
    measurements: {},
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      event: 'Its name in Python.',
      timestampMs: "When it happened, in milliseconds since 1970, by the worker's clock.",
      correlationId: 'Id of the trace, or of the call, that it belongs to; empty without one.',
      tags: 'What Python says besides, by name.',
    },
  } as const satisfies EventDescription;
}
