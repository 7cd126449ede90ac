import { availableParallelism } from 'node:os';
import {
  choice,
  decimal,
  duration,
  flag,
  group,
  integer,
  requiredText,
  text,
  textMap,
  texts,
} from './fields.ts';

/** Keys that a pool may have and that the top level may have for all pools. */
export const sharedSchema = {
  size: integer({
    meaning: 'Number of Python workers.',
    min: 1,
    max: 10_000,
    fallback: () => availableParallelism(),
    shownDefault: 'number of CPUs',
    variable: 'SNAKEPIT_POOL_SIZE',
  }),
  adapter: requiredText({
    meaning: 'Python class with the tools.',
    pattern: /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)+$/u,
    expected: 'the dotted path of a Python class, such as "my_app.adapter.MyAdapter"',
  }),
  adapterArgs: texts({ meaning: 'Further arguments of the command line of the worker.' }),
  python: text({
    meaning: 'Python interpreter, as a path or a name on PATH.',
    shownDefault: 'looked for, see `snakepit doctor`',
    variable: 'SNAKEPIT_PYTHON',
  }),
  pythonPath: texts({
    meaning: 'Directories in which Python finds modules, before the PYTHONPATH of the environment.',
  }),
  cwd: text({
    meaning: 'Working directory of the workers; modules in it can be imported.',
    shownDefault: 'that of Node',
  }),
  env: textMap({ meaning: 'Environment variables of the workers, beside those of Node.' }),
  startupTimeout: duration({
    meaning: 'How long a worker may take from its start until it serves.',
    min: 100,
    fallback: 30_000,
    variable: 'SNAKEPIT_STARTUP_TIMEOUT',
  }),
  requestTimeout: duration({
    meaning: 'How long a call may take when it does not say so itself.',
    min: 1,
    fallback: 60_000,
    endless: true,
    variable: 'SNAKEPIT_REQUEST_TIMEOUT',
  }),
  concurrency: integer({
    meaning:
      'How many calls one worker executes at the same time; the adapter must be made for more than one.',
    min: 1,
    max: 1000,
    fallback: 1,
    variable: 'SNAKEPIT_CONCURRENCY',
  }),
  queueTimeout: duration({
    meaning: 'How long a call may wait for a free worker.',
    min: 1,
    fallback: 10_000,
    endless: true,
    variable: 'SNAKEPIT_QUEUE_TIMEOUT',
  }),
  maxQueueSize: integer({
    meaning: 'How many calls may wait for a free worker; 0 lets none wait.',
    min: 0,
    max: 1_000_000,
    fallback: 1000,
    variable: 'SNAKEPIT_MAX_QUEUE_SIZE',
  }),
  startupBatchSize: integer({
    meaning: 'How many workers start at the same time.',
    min: 1,
    max: 10_000,
    fallback: 10,
  }),
  startupBatchDelay: duration({
    meaning: 'Pause between two such batches.',
    min: 0,
    max: 60_000,
    fallback: 0,
  }),
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
  gracefulShutdownTimeout: duration({
    meaning: 'How long calls that are being executed may go on when a worker is to stop (R9.3).',
    min: 5000,
    max: 300_000,
    fallback: 30_000,
    variable: 'SNAKEPIT_GRACEFUL_SHUTDOWN_TIMEOUT',
  }),
  termTimeout: duration({
    meaning: 'Time between SIGTERM and SIGKILL (R3.2).',
    min: 100,
    max: 60_000,
    fallback: 3000,
    variable: 'SNAKEPIT_TERM_TIMEOUT',
  }),
  watchdog: flag({
    meaning:
      'Whether a small process beside Node ends the workers when Node is gone and nothing else did (R4).',
    fallback: false,
    variable: 'SNAKEPIT_WATCHDOG',
  }),
  descendants: choice({
    meaning:
      'How far the processes that workers start are followed: "strict" (Linux) also finds daemons that left session, group and environment.',
    among: ['usual', 'strict'],
    fallback: 'usual',
    variable: 'SNAKEPIT_DESCENDANTS',
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
} as const;

/** Keys of one pool. */
export const poolSchema = {
  name: requiredText({
    meaning: 'Name of the pool; calls choose it with `{ pool }`.',
    pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    expected: '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit',
  }),
  ...sharedSchema,
} as const;

/** Keys of the top level that are about Snakepit as a whole. `pools` and `logger` are checked by the resolver itself. */
export const runtimeSchema = {
  stateDir: text({
    meaning:
      'Directory of the run records, from which a later run finds what this one left behind.',
    shownDefault: '$XDG_STATE_HOME/snakepit or ~/.local/state/snakepit',
    variable: 'SNAKEPIT_STATE_DIR',
  }),
  socketDir: text({
    meaning: 'Directory of the sockets of the workers; a path short enough for a socket.',
    shownDefault: 'a private directory that is removed at the end',
    variable: 'SNAKEPIT_SOCKET_DIR',
  }),
  handleSignals: flag({
    meaning: 'Whether SIGINT and SIGTERM stop Snakepit in order before Node ends.',
    fallback: true,
  }),
} as const;
