import { decimal, duration, flag, group, integer } from './fields.ts';

/** Keys about what is wrong: how it is found, what is replaced, what is tried again. */
export const supervisionSchema = {
  heartbeat: group('How a worker that hangs is found.', {
    enabled: flag({
      meaning: 'Whether workers are asked at all.',
      fallback: true,
      variable: 'SNAKEPIT_HEARTBEAT_ENABLED',
    }),
    pingInterval: duration({
      meaning: 'Time between two pings (R9.1).',
      min: 1000,
      max: 60_000,
      fallback: 2000,
      variable: 'SNAKEPIT_HEARTBEAT_PING_INTERVAL',
    }),
    timeoutThreshold: duration({
      meaning:
        'A worker whose last answer is older than this is replaced (R9.1). Longer than pingInterval; where only pingInterval is given, at least three times as long.',
      min: 5000,
      max: 300_000,
      fallback: 10_000,
      variable: 'SNAKEPIT_HEARTBEAT_TIMEOUT_THRESHOLD',
    }),
    maxMissed: integer({
      meaning: 'A worker that misses so many pings in a row is replaced.',
      min: 1,
      max: 100,
      fallback: 3,
      variable: 'SNAKEPIT_HEARTBEAT_MAX_MISSED',
    }),
    busyTimeout: duration({
      meaning:
        'A worker that has been executing one call for longer than this is replaced, however well it answers; its calls fail with WORKER_CRASHED.',
      min: 1000,
      fallback: Infinity,
      endless: true,
      variable: 'SNAKEPIT_HEARTBEAT_BUSY_TIMEOUT',
    }),
  }),
  restart: group('How often a worker that ends by itself is started again (R10.2).', {
    maxRestarts: integer({
      meaning: 'A worker that fails to start is started again so often; then it is given up.',
      min: 0,
      max: 1000,
      fallback: 3,
    }),
    period: duration({
      meaning: 'A worker that has served this long starts over with a clean record.',
      min: 1000,
      max: 86_400_000,
      fallback: 10_000,
    }),
    backoff: group('The pause before a restart. The first restart after a good run is immediate.', {
      initial: duration({
        meaning: 'Pause before the second restart in a row.',
        min: 0,
        max: 60_000,
        fallback: 100,
      }),
      max: duration({
        meaning: 'Longest pause.',
        min: 0,
        max: 600_000,
        fallback: 30_000,
      }),
      factor: decimal({
        meaning: 'Each further pause is longer by this factor.',
        min: 1,
        max: 10,
        fallback: 2,
      }),
      jitter: decimal({
        meaning:
          'Part of the pause that is left to chance, so that workers do not restart in step.',
        min: 0,
        max: 1,
        fallback: 0.25,
      }),
    }),
  }),
  recycle: group(
    'When a worker that serves well is replaced; its replacement serves before it ends, and no call is lost.',
    {
      maxAge: duration({
        meaning: 'A worker that has served this long is replaced.',
        min: 100,
        fallback: Infinity,
        endless: true,
        variable: 'SNAKEPIT_RECYCLE_MAX_AGE',
      }),
      maxRequests: integer({
        meaning: 'A worker that has executed so many calls is replaced.',
        min: 1,
        max: 1_000_000_000,
        fallback: Infinity,
        endless: true,
        variable: 'SNAKEPIT_RECYCLE_MAX_REQUESTS',
      }),
      maxMemoryBytes: integer({
        meaning: 'A worker whose processes together have so many bytes in memory is replaced.',
        min: 1_048_576,
        max: Number.MAX_SAFE_INTEGER,
        fallback: Infinity,
        endless: true,
        variable: 'SNAKEPIT_RECYCLE_MAX_MEMORY_BYTES',
      }),
      checkInterval: duration({
        meaning:
          'Time between two looks at the memory, and before a worker that could not be replaced is tried again.',
        min: 100,
        max: 86_400_000,
        fallback: 60_000,
      }),
      jitter: decimal({
        meaning:
          'Part of maxAge and maxRequests by which a limit may be lower, so that workers that were started together are not replaced together.',
        min: 0,
        max: 1,
        fallback: 0.1,
      }),
    },
  ),
  retry: group(
    'How often a call is tried again whose worker died or could not be reached: calls with { idempotent: true }, and those that never reached Python.',
    {
      maxAttempts: integer({
        meaning: 'How often it is tried in all; 1 for once.',
        min: 1,
        max: 100,
        fallback: 3,
        variable: 'SNAKEPIT_RETRY_MAX_ATTEMPTS',
      }),
      initial: duration({
        // Long enough for the turn in which a worker dies; a call that is tried again waits for one that serves anyway.
        meaning: 'Pause before the second attempt.',
        min: 0,
        max: 60_000,
        fallback: 10,
      }),
      max: duration({ meaning: 'Longest pause.', min: 0, max: 600_000, fallback: 30_000 }),
      factor: decimal({
        meaning: 'Each further pause is longer by this factor.',
        min: 1,
        max: 10,
        fallback: 2,
      }),
      jitter: decimal({
        meaning: 'Part of the pause by which it may be shorter or longer.',
        min: 0,
        max: 1,
        fallback: 0.25,
      }),
    },
  ),
  circuitBreaker: group(
    'Whether calls are refused at once while the workers of a pool keep failing (CIRCUIT_OPEN).',
    {
      enabled: flag({
        meaning: 'Whether there is one.',
        fallback: false,
        variable: 'SNAKEPIT_CIRCUIT_BREAKER_ENABLED',
      }),
      failureThreshold: integer({
        meaning:
          'So many failed calls within failureWindow open it; a call fails when its worker died or cannot be reached.',
        min: 1,
        max: 10_000,
        fallback: 5,
      }),
      failureWindow: duration({
        meaning: 'Failures that lie further back are forgotten.',
        min: 100,
        max: 86_400_000,
        fallback: 60_000,
      }),
      resetTimeout: duration({
        meaning: 'How long calls are refused before some are let through to try.',
        min: 10,
        max: 86_400_000,
        fallback: 30_000,
      }),
      halfOpenMaxCalls: integer({
        meaning: 'How many calls are let through to try; the first that succeeds closes it.',
        min: 1,
        max: 1000,
        fallback: 1,
      }),
      countTimeouts: flag({
        meaning: 'Whether a call that ran out of time counts as failed.',
        fallback: false,
      }),
      countExceptions: flag({
        meaning: 'Whether a call whose tool raised an exception counts as failed.',
        fallback: false,
      }),
    },
  ),
  crashBarrier: group(
    'Whether a request that killed workers, that is: the same tool with the same arguments, is refused (POISON_REQUEST).',
    {
      enabled: flag({
        meaning: 'Whether there is one.',
        fallback: true,
        variable: 'SNAKEPIT_CRASH_BARRIER_ENABLED',
      }),
      maxDeaths: integer({
        meaning:
          'It is refused after so many deaths for which nothing else can be blamed; a signal from outside does not count.',
        min: 1,
        max: 1000,
        fallback: 2,
      }),
      remember: duration({
        meaning: 'How long a death is remembered.',
        min: 100,
        max: 86_400_000,
        fallback: 60_000,
      }),
    },
  ),
} as const;
