import type { Clock } from '@snakepit/core';
import type { ToolCall } from '../bridge/call-path.ts';
import type { WorkerConnection } from '../worker/worker-connection.ts';
import type { Binding, BoundSession } from './affinity.ts';
import type { CallWatch } from '../observation/call-watch.ts';
import type { CallMeter } from '../telemetry/call-meter.ts';
import type { CallGuard } from './call-guard.ts';
import type { Job } from './job.ts';
import type { Priority } from './queue.ts';
import type { CallReports } from '../telemetry/call-reports.ts';
import type { ToolCatalogue } from '../tools/tool-catalogue.ts';
import type { CallTrace } from '../tracing/call-trace.ts';
import type { WorkerWear } from './worker-wear.ts';

/** A session in one pool, as the dispatcher of that knows it. */
export type SessionBinding = Binding<Job>;

/** One call as the pool takes it. */
export interface PoolCall extends ToolCall {
  /** Milliseconds for everything: waiting, running, trying again, and all chunks of a stream. */
  readonly timeoutMs: number;
  /** Cancels it, wherever it is. */
  readonly signal: AbortSignal | undefined;
  /** Whether it may run twice: then it is tried again when its worker dies. */
  readonly idempotent: boolean;
  /** Who goes first when calls wait. */
  readonly priority: Priority;
  /** The session that it belongs to. */
  readonly binding: SessionBinding | undefined;
  /**
   * Whether Python waits for Node, which makes it: then it goes before all others, also in the place of a call that waits
   * for Node, is not refused for a full queue, and is taken while the pool finishes what it has.
   */
  readonly isNested?: boolean;
  /** Told of its way through the pool. Default: nobody. */
  readonly trace?: CallTrace;
}

/** Who takes the chunks of a stream. */
export interface ChunkTaker {
  /** The next chunk. */
  chunk(value: unknown): void;
  /** There are no more: the stream has ended, or failed with this error. */
  ended(error: Error | undefined): void;
}

/** A call that was made. Nothing here does anything once it is settled. */
export interface PendingCall {
  /** Gives it up: it fails at once with this error, in the queue or at its worker. */
  cancel(error: Error): void;
  /** Lets so many more chunks come. */
  grant(chunks: number): void;
}

/** What a pool has done and is doing. `accepted = succeeded + failed + cancelled + queued + inFlight`. */
export interface DispatcherStats {
  /** Calls that were taken on. */
  readonly accepted: number;
  /** Calls that were refused at once: the queue was full, the worker of their session was busy, or the pool is stopping. */
  readonly refused: number;
  /** Calls that came back with a result; streams that came to their end. */
  readonly succeeded: number;
  /** Calls that came back with an error, or not in time. */
  readonly failed: number;
  /** Calls that their callers gave up, and streams that they left. */
  readonly cancelled: number;
  /** Calls that wait for a worker, or for the time to be tried again. */
  readonly queued: number;
  /** Calls that a worker is executing. */
  readonly inFlight: number;
  /** How often an idempotent call was given to another worker. */
  readonly retried: number;
  /**
   * Calls whose outcome is told, mostly because they were cancelled or late, and that their workers have not let go of yet;
   * each keeps its place at its worker. Counted besides the others.
   */
  readonly lingering: number;
}

/** The counts of a pool that has done nothing. */
export const noCalls: DispatcherStats = {
  ...{ accepted: 0, refused: 0, succeeded: 0, failed: 0, cancelled: 0 },
  ...{ queued: 0, inFlight: 0, retried: 0, lingering: 0 },
};

/** Hands calls to workers: first come, first served, to a worker that has just served well or has been free longest. */
export interface PoolDispatcher {
  /** A worker is ready. */
  admit(connection: WorkerConnection): void;
  /** A worker takes no more calls; those it is executing go on. Sessions that keep to it have lost it. */
  withdraw(connection: WorkerConnection): void;
  /** Takes a call; resolves with the tool's result. */
  execute(call: PoolCall): Promise<unknown>;
  /** Takes a call whose result comes in chunks. A refusal, too, is told before this returns. */
  open(call: PoolCall, taker: ChunkTaker): PendingCall;
  /** Makes what this pool knows of a session. */
  bind(session: BoundSession): SessionBinding;
  /** A session is over and has no calls any more: the workers that know it are told. */
  release(binding: SessionBinding): void;
  /** Takes calls, also when it was told not to. It does so from the start. */
  accept(): void;
  /** Takes no more calls; those taken go on. */
  stopAccepting(): void;
  /** Fails what waits, and what comes before a worker is ready or `accept`, with this error: nobody will serve it. */
  fail(error: Error): void;
  /** The same for good: nobody who is ready later, and no pool that opens it later, has it take calls again. */
  close(error: Error): void;
  /** Tells from now on, in place of whom it told before, that it takes no more calls and has none left. */
  whenIdle(listener: () => void): void;
  /** Counts, safe to print. */
  stats(): DispatcherStats;
  /** How long the call that has waited longest for a worker has waited, in milliseconds; 0 when none does. */
  oldestWaitMs(): number;
  /** Calls of one worker that it has not let go of. */
  inFlightOf(workerId: string): number;
  /**
   * A call of this worker begins to wait for Node: nested calls may have its place until the function that is returned is
   * called.
   */
  lend(workerId: string): () => void;
  /** What is known of the tools of the workers. */
  readonly catalogue: ToolCatalogue;
  /** Calls that a worker was given since it takes any; 0 when it takes none. */
  servedBy(workerId: string): number;
}

/** A worker that does not let go of a call that was given up. */
export interface StuckCall {
  /** Id of the worker. */
  readonly workerId: string;
  /** Name of the tool. */
  readonly tool: string;
  /** Id of the session, if the call had one. */
  readonly session: string | undefined;
}

/** What a dispatcher is made of. */
export interface DispatcherParts {
  /** Name of the pool, for errors. */
  readonly pool: string;
  /** Time. */
  readonly clock: Clock;
  /** How many calls a worker executes at the same time. */
  readonly concurrency: number;
  /** How many calls may wait for a worker. */
  readonly maxQueueSize: number;
  /** Milliseconds that a call may wait for a worker; `Infinity` for as long as its own limit allows. */
  readonly queueTimeoutMs: number;
  /** Milliseconds that a worker has to let go of a call that was given up; `Infinity`, the default, for any time. */
  readonly cancelGraceMs?: number;
  /** Told when that time is over; should replace the worker. */
  readonly onStuck?: (stuck: StuckCall) => void;
  /** How calls wear out a worker. Default: not at all. */
  readonly wear?: WorkerWear;
  /** Looks at calls that have ended. Default: nobody. */
  readonly watch?: CallWatch;
  /** Measures how long calls take, while somebody wants to know. Default: nobody. */
  readonly meter?: CallMeter;
  /** Tells what becomes of calls. Default: nobody. */
  readonly reports?: CallReports;
  /** What else has a say in the calls. Default: nothing, and a call that may be tried again is, at once, three times. */
  readonly guard?: CallGuard;
}
