import { availableParallelism } from 'node:os';
import {
  choice,
  duration,
  flag,
  integer,
  optionalChoice,
  optionalTexts,
  requiredText,
  text,
  textMap,
  texts,
} from './fields.ts';

/** Keys about the processes of the workers: how many, what they run, how they start and stop. */
export const workerSchema = {
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
  env: textMap({
    meaning: 'Environment variables of the workers, beside those of Node.',
    secret: true,
  }),
  envAllow: optionalTexts({
    meaning:
      'Names of the variables of Node that workers inherit, beside those that every program needs; "*" stands for any characters.',
    shownDefault: 'all',
  }),
  compat: optionalChoice({
    meaning:
      'Runs a server of the original Snakepit instead of ours, unchanged; `serverScript` names it.',
    among: ['snakepit-0.13'],
  }),
  serverScript: text({
    meaning:
      'The server of a pool with `compat`: its `grpc_server.py` or `grpc_server_threaded.py`.',
  }),
  startupTimeout: duration({
    meaning: 'How long a worker may take from its start until it serves.',
    min: 100,
    fallback: 30_000,
    variable: 'SNAKEPIT_STARTUP_TIMEOUT',
  }),
  profile: choice({
    meaning:
      'How calls of one worker come together: "process" is for one at a time, "thread" runs `threadsPerWorker` at the same time in one process; the adapter must say that it is made for that.',
    among: ['process', 'thread'],
    fallback: 'process',
    variable: 'SNAKEPIT_PROFILE',
  }),
  threadsPerWorker: integer({
    meaning: 'With profile "thread": how many calls one worker executes at the same time.',
    min: 1,
    max: 1000,
    fallback: 10,
    variable: 'SNAKEPIT_THREADS_PER_WORKER',
  }),
  threadSafetyCheck: choice({
    meaning:
      'With profile "thread": whether workers look for modules and tools that are risky there; "warn" tells of them, "strict" refuses them.',
    among: ['off', 'warn', 'strict'],
    fallback: 'off',
    variable: 'SNAKEPIT_THREAD_SAFETY_CHECK',
  }),
  launch: choice({
    meaning:
      'How processes of workers are made: "fork" by a warm Python process that has imported everything, "spawn" each as a new interpreter, "auto" by forking wherever that is possible and saves something.',
    among: ['auto', 'fork', 'spawn'],
    fallback: 'auto',
    variable: 'SNAKEPIT_LAUNCH',
  }),
  preload: texts({
    meaning:
      'Python modules that are imported before workers are forked, beside an adapter that says `fork_safe = True`; they may start no thread and make no gRPC object.',
    pattern: /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$/u,
    expected: 'an array of names of Python modules, such as ["numpy", "my_app.models"]',
  }),
  startupBatchSize: integer({
    meaning:
      'How many workers may be starting at the same time, at most; how many are, is learnt from how long starts take.',
    min: 1,
    max: 10_000,
    fallback: 10,
  }),
  startupBatchDelay: duration({
    meaning:
      'Pause before each start but the first ones; with 0 the next begins when one has ended.',
    min: 0,
    max: 60_000,
    fallback: 0,
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
} as const;
