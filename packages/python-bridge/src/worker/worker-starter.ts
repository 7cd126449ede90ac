import type { ChildSpec } from '@snakepit/supervisor';
import { Supervisor } from '@snakepit/supervisor';
import { grpcWorker } from './grpc-worker.ts';
import type { GrpcWorkerInput } from './worker-life.ts';
import { workerChildId, workerName, type WorkerPlace } from './worker-place.ts';

/** Time beyond its own limits that a worker's process has to end before its starter kills it, in milliseconds. */
const shutdownMarginMs = 2_000;

/**
 * The worker itself waits between restarts and gives up when starting does not help. Beyond its failed starts, it is
 * restarted only as fast as Python starts. So this limit is reached only when something else is wrong, and then the
 * next supervisor should know.
 */
const restartsBeyondItsOwn = { count: 50, maxSeconds: 5 } as const;

/** The registered name of a worker's starter. */
export function starterName(pool: string, workerId: string): string {
  return `snakepit.starter.${pool}.${workerId}`;
}

/**
 * The child spec of one worker's starter: a permanent supervisor of one transient worker.
 *
 * ```text
 * WorkerSupervisor   DynamicSupervisor, one per pool
 * └─ WorkerStarter   Supervisor, permanent, one per worker id
 *    └─ GrpcWorker   transient; owns process, socket, connection and heartbeat
 * ```
 *
 * While a worker is recycled there are two below the starter: the replacement, and the old one that finishes its calls.
 *
 * When the worker crashes, the starter brings it back without the pool's involvement: the pool learns of its workers by
 * messages and restarts nobody. Stopping the starter stops all that belongs to the worker as one unit. A worker that is
 * asked to restart, or that was given up and is revived, is started again by its starter, too.
 *
 * The price is one more process per worker (about 2 KB beside the tens of megabytes of Python, and well under a
 * millisecond) and a tree that is a level deeper than newcomers expect. What it buys: one broken worker does not use up
 * the restart budget of the healthy ones, and what a worker may need later has its place. Context, alternatives (workers
 * directly below the dynamic supervisor, the worker as its own supervisor, restarts by the pool, a helper program such
 * as erlexec) and how we would notice that it was wrong: ADR-0001, `adr/0001-worker-starter.md`.
 */
export function workerStarterSpec(input: GrpcWorkerInput): ChildSpec {
  const { pool, workerId, maxRestarts } = input;
  return {
    id: workerId,
    type: 'supervisor',
    restart: 'permanent',
    name: starterName(pool, workerId),
    start: [
      Supervisor,
      {
        strategy: 'oneForOne',
        maxRestarts: maxRestarts + restartsBeyondItsOwn.count,
        maxSeconds: restartsBeyondItsOwn.maxSeconds,
        children: [workerSpec(input, 'first')],
      },
    ],
  };
}

/** The child spec of one process of a worker, below its starter. */
export function workerSpec(input: GrpcWorkerInput, place: WorkerPlace): ChildSpec {
  const { pool, workerId, drainTimeoutMs, termTimeoutMs, killTimeoutMs } = input;
  return {
    id: workerChildId(place),
    start: [grpcWorker, input],
    name: workerName(pool, workerId, place),
    restart: 'transient',
    // Never shorter than what the worker needs to drain, ask and kill (R6.2, R3.2).
    shutdown: drainTimeoutMs + termTimeoutMs + killTimeoutMs + shutdownMarginMs,
  };
}
