import type { PoolDispatcher } from './dispatcher.ts';

/** What the process of a pool works with; handed to its effects, never kept in its chart. */
export interface PoolServices {
  /** Makes the dispatcher of this life of the pool; what the last one still held was failed with it. */
  readonly openDispatcher: (onIdle: () => void) => PoolDispatcher;
  /** Forgets the dispatcher: the pool's process is gone. */
  readonly closeDispatcher: (dispatcher: PoolDispatcher) => void;
  /**
   * Has a worker's starter started by the worker supervisor; one that is there already is asked to announce itself.
   *
   * @returns Why it could not be started, if so.
   */
  readonly startWorker: (workerId: string) => Promise<Error | undefined>;
  /** How many workers may be starting at the same time. */
  readonly startupBatchSize: number;
  /** Milliseconds between the end of one worker's start and the begin of the next. */
  readonly startupBatchDelayMs: number;
  /** Hears that every worker is ready. */
  readonly onReady: () => void;
  /** Hears that a worker is given up. */
  readonly onFailed: (error: Error) => void;
}
