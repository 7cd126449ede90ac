import type { ActorSystem, Pid, ProcessInfo } from '@snakepit/core';

/**
 * Where a process of a worker lives below its starter. Both places are taken only while a replacement is started and its
 * predecessor finishes its calls; the next replacement takes the place that has become free.
 */
export type WorkerPlace = 'first' | 'second';

/** Both places. */
const workerPlaces: readonly WorkerPlace[] = ['first', 'second'];

/** The place that a replacement takes. */
export function otherPlace(place: WorkerPlace): WorkerPlace {
  return place === 'first' ? 'second' : 'first';
}

/** The registered name of a worker's process. */
export function workerName(pool: string, workerId: string, place: WorkerPlace = 'first'): string {
  const name = `snakepit.worker.${pool}.${workerId}`;
  // No name of a pool has a "#".
  return place === 'first' ? name : `${name}#2`;
}

/** The id of a worker's process below its starter. */
export function workerChildId(place: WorkerPlace): string {
  return place === 'first' ? 'grpcWorker' : 'grpcWorker#2';
}

/** The processes of one worker: one, none while it is down, two while it is replaced. */
export function workerProcesses(
  system: ActorSystem,
  pool: string,
  workerId: string,
): readonly { readonly place: WorkerPlace; readonly pid: Pid }[] {
  return workerPlaces.flatMap((place) => {
    const pid = system.whereis(workerName(pool, workerId, place));
    return pid === undefined ? [] : [{ place, pid }];
  });
}

/** Whether a worker's Python runs without the global lock; undefined until it says so. */
export function isFreeThreaded(worker: ProcessInfo | undefined): boolean | undefined {
  const { context } = (worker?.state ?? {}) as { readonly context?: { readonly gil?: boolean } };
  return context?.gil === undefined ? undefined : !context.gil;
}

/** The operating system process of a worker, while it has one. */
export function osPidOf(worker: ProcessInfo | undefined): number | undefined {
  const { context } = (worker?.state ?? {}) as { readonly context?: { readonly osPid?: number } };
  return context?.osPid;
}
