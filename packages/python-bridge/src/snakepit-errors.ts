import { isSnakepitError } from '@snakepit/core';
import { bridgeError } from './errors.ts';
import type { WorkerInfo } from './status.ts';

/** A worker id with which nothing can be done. */
export function wrongWorker(problem: string, advice: string): Error {
  return bridgeError('INVALID_ARGUMENT', { path: 'workerId', problem, advice });
}

/** A worker that is to be revived and is not given up. */
export function notFailed(workerId: string, workers: readonly WorkerInfo[]): Error {
  const { state = 'unknown' } = workers.find(({ id }) => id === workerId) ?? {};
  return wrongWorker(`"${workerId}" is ${state}, not failed`, 'restart it with restartWorker().');
}

/** The tree has ended by itself; with a pool, for a call to it. */
export function collapsed(reason: string, pool?: string): Error {
  const advice =
    'stop() this Snakepit and start a new one; the reports tell what to correct first.';
  return bridgeError('WORKER_UNAVAILABLE', { pool, reason, advice, maybeExecuted: false });
}

/** Not every worker was ready in time. */
export function notReady(waiting: readonly WorkerInfo[], timeoutMs: number): Error {
  const names = waiting.map(({ id, state }) => `${id} is ${state}`).join(', ');
  return bridgeError('TIMEOUT', {
    operation: `awaitReady() (${names})`,
    timeoutMs,
    option: 'its argument',
  });
}

/** The failure that the user can do something about, where the tree wrapped it into exit reasons. */
export function rootCause(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isSnakepitError(cause)) return cause;
  }
  return error;
}
