import {
  checkOptions,
  type CallOptions,
  type CallStreamOptions,
  type RestartOptions,
  type SessionOptions,
} from '../call-options.ts';
import type { PoolStats, WorkerInfo } from '../status.ts';
import type { Caller, ToolArguments } from './caller.ts';
import type { SessionDirectory } from './session-directory.ts';
import type { Session } from './session.ts';
import type { ToolStream } from './stream.ts';

/** One pool: the same as the methods of `Snakepit`, for those who do not want to name it with each call. */
export interface Pool {
  /** Its name. */
  readonly name: string;
  /** Runs a tool in this pool. */
  execute<T = unknown>(tool: string, args?: ToolArguments, options?: CallOptions): Promise<T>;
  /** Runs a tool that yields in this pool. */
  stream<T = unknown>(
    tool: string,
    args?: ToolArguments,
    options?: CallStreamOptions,
  ): ToolStream<T>;
  /** The session with this id, whose calls go to this pool. */
  session(id: string, options?: Omit<SessionOptions, 'pool'>): Session;
  /** What it has done and is doing. */
  stats(): PoolStats;
  /** Its workers. */
  workers(): WorkerInfo[];
  /** Restarts one of its workers in order: it ends, then it is started; see {@link Pool.recycle}. */
  restartWorker(workerId: string, options?: RestartOptions): Promise<void>;
  /**
   * Replaces all its workers, a few at a time, without a moment in which one of them does not serve: a replacement is
   * started, takes over when it is ready, and then the old process finishes its calls and ends. Needs memory for both.
   *
   * Where workers are forked, another fork server imports the code as it is now first.
   *
   * Asked again meanwhile, it is the same recycling.
   *
   * @throws SnakepitError why a replacement did not start, or the fork server; then that worker is kept, and those whose
   *   turn had not come are left as they were; SHUTTING_DOWN.
   */
  recycle(options?: RestartOptions): Promise<void>;
  /**
   * Gives it so many workers; one resize comes after the other.
   *
   * Growing, it resolves when all new workers are ready. Shrinking, it takes those that do not serve first, then the
   * idlest, of these the youngest; their calls finish, within `gracefulShutdownTimeout`, and it resolves when their
   * processes are gone.
   *
   * @param size - 1 to 10,000.
   * @throws SnakepitError INVALID_ARGUMENT for what is no size; why a new worker did not start, and then the pool is as
   *   large as before; SHUTTING_DOWN.
   */
  resize(size: number): Promise<void>;
}

/** What a handle is made of. */
export interface PoolHandleParts {
  /** Makes its calls. */
  readonly caller: Caller;
  /** Where its sessions are. */
  readonly sessions: SessionDirectory;
  /** See {@link Pool.stats}. */
  readonly stats: () => PoolStats;
  /** See {@link Pool.workers}. */
  readonly workers: () => WorkerInfo[];
  /** See {@link Pool.restartWorker}. */
  readonly restartWorker: (workerId: string, options: RestartOptions) => Promise<void>;
  /** See {@link Pool.recycle}. */
  readonly recycle: (options: RestartOptions) => Promise<void>;
  /** See {@link Pool.resize}. */
  readonly resize: (size: number) => Promise<void>;
}

/** Makes the handle of one pool. */
export function createPoolHandle(parts: PoolHandleParts): Pool {
  const { caller, sessions, stats, workers, restartWorker, recycle, resize } = parts;
  return Object.freeze({
    name: caller.pool,
    stats,
    workers,
    execute: async <T>(
      tool: string,
      args: ToolArguments = {},
      options: CallOptions = {},
    ): Promise<T> => {
      checkOptions('call', options, tool);
      return (await caller.execute(tool, args, options, undefined)) as T;
    },
    stream: <T>(
      tool: string,
      args: ToolArguments = {},
      options: CallStreamOptions = {},
    ): ToolStream<T> => {
      checkOptions('streamCall', options, tool);
      return caller.stream<T>(tool, args, options, undefined);
    },
    session: (id: string, options: Omit<SessionOptions, 'pool'> = {}) => {
      checkOptions('poolSession', options);
      return sessions.open(id, options, caller);
    },
    restartWorker: (workerId: string, options: RestartOptions = {}) =>
      restartWorker(workerId, options),
    recycle: (options: RestartOptions = {}) => recycle(options),
    resize,
  });
}
