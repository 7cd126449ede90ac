import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import type { WorkerHandle } from '../hosts/worker-host.ts';
import type { GracefulShutdownInput, GracefulShutdownOutput } from './graceful-shutdown.machine.ts';
import type { WorkerFailure } from './failure-cause.ts';
import { describeHeartbeatFault, heartbeatFaultOf } from './heartbeat-fault.ts';
import type { WorkerHistory } from './worker-history.ts';
import type { WorkerServices } from './worker-services.ts';

/** What a worker's process says when it serves. */
export interface ReadyProcess {
  /** Where it listens. */
  readonly address: string;
  /** Whether its Python has the global lock; undefined when it does not say. */
  readonly gil?: boolean | undefined;
}

/** What happens to a worker. */
export type GrpcWorkerEvent =
  /** Names and secrets of this start are made. */
  | { readonly type: 'worker.reserved'; readonly incarnation: string }
  /** The operating system made the process. */
  | { readonly type: 'process.spawned'; readonly osPid: number | undefined }
  /** The worker said that it is ready. */
  | ({ readonly type: 'process.ready' } & ReadyProcess)
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
  /** Its connection was lost a while ago, and it has not ended. */
  | { readonly type: 'connection.lost'; readonly failure: WorkerFailure }
  /** No process of its group is left. */
  | { readonly type: 'process.gone' }
  /** Stop in order: finish what is in flight first, for so long; by default as long as at any stop. */
  | { readonly type: 'worker.stop'; readonly drainTimeoutMs?: number }
  /** Take no more calls, finish those that are in flight, and stay. */
  | { readonly type: 'worker.drain' }
  /** Drained, take calls again. */
  | { readonly type: 'worker.serve' }
  /** It goes on with a call that was given up, for longer than it may. */
  | { readonly type: 'worker.stuck'; readonly tool: string }
  /** The pool has waited long enough for calls in flight: stop, and do not wait again. */
  | { readonly type: 'drain.expired' }
  /** Somebody wants it at once: a pause before the start is over. */
  | { readonly type: 'worker.start' }
  /** The pool's process was started again and asks who is there. */
  | { readonly type: 'worker.announce' }
  /** Do not wait for calls in flight any longer. */
  | { readonly type: 'shutdown.hurried' }
  /** Its resources are free. */
  | { readonly type: 'resources.released' }
  | ExitMessage;

/** What becomes of a worker that has been drained: it ends, or it stays without calls until somebody wants otherwise. */
export type DrainEnd = 'stop' | 'hold';

/** What a worker tells its pool. */
export type PoolWorkerNews =
  /** It takes calls. */
  | { readonly type: 'worker.ready' }
  /** It took calls, and takes none any more. */
  | { readonly type: 'worker.down' }
  /** It is given up. */
  | { readonly type: 'worker.failed'; readonly error: Error };

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
  /** Whether its Python has the global lock; undefined until it says so. */
  readonly gil: boolean | undefined;
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
  /** Told what the pool should know. */
  readonly tellPool: (news: PoolWorkerNews) => void;
  /** Given the handle of its operating system process, for those who look at it. */
  readonly onSpawned?: (handle: WorkerHandle) => void;
  /** What the effects work with; not kept by the chart. */
  readonly services: WorkerServices;
}

/** What a worker knows at first. */
export function knownAtFirst(input: GrpcWorkerInput): GrpcWorkerContext {
  const { pool, workerId, maxRestarts, history } = input;
  const { startupTimeoutMs, connectTimeoutMs, drainTimeoutMs } = input;
  const { termTimeoutMs, killTimeoutMs } = input;
  return {
    ...{ pool, workerId, maxRestarts, startupTimeoutMs, connectTimeoutMs, drainTimeoutMs },
    ...{ termTimeoutMs, killTimeoutMs },
    startBackoffMs: history.backoffMs(),
    startsLeft: maxRestarts - history.failedStarts,
    ...{ incarnation: undefined, osPid: undefined, address: undefined, gil: undefined },
    ...{ failure: undefined, reason: undefined, begin: 'ask', shutdown: undefined },
  };
}

/** How a worker ends. */
export interface GrpcWorkerOutput {
  /** Clean when it was asked to, or when starting it again cannot help; abnormal when it is to be restarted. */
  readonly reason: ExitReason;
}

/** The reason with which a worker ends that is not started again. */
export const workerGivenUp: ExitReason = exitReason.shutdownWith('workerFailed');

/** How a worker ends that is stuck in a call, as a sentence without a subject. */
export function describeStuck(tool: string): string {
  return `it was killed, because it went on with a call of tool "${tool}" that had been given up (pools[].cancelGrace)`;
}

/** The failure of a worker that is stuck in a call. */
export function stuckFailure(
  { pool, workerId }: Pick<GrpcWorkerContext, 'pool' | 'workerId'>,
  tool: string,
): WorkerFailure {
  const details = { pool, worker: workerId, reason: describeStuck(tool), maybeExecuted: true };
  const error = bridgeError('WORKER_UNAVAILABLE', details);
  return { error, cause: 'timeout', permanent: false };
}

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
