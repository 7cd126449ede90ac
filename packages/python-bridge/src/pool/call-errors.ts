import { isSnakepitError, type Clock } from '@snakepit/core';
import { bridgeError, type ErrorIds } from '../errors.ts';
import type { Route } from './affinity.ts';
import type { CallGuard } from './call-guard.ts';
import type { Job } from './job.ts';
import type { PoolCall, SessionBinding, StuckCall } from './pool-call.ts';

/** What errors of a call name. */
function idsOf(pool: string, job: Job): ErrorIds {
  const { tool, session } = job.call;
  return { pool, worker: job.slot?.connection.workerId, tool, session };
}

/** The caller has given it up by its signal. */
export function cancelled(pool: string, job: Job): Error {
  const { signal } = job.call;
  return bridgeError('CANCELLED', idsOf(pool, job), { cause: signal?.reason as unknown });
}

/** It was not over in time; the error names the whole limit, of which it may have waited a part. */
export function late(pool: string, job: Job, cause?: Error): Error {
  const { tool, timeoutMs, stream } = job.call;
  const isWaiting = job.slot === undefined && cause === undefined;
  const details = {
    ...idsOf(pool, job),
    operation: isWaiting ? `tool "${tool}", which still waited for a worker,` : `tool "${tool}"`,
    timeoutMs,
    option: `{ timeout } of the call, or pools[].${stream === undefined ? 'requestTimeout' : 'streamTimeout'}`,
  };
  return bridgeError('TIMEOUT', details, cause === undefined ? undefined : { cause });
}

/** A worker, too, may have found it late; the caller is told in terms of its own limit. */
export function inTermsOfCaller(pool: string, job: Job, error: Error): Error {
  if (!isSnakepitError(error) || error.code !== 'TIMEOUT') return error;
  return error.details['timeoutMs'] === job.call.timeoutMs ? error : late(pool, job, error);
}

/** Why one that has waited must not begin any more, if so; it may be told that itself only next. */
export function endedMeanwhile(pool: string, job: Job, nowMs: number): Error | undefined {
  if (job.call.signal?.aborted === true) return cancelled(pool, job);
  return nowMs >= job.deadlineAtMs ? late(pool, job) : undefined;
}

/** Under which count an error goes. */
export function outcomeOf(error: Error): 'failed' | 'cancelled' {
  return isSnakepitError(error) && error.code === 'CANCELLED' ? 'cancelled' : 'failed';
}

/** Whether a call is tried again after this failure; then its pause before that is noted. */
export function mayRetry(job: Job, error: Error, guard: CallGuard, clock: Clock): boolean {
  const { attempts, hasChunks, call, deadlineAtMs } = job;
  if (hasChunks || !isWorthRetrying(error, call.idempotent)) return false;
  const pauseMs = guard.retryDelay(attempts, deadlineAtMs - clock.now());
  job.pauseMs = pauseMs ?? 0;
  return pauseMs !== undefined;
}

/** Its worker died, or was not reached. What never reached Python may be sent again in any case. */
function isWorthRetrying(error: Error, isIdempotent: boolean): boolean {
  if (!isSnakepitError(error)) return false;
  if (error.code === 'WORKER_CRASHED') return isIdempotent;
  if (error.code !== 'WORKER_UNAVAILABLE') return false;
  return isIdempotent || error.details['maybeExecuted'] === false;
}

/** The state of a pool that decides whether it takes a call. */
export interface Admission {
  /** Name of the pool. */
  readonly pool: string;
  /** Where the call would go. */
  readonly route: Route;
  /** How many calls wait. */
  readonly queueLength: number;
  /** How many may. */
  readonly maxQueueSize: number;
}

/** Why a call cannot be taken, if so. */
export function refusalOf(call: PoolCall, admission: Admission): Error | undefined {
  const { pool, route, queueLength, maxQueueSize } = admission;
  const { tool, session, signal, binding } = call;
  if (signal?.aborted === true) {
    const { reason } = signal as { readonly reason: unknown };
    return bridgeError('CANCELLED', { pool, tool, session }, { cause: reason });
  }
  if (route === 'lost') return sessionLost(pool, binding);
  if (route === 'busy') {
    const worker = binding?.slot?.connection.workerId;
    const reason = 'the session does not wait (affinity "strictFailFast")';
    return bridgeError('WORKER_BUSY', { pool, worker, tool, session, reason });
  }
  if (route !== 'wait' || call.isNested === true || queueLength < maxQueueSize) return undefined;
  return bridgeError('QUEUE_FULL', { pool, tool, session, queueLength, maxQueueSize });
}

/** The worker that a session kept to is gone. */
export function sessionLost(pool: string, binding: SessionBinding | undefined): Error {
  const ids = { session: binding?.session.id ?? '', worker: binding?.lostWorker ?? '' };
  return bridgeError('SESSION_LOST', { pool, ...ids });
}

/** No worker became free in the time that a call may wait. */
export function waitedTooLong(pool: string, job: Job, nowMs: number, queueLength: number): Error {
  const waitedMs = Math.round(nowMs - job.madeAtMs);
  return bridgeError('QUEUE_TIMEOUT', { ...idsOf(pool, job), pool, waitedMs, queueLength });
}

/** Tells of a call that its worker does not let go of; one that takes no more calls is ended by others. */
export function tellStuck(
  { slot, call: { tool, session } }: Job,
  onStuck: ((stuck: StuckCall) => void) | undefined,
): void {
  if (slot?.isOpen !== true) return;
  onStuck?.({ workerId: slot.connection.workerId, tool, session });
}
