import type { ActorSystem, Pid } from '@snakepit/core';
import type { Bell } from '../bell.ts';
import { bridgeError } from '../errors.ts';
import type { GrpcWorkerEvent, GrpcWorkerInput } from '../worker/worker-life.ts';
import { workerProcesses, type WorkerPlace } from '../worker/worker-place.ts';
import type { WorkerHistory } from '../worker/worker-history.ts';
import type { PoolDispatcher } from './pool-call.ts';
import type { PoolSeats } from './pool-seats.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** What those who change the workers of a pool work with. */
export interface PoolOperationParts {
  /** Where its processes live. */
  readonly system: ActorSystem;
  /** Name of the pool. */
  readonly pool: string;
  /** Its workers. */
  readonly seats: PoolSeats;
  /** Its way in. */
  readonly dispatcher: PoolDispatcher;
  /** How many workers may be starting at the same time. */
  readonly startupBatchSize: number;
  /** Has a starter started for a worker that has none. */
  readonly startWorker: (workerId: string) => Promise<Error | undefined>;
  /** What a process of a worker is started with. */
  readonly inputFor: (
    seat: WorkerSeat,
    place: WorkerPlace,
    history: WorkerHistory,
  ) => GrpcWorkerInput;
  /** Whether calls wait for a worker. */
  readonly isWaitedFor: () => boolean;
  /** Why nothing will be started any more, once that is so. */
  readonly over: () => Error | undefined;
  /** Rings when a worker has become ready, was given up, or has left, and when all is over. */
  readonly bell: Bell;
}

/** The process of a worker that serves, or is to: of two the one in the place that the seat names. */
export function workerProcess(
  { system, pool }: Pick<PoolOperationParts, 'system' | 'pool'>,
  seat: WorkerSeat,
): { readonly place: WorkerPlace; readonly pid: Pid } | undefined {
  const processes = workerProcesses(system, pool, seat.workerId);
  return processes.find(({ place }) => place === seat.place) ?? processes[0];
}

/** Whether a worker serves at present, by its chart. */
export function isServing(
  parts: Pick<PoolOperationParts, 'system' | 'pool'>,
  seat: WorkerSeat,
): boolean {
  const worker = parts.system.processInfo(workerProcess(parts, seat)?.pid);
  const state = worker?.stateValue ?? '';
  return typeof state === 'object' && 'ready' in state;
}

/**
 * Has a process of a worker end in order; resolves when it is gone, and with it that of the operating system, its socket
 * and its record.
 */
export async function stopProcess(
  system: ActorSystem,
  pid: Pid,
  drainTimeoutMs: number | undefined,
): Promise<void> {
  const stop: GrpcWorkerEvent = {
    type: 'worker.stop',
    ...(drainTimeoutMs === undefined ? {} : { drainTimeoutMs }),
  };
  system.send(pid, stop);
  await system.awaitExit(pid);
}

/**
 * The seat of a worker that is to stay.
 *
 * @throws SnakepitError INVALID_ARGUMENT for one that is none, or that leaves the pool.
 */
export function seatOf({ pool, seats }: PoolOperationParts, workerId: string): WorkerSeat {
  const seat = seats.get(workerId);
  if (seat !== undefined && seat.membership !== 'leaving') return seat;
  const problem = `"${workerId}" ${seat === undefined ? 'is no worker of' : 'leaves'} pool "${pool}"`;
  const advice = 'give the id of a worker that stays.';
  throw bridgeError('INVALID_ARGUMENT', { path: 'workerId', problem, advice });
}

/** The failure of a start for which the supervision of the worker is to blame. */
export function startRefused(pool: string, worker: string, reason: string): Error {
  return bridgeError('WORKER_START_FAILED', { pool, worker, reason, failure: 'supervision' });
}

/** Throws what is one. */
export function throwIfAny(error: Error | undefined): void {
  if (error !== undefined) throw error;
}
