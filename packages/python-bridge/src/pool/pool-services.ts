import type { PoolDispatcher } from './dispatcher.ts';

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
  /** Tells a worker that its time for calls in flight is over. */
  readonly endWorker: (workerId: string) => void;
  /** How many workers may be starting at the same time. */
  readonly startupBatchSize: number;
  /** Milliseconds between the end of one worker's start and the begin of the next. */
  readonly startupBatchDelayMs: number;
  /** Hears that every worker is ready. */
  readonly onReady: () => void;
  /** Hears that a worker is given up. */
  readonly onFailed: (error: Error) => void;
}
