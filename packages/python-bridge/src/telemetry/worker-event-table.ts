import { milliseconds, number, occurrence, type EventTableOf } from '@snakepit/core';
import type { WorkerTelemetryEvents } from './events.ts';

/** Events of workers, and of what protects them and their callers. */
export const workerEvents = {
  'snakepit.worker.spawned': {
    description: 'The operating system made the process of a worker; it does not serve yet.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      osPid: 'Number of its operating system process.',
    },
  },
  'snakepit.worker.crash': {
    description: 'A worker that had served ended by itself, or had to be killed.',
    level: 'error',
    measurements: {
      count: occurrence,
      uptimeMs: milliseconds('How long its process lived.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      osPid: 'Number of its operating system process.',
      exitCode: 'Its exit code, if it exited.',
      signal: 'The signal that ended it, if one did.',
      cause: 'What kind of failure it was, if it was one.',
    },
  },
  'snakepit.worker.started': {
    description: 'A worker is ready; its process runs and answers (R5.1).',
    level: 'info',
    measurements: {
      count: occurrence,
      startupMs: milliseconds('From the start until it served.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      osPid: 'Number of its operating system process.',
      startedAtMs: 'When its process was made, in milliseconds since 1970.',
      osStartTime:
        'The same as the operating system tells it; with the number it identifies the process.',
      configuration:
        'How it was started: adapter, interpreter, directory, times; neither arguments nor environment.',
    },
  },
  'snakepit.worker.draining': {
    description: 'A worker takes no more calls and finishes those that it has.',
    level: 'info',
    measurements: {
      count: occurrence,
      inFlight: number('Calls that it finishes.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      osPid: 'Number of its operating system process.',
      then: 'What becomes of it: `stop`, it ends; `hold`, it stays, until somebody has it take calls again.',
    },
  },
  'snakepit.worker.terminated': {
    description: "A worker's process is gone and its resources are free (R5.3).",
    level: 'info',
    measurements: {
      count: occurrence,
      uptimeMs: milliseconds('How long its process lived.'),
      cleanupMs: milliseconds('From the end of the process until nothing of its group was left.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      osPid: 'Number of its operating system process.',
      exitCode: 'Its exit code, if it exited.',
      signal: 'The signal that ended it, if one did.',
      reason: 'Code of the error, or the exit reason of a worker that was asked to end.',
      cause: 'What kind of failure it was, if it was one.',
      means: 'What it was ended with: `none`, `term` or `kill`.',
      confirmed: 'Whether the operating system has said that it is gone.',
      lastOutput: 'What it printed last, at most 20 lines.',
    },
  },
  'snakepit.worker.failed': {
    description: 'A worker is given up: starting it again cannot help, or failed too often.',
    level: 'error',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      error: 'The error.',
      cause: 'What kind of failure it was, if it was one.',
    },
  },
  'snakepit.worker.recycled': {
    description:
      'A worker was replaced in order: its replacement served first, then its calls ended, then its process.',
    level: 'info',
    measurements: {
      count: occurrence,
      uptimeMs: milliseconds('How long it had served.'),
      requestCount: number('Calls that it had executed.'),
      durationMs: milliseconds('From the start of the replacement until the old process was gone.'),
      memoryBytes: {
        unit: 'bytes',
        meaning: 'Memory of its process group, where that was the reason.',
      },
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      reason: 'Why.',
    },
  },
  'snakepit.worker.recycling_failed': {
    description: 'A worker was to be replaced, but its replacement did not start: it was kept.',
    level: 'warn',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      reason: 'Why.',
      error: 'The error.',
    },
  },
  'snakepit.worker.memory_probe_failed': {
    description:
      'The memory of a worker could not be measured, so that it is not known whether it has too much.',
    level: 'warn',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      reason: 'Why.',
    },
  },
  'snakepit.circuit_breaker.opened': {
    description: 'A circuit breaker refuses calls from now on.',
    level: 'warn',
    measurements: {
      count: occurrence,
      failureCount: number('Failures in the window.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      reason: 'Why.',
    },
  },
  'snakepit.circuit_breaker.half_open': {
    description: 'A circuit breaker lets some calls through, to try.',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
    },
  },
  'snakepit.circuit_breaker.closed': {
    description: 'A circuit breaker lets all calls through again.',
    level: 'info',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
    },
  },
  'snakepit.worker.heartbeat.sent': {
    description: 'A ping was sent.',
    level: 'debug',
    measurements: {
      count: occurrence,
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      path: 'Where the ping went: `beats`, the thread that answers beats, or `serving`, the server that takes the calls.',
    },
  },
  'snakepit.worker.heartbeat.received': {
    description: 'It was answered.',
    level: 'debug',
    measurements: {
      count: occurrence,
      latencyMs: milliseconds('From the ping to its answer.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      path: 'Where the ping went: `beats`, the thread that answers beats, or `serving`, the server that takes the calls.',
    },
  },
  'snakepit.worker.heartbeat.missed': {
    description:
      'It was not answered within an interval, and our own loop was not the reason; or, with an error, it was refused.',
    level: 'warn',
    measurements: {
      count: occurrence,
      missed: number('Misses in a row.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      path: 'Where the ping went: `beats`, the thread that answers beats, or `serving`, the server that takes the calls.',
      error: 'The error.',
    },
  },
  'snakepit.worker.heartbeat.failed': {
    description: 'A worker is unhealthy and will be replaced.',
    level: 'error',
    measurements: {
      count: occurrence,
      missed: number('Misses in a row.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      fault: 'What is wrong with it.',
      reason: 'The same as a sentence.',
    },
  },
  'snakepit.pool.start.progress': {
    description:
      'A pool that starts workers has got on: at most ten times a second, and when all have settled.',
    level: 'debug',
    measurements: {
      ready: number('Workers that serve.'),
      failed: number('Workers that were given up.'),
      remaining: number('Workers that have not settled yet; 0 when it is over.'),
      total: number('All of these.'),
      elapsedMs: milliseconds('Since the first of them was to be started.'),
    },
    metadata: {
      pool: 'Name of the pool.',
    },
  },
  'snakepit.pool.call.stuck': {
    description:
      'A worker went on with a call that was given up, for longer than `cancelGrace`; it is killed and replaced.',
    level: 'warn',
    measurements: {
      count: occurrence,
      graceMs: milliseconds('How long it may go on.'),
    },
    metadata: {
      pool: 'Name of the pool.',
      workerId: 'Id of the worker in the pool.',
      tool: 'Name of the tool.',
      session: 'Id of the session, if there is one.',
    },
  },
} satisfies EventTableOf<WorkerTelemetryEvents>;
