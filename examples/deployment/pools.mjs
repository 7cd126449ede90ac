// Pools for what is usually done with Python, each with what it changes, and why.
import { availableParallelism } from 'node:os';

const adapter = 'text_adapter.Text';

/**
 * Python computes: one worker for each processor. What is forked has its imports in a few milliseconds, and shares their
 * memory.
 *
 * @satisfies {import('snakepit').PoolConfig}
 */
export const computing = {
  name: 'computing',
  adapter,
  size: availableParallelism(),
  launch: 'fork',
  preload: ['json', 'statistics'],
};

/**
 * A model that fills a GPU or much memory: loaded once, called from several threads, with time to load it and to finish.
 *
 * @satisfies {import('snakepit').PoolConfig}
 */
export const model = {
  name: 'model',
  adapter,
  size: 1,
  profile: 'thread',
  threadsPerWorker: 4,
  startupTimeout: 300_000,
  gracefulShutdownTimeout: 60_000,
};

/**
 * `async` tools that wait for a database or a service: few processes, many calls in each.
 *
 * @satisfies {import('snakepit').PoolConfig}
 */
export const waiting = {
  name: 'waiting',
  adapter,
  size: 2,
  concurrency: 100,
  queueTimeout: 2_000,
};

/**
 * Code that crashes, hangs, grows or starts processes of its own: nothing of it outlives its call for long.
 *
 * @satisfies {import('snakepit').PoolConfig}
 */
export const fragile = {
  name: 'fragile',
  adapter,
  size: 2,
  requestTimeout: 30_000,
  cancelGrace: 2_000,
  heartbeat: { busyTimeout: 60_000 },
  recycle: { maxRequests: 1_000, maxMemoryBytes: 1024 * 1024 * 1024 },
  circuitBreaker: { enabled: true },
};

/**
 * The work of a night: whatever it is, it may wait and take its time, and is done again when a worker dies, if its calls
 * say `idempotent`.
 *
 * @satisfies {import('snakepit').PoolConfig}
 */
export const nightly = {
  name: 'nightly',
  adapter,
  size: 2,
  requestTimeout: Infinity,
  queueTimeout: Infinity,
  maxQueueSize: 100_000,
  retry: { maxAttempts: 5 },
  recycle: { maxRequests: 500 },
};
