import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import type { GracefulShutdownInput, GracefulShutdownOutput } from './graceful-shutdown.machine.ts';
import type { WorkerFailure } from './failure-cause.ts';
import { describeHeartbeatFault, heartbeatFaultOf } from './heartbeat-fault.ts';
import type { WorkerHistory } from './worker-history.ts';
import type { WorkerServices } from './worker-services.ts';

/** What happens to a worker. */
export type GrpcWorkerEvent =
  /** Names and secrets of this start are made. */
  | { readonly type: 'worker.reserved'; readonly incarnation: string }
  /** The operating system made the process. */
  | { readonly type: 'process.spawned'; readonly osPid: number | undefined }
  /** The worker said that it is ready. */
  | { readonly type: 'process.ready'; readonly address: string }
  /** The operating system made no process. */
  | { readonly type: 'spawn.failed'; readonly failure: WorkerFailure }
  /** The process was made, but it ended before it was ready, is late, or cannot be reached. */
  | { readonly type: 'start.failed'; readonly failure: WorkerFailure }
  /** A first call went through. */
  | { readonly type: 'connection.established' }
  /** There are calls in flight now. */
  | { readonly type: 'calls.began' }
  /** There are none any more. */
  | { readonly type: 'calls.ended' }
  /** Asked while it stops, whether there are calls in flight: there are none. */
  | { readonly type: 'calls.drained' }
  /** The process ended; what it left behind is being looked for. */
  | { readonly type: 'process.died'; readonly failure: WorkerFailure }
  /** No process of its group is left. */
  | { readonly type: 'process.gone' }
  /** Stop in order: finish what is in flight first, for so long; by default as long as at any stop. */
  | { readonly type: 'worker.stop'; readonly drainTimeoutMs?: number }
  /** The pool has waited long enough for calls in flight: stop, and do not wait again. */
  | { readonly type: 'drain.expired' }
  /** The pool's process was started again and asks who is there. */
  | { readonly type: 'worker.announce' }
  /** Do not wait for calls in flight any longer. */
  | { readonly type: 'shutdown.hurried' }
  /** Its resources are free. */
  | { readonly type: 'resources.released' }
  | ExitMessage;

/** What a worker knows. */
export interface GrpcWorkerContext {
  /** Name of its pool. */
  readonly pool: string;
  /** Its id in the pool; the same through all restarts. */
  readonly workerId: string;
  /** Failed starts in a row after which it is given up (R10.2). */
  readonly maxRestarts: number;
  /** Milliseconds to wait before the start; 0 for none. */
  readonly startBackoffMs: number;
  /** How many more starts may fail. */
  readonly startsLeft: number;
  /** Milliseconds that the process may take from spawn to ready. */
  readonly startupTimeoutMs: number;
  /** Milliseconds that the first call may take. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that calls in flight may take when it is stopped. */
  readonly drainTimeoutMs: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly termTimeoutMs: number;
  /** Milliseconds to wait for the operating system after SIGKILL. */
  readonly killTimeoutMs: number;
  /** Id of this start. */
  readonly incarnation: string | undefined;
  /** Number of its operating system process. */
  readonly osPid: number | undefined;
  /** Where it listens. */
  readonly address: string | undefined;
  /** Why it failed, if it did. */
  readonly failure: WorkerFailure | undefined;
  /** Why it ends, once that is known: asked, sick, crashed, or given up. */
  readonly reason: ExitReason | undefined;
  /** Where its shutdown begins. */
  readonly begin: GracefulShutdownInput['begin'];
  /** How its shutdown went. */
  readonly shutdown: GracefulShutdownOutput | undefined;
}

/** What a worker is started with. */
export interface GrpcWorkerInput extends Pick<
  GrpcWorkerContext,
  | 'pool'
  | 'workerId'
  | 'maxRestarts'
  | 'startupTimeoutMs'
  | 'connectTimeoutMs'
  | 'drainTimeoutMs'
  | 'termTimeoutMs'
  | 'killTimeoutMs'
> {
  /** What is remembered of its earlier starts. */
  readonly history: WorkerHistory;
  /** What the effects work with; not kept by the chart. */
  readonly services: WorkerServices;
}

/** How a worker ends. */
export interface GrpcWorkerOutput {
  /** Clean when it was asked to, or when starting it again cannot help; abnormal when it is to be restarted. */
  readonly reason: ExitReason;
}

/** The reason with which a worker ends that is not started again. */
export const workerGivenUp: ExitReason = exitReason.shutdownWith('workerFailed');

/** The failure of a worker whose heartbeat monitor has ended. */
export function sickness(
  { pool, workerId }: Pick<GrpcWorkerContext, 'pool' | 'workerId'>,
  exit: ExitReason,
): WorkerFailure {
  const reason = describeHeartbeatFault(heartbeatFaultOf(exit) ?? 'beats');
  const details = { pool, worker: workerId, reason, maybeExecuted: true };
  const error = bridgeError('WORKER_UNAVAILABLE', details);
  return { error, cause: 'heartbeat', permanent: false };
}
