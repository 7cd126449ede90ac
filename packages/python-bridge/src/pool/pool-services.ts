import type { PoolDispatcher } from './pool-call.ts';

/** What the process of a pool works with; handed to its effects, never kept in its chart. */
export interface PoolServices {
  /** Takes and hands out the calls. It outlives the pool's process, so that a restart of that loses none. */
  readonly dispatcher: PoolDispatcher;
  /** Whether all of Snakepit is being stopped; otherwise the pool will be started again. */
  readonly isStopping: () => boolean;
  /**
   * Has a worker's starter started by the worker supervisor; one that is there already is asked to announce itself. None
   * is started at the end of everything, unless calls wait for it.
   *
   * @returns Why it could not be started, if so.
   */
  readonly startWorker: (workerId: string) => Promise<Error | undefined>;
  /** Tells all workers, also those that have left the pool and finish their calls, that the time for that is over. */
  readonly endWorkers: () => void;
  /** How many workers may be starting at the same time, at most; how many are, is decided by how long starts take. */
  readonly startupBatchSize: number;
  /** Milliseconds between the end of one worker's start and the begin of the next. */
  readonly startupBatchDelayMs: number;
  /** How many processors there are: so many starts disturb each other least. */
  readonly processors: number;
  /** Hears that a worker is ready, so that calls are served. */
  readonly onServing: () => void;
  /** Hears that every worker is given up, so that calls are refused. */
  readonly onRefusing: (error: Error) => void;
  /** Hears that every worker is ready. */
  readonly onReady: () => void;
  /** Hears that a worker is given up. */
  readonly onFailed: (error: Error) => void;
  /** Hears that it has finished its calls, as it was told to, or that the time for them is over. */
  readonly onDrained: () => void;
}
