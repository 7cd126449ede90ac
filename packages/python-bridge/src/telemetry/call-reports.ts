import {
  isSnakepitError,
  type ActorSystem,
  type Clock,
  type ExecutedCall,
  type Pid,
  type Telemetry,
  type TelemetryEventName,
} from '@snakepit/core';
import type { WorkerConnection } from '../worker/worker-connection.ts';
import './events.ts';
import { callEvents } from './call-event-table.ts';
import type { CallMetadata, WorkerCallMetadata } from './call-events.ts';

/** A call, as far as events tell of it. */
export interface ReportedCall {
  /** What is called. */
  readonly call: { readonly tool: string; readonly session?: string | undefined };
  /** When it was made. */
  readonly madeAtMs: number;
  /** How often a worker was given it. */
  readonly attempts: number;
  /** The pause before it is tried again. */
  readonly pauseMs: number;
  /** The worker that holds it. */
  readonly slot: { readonly connection: Pick<WorkerConnection, 'workerId'> } | undefined;
}

/** Tells what becomes of the calls of one pool, while somebody listens; else it costs them one comparison each. */
export class CallReports {
  /** Tells nothing any more; the bus may outlive the pool. */
  readonly close: () => void;
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #pool: string;
  readonly #maxQueueSize: number;
  readonly #caller: () => Pid | undefined;
  /** Whether anybody listens to an event of calls, or to the calls of a worker. */
  #isOn: boolean;
  /** When the attempts began that workers execute now. */
  readonly #began = new Map<ReportedCall, number>();
  /** Who made the calls that are not over, where that is known. */
  readonly #callers = new Map<ReportedCall, Pid>();
  /** Who listens to the calls of a worker. */
  readonly #listeners = new Map<string, Set<(call: ExecutedCall) => void>>();

  constructor(
    system: Pick<ActorSystem, 'telemetry' | 'clock' | 'current'>,
    pool: string,
    maxQueueSize: number,
  ) {
    const { telemetry, clock } = system;
    this.#caller = () => system.current;
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#pool = pool;
    this.#maxQueueSize = maxQueueSize;
    this.#isOn = this.#isWanted();
    this.close = telemetry.onDemand((name) => {
      if (Object.hasOwn(callEvents, name)) this.#turn();
    });
  }

  /** Tells of each call that a worker executes from now on; returns what ends that. */
  listen(workerId: string, listener: (call: ExecutedCall) => void): () => void {
    const listeners = this.#listeners.get(workerId) ?? new Set();
    const own = (call: ExecutedCall): void => {
      listener(call);
    };
    this.#listeners.set(workerId, listeners.add(own));
    this.#turn();
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(workerId) === listeners) {
        this.#listeners.delete(workerId);
      }
      this.#turn();
    };
  }

  /** A call was taken. */
  taken(job: ReportedCall): void {
    if (!this.#isOn) return;
    const caller = this.#caller();
    if (caller !== undefined) this.#callers.set(job, caller);
  }

  /** A call was refused. */
  refused(job: ReportedCall, error: Error, queueSize: number): void {
    if (!this.#isOn) return;
    const maxQueueSize = this.#maxQueueSize;
    if (codeOf(error) === 'QUEUE_FULL') {
      const about = this.#about(job);
      this.#telemetry.emit('snakepit.pool.saturated', { queueSize, maxQueueSize }, about);
    }
    this.#executed(job, error);
  }

  /** A worker was given a call. */
  dispatched(job: ReportedCall): void {
    if (!this.#isOn) return;
    const telemetry = this.#telemetry;
    const nowMs = this.#clock.now();
    const about = this.#aboutWorker(job);
    this.#began.set(job, nowMs);
    const waited = { count: 1, waitedMs: nowMs - job.madeAtMs } as const;
    const attempt = { ...about, attempt: job.attempts };
    telemetry.emit('snakepit.pool.call.dispatched', waited, attempt);
    telemetry.emit('snakepit.grpc_worker.execute.start', { count: 1 }, about);
  }

  /** A worker has ended an attempt of a call. */
  attempted(job: ReportedCall, error: Error | undefined): void {
    if (!this.#isOn) return;
    const beganMs = this.#began.get(job);
    // It began when nobody listened.
    if (beganMs === undefined) return;
    this.#began.delete(job);
    const took = { count: 1, durationMs: this.#clock.now() - beganMs } as const;
    const about = this.#aboutWorker(job);
    this.#tell(job, beganMs, took.durationMs, error);
    if (error === undefined) this.#telemetry.emit('snakepit.grpc_worker.execute.stop', took, about);
    else {
      const failed = { ...about, code: codeOf(error) };
      this.#telemetry.emit('snakepit.grpc_worker.execute.exception', took, failed);
    }
  }

  /** A call is about to be tried again. */
  retried(job: ReportedCall): void {
    if (!this.#isOn) return;
    const { attempts: attempt, pauseMs: delayMs } = job;
    this.#telemetry.emit('snakepit.retry.attempt', { attempt, delayMs }, this.#about(job));
  }

  /** A call is over for its caller. */
  ended(job: ReportedCall, error: Error | undefined): void {
    if (!this.#isOn) return;
    this.#callers.delete(job);
    const about = this.#about(job);
    if (error !== undefined && codeOf(error) === 'QUEUE_TIMEOUT') {
      const waited = { count: 1, waitedMs: this.#clock.now() - job.madeAtMs } as const;
      this.#telemetry.emit('snakepit.pool.queue.timeout', waited, about);
    }
    const { attempts } = job;
    if (attempts > 1 && error === undefined) {
      this.#telemetry.emit('snakepit.retry.success', { attempts }, about);
    } else if (attempts > 1 && error !== undefined) {
      const failed = { ...about, code: codeOf(error) };
      this.#telemetry.emit('snakepit.retry.exhausted', { attempts }, failed);
    }
    this.#executed(job, error);
  }

  /** A session has lost the worker that it kept to. */
  sessionLost(session: string, workerId: string): void {
    const about = { pool: this.#pool, session, workerId };
    this.#telemetry.emit('snakepit.session.lost', { count: 1 }, about);
  }

  #executed(job: ReportedCall, error: Error | undefined): void {
    const durationMs = this.#clock.now() - job.madeAtMs;
    this.#telemetry.emit(
      'snakepit.request.executed',
      { count: 1, durationMs, attempts: job.attempts },
      {
        ...this.#about(job),
        workerId: job.slot?.connection.workerId,
        success: error === undefined,
        code: error === undefined ? undefined : codeOf(error),
      },
    );
  }

  #tell(job: ReportedCall, atMs: number, tookMs: number, error: Error | undefined): void {
    const listeners = this.#listeners.get(job.slot?.connection.workerId ?? '');
    if (listeners === undefined) return;
    const call: ExecutedCall = {
      ...{ name: job.call.tool, from: this.#callers.get(job), atMs, tookMs },
      waitedMs: atMs - job.madeAtMs,
      error: error === undefined ? undefined : codeOf(error),
    };
    for (const listener of listeners) listener(call);
  }

  #turn(): void {
    this.#isOn = this.#isWanted();
    if (this.#isOn) return;
    this.#began.clear();
    this.#callers.clear();
  }

  #isWanted(): boolean {
    if (this.#listeners.size > 0) return true;
    // The names of the table are those of the interface.
    const names = Object.keys(callEvents) as TelemetryEventName[];
    return names.some((name) => this.#telemetry.enabled(name));
  }

  #about({ call: { tool, session } }: ReportedCall): CallMetadata {
    return { pool: this.#pool, tool, session };
  }

  #aboutWorker(job: ReportedCall): WorkerCallMetadata {
    return { ...this.#about(job), workerId: job.slot?.connection.workerId ?? '' };
  }
}

function codeOf(error: Error): string {
  return isSnakepitError(error) ? error.code : error.name;
}
