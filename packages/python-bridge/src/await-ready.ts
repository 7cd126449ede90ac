import type { Clock } from '@snakepit/core';
import type { Bell } from './bell.ts';
import { faultOfTime, type SnakepitStartOptions } from './call-options.ts';
import type { PoolRuntime } from './pool/pool-runtime.ts';
import { notReady } from './snakepit-errors.ts';
import type { WorkerInfo } from './status.ts';

/** What a wait for all workers needs to know. */
export interface Readiness {
  /** Time. */
  readonly clock: Clock;
  /** Rings when a worker has become ready or was given up, and when all is over. */
  readonly bell: Bell;
  /** Why there is nothing to wait for any more, once that is so. */
  readonly over: () => Error | undefined;
  /** All pools. */
  readonly pools: readonly PoolRuntime[];
  /** Their workers now. */
  readonly workers: () => readonly WorkerInfo[];
}

/**
 * Waits until every worker is ready.
 *
 * @param timeoutMs - Milliseconds to wait.
 * @throws SnakepitError TIMEOUT, with what is not ready; why a worker was given up; why all is over; INVALID_ARGUMENT for
 *   what is no time.
 */
export async function awaitReady(timeoutMs: number, readiness: Readiness): Promise<void> {
  const { clock, bell, over, pools, workers } = readiness;
  const advice = 'give milliseconds, or leave it out for 15,000.';
  const fault = faultOfTime(timeoutMs, 'the time for awaitReady()', advice);
  if (fault !== undefined) throw fault;
  let isLate = timeoutMs === 0;
  const timer = clock.setTimeout(() => {
    isLate = true;
    bell.ring();
  }, timeoutMs);
  try {
    for (;;) {
      const end = over();
      if (end !== undefined) throw end;
      if (!isLate && !hasNews(pools)) {
        await bell.next();
        continue;
      }
      const waiting = workers().filter(({ state }) => !state.startsWith('ready'));
      if (waiting.length === 0) return;
      const failed = waiting.find(({ state }) => state === 'failed');
      const failure = failed === undefined ? undefined : failureOf(failed, pools);
      if (failure !== undefined) throw failure;
      if (isLate) throw notReady(waiting, timeoutMs);
      await bell.next();
    }
  } finally {
    clock.clearTimeout(timer);
  }
}

function failureOf({ id, pool }: WorkerInfo, pools: readonly PoolRuntime[]): Error | undefined {
  const its = pools.find(({ config }) => config.name === pool);
  return its?.historyOf(id)?.givenUp?.error;
}

/**
 * Whether all workers of these pools may be ready, or one was given up. Asked whenever one of very many has become ready, so
 * it looks at nothing else of them.
 */
function hasNews(pools: readonly PoolRuntime[]): boolean {
  const isGivenUp = (pool: PoolRuntime): boolean =>
    pool.workerIds.some((id) => pool.historyOf(id)?.givenUp !== undefined);
  const mayServe = (pool: PoolRuntime): boolean =>
    pool.workerIds.every((id) => pool.seatOf(id)?.servingSinceMs !== undefined);
  return pools.every(mayServe) || pools.some(isGivenUp);
}

/**
 * Waits until pools have started: all workers of each, or the first.
 *
 * @throws SnakepitError why a worker was given up; with `first`, why all of a pool were.
 */
export async function whenStarted(
  pools: readonly PoolRuntime[],
  waitFor: SnakepitStartOptions['waitFor'],
): Promise<undefined> {
  await Promise.all(pools.map(({ ready, serving }) => (waitFor === 'first' ? serving : ready)));
  return undefined;
}
