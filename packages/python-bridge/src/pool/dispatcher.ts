import { isSnakepitError, type Clock } from '@snakepit/core';
import type { EncodedArguments } from '../bridge/codec.ts';
import { bridgeError, type ErrorIds } from '../errors.ts';
import type { WorkerConnection } from '../worker/worker-connection.ts';

/** A call that was declared idempotent is tried so often in all before its failure is told. */
const maxAttempts = 4;

/** One call as the pool takes it. */
export interface PoolCall {
  /** Name of the tool. */
  readonly tool: string;
  /** Its arguments, encoded. */
  readonly arguments: EncodedArguments;
  /** Milliseconds for everything: waiting, running, trying again. */
  readonly timeoutMs: number;
  /** Cancels it, wherever it is. */
  readonly signal: AbortSignal | undefined;
  /** Whether it may run twice: then it is tried again when its worker dies. */
  readonly idempotent: boolean;
}

/** What a pool has done and is doing. `accepted = succeeded + failed + cancelled + queued + inFlight`. */
export interface DispatcherStats {
  /** Calls that were taken on. */
  readonly accepted: number;
  /** Calls that were refused at once: the queue was full, or the pool is stopping. */
  readonly refused: number;
  /** Calls that came back with a result. */
  readonly succeeded: number;
  /** Calls that came back with an error. */
  readonly failed: number;
  /** Calls that their callers gave up. */
  readonly cancelled: number;
  /** Calls that wait for a worker. */
  readonly queued: number;
  /** Calls that a worker is executing. */
  readonly inFlight: number;
  /** How often an idempotent call was given to another worker. */
  readonly retried: number;
}

/** Hands calls to workers: first come, first served, to the worker that has been free longest. */
export interface PoolDispatcher {
  /** A worker is ready. */
  admit(connection: WorkerConnection): void;
  /** A worker takes no more calls; those it is executing go on. */
  withdraw(connection: WorkerConnection): void;
  /** Takes a call; resolves with the tool's result. */
  execute(call: PoolCall): Promise<unknown>;
  /** Takes calls, also when it was told not to. It does so from the start. */
  accept(): void;
  /** Takes no more calls; those taken go on. */
  stopAccepting(): void;
  /** Fails what waits, and what comes before a worker is ready or `accept`, with this error: nobody will serve it. */
  fail(error: Error): void;
  /** Tells from now on, in place of whom it told before, that it takes no more calls and has none left. */
  whenIdle(listener: () => void): void;
  /** Counts, safe to print. */
  stats(): DispatcherStats;
  /** Calls in flight of one worker. */
  inFlightOf(workerId: string): number;
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
}

interface Slot {
  readonly connection: WorkerConnection;
  inFlight: number;
}

interface Job {
  readonly call: PoolCall;
  readonly deadlineAtMs: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  attempts: number;
  timer: unknown;
  onAbort: (() => void) | undefined;
}

/** Makes the dispatcher of one pool. */
export function createDispatcher(parts: DispatcherParts): PoolDispatcher {
  return new Dispatcher(parts);
}

class Dispatcher implements PoolDispatcher {
  readonly #parts: DispatcherParts;
  /** Workers that take calls, by id. */
  readonly #slots = new Map<string, Slot>();
  /** Workers that take none any more, and finish those that they have. */
  readonly #leaving = new Set<Slot>();
  /** Workers with room, the one that has been free longest first. */
  readonly #free = new Set<Slot>();
  /** Jobs that wait, oldest first. */
  readonly #waiting = new Set<Job>();
  /** Jobs that have waited their turn once and lost their worker: they go before all others. */
  readonly #waitingAgain = new Set<Job>();
  readonly #counts = { accepted: 0, refused: 0, succeeded: 0, failed: 0, cancelled: 0, retried: 0 };
  #inFlight = 0;
  #refusal: Error | undefined;
  #isAccepting = true;
  #onIdle: () => void = () => undefined;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  admit(connection: WorkerConnection): void {
    const { workerId } = connection;
    const known = this.#slots.get(workerId);
    if (known?.connection === connection) return;
    if (known !== undefined) this.withdraw(known.connection);
    const slot: Slot = { connection, inFlight: 0 };
    this.#slots.set(workerId, slot);
    this.#free.add(slot);
    this.#refusal = undefined;
    this.#serveQueue();
  }

  withdraw(connection: WorkerConnection): void {
    const slot = this.#slots.get(connection.workerId);
    if (slot?.connection !== connection) return;
    this.#slots.delete(connection.workerId);
    this.#free.delete(slot);
    if (slot.inFlight > 0) this.#leaving.add(slot);
  }

  execute(call: PoolCall): Promise<unknown> {
    const refusal = this.#refuse(call);
    if (refusal !== undefined) {
      this.#counts.refused += 1;
      return Promise.reject(refusal);
    }
    this.#counts.accepted += 1;
    return new Promise((resolve, reject) => {
      const deadlineAtMs = this.#parts.clock.now() + call.timeoutMs;
      const job: Job = {
        call,
        deadlineAtMs,
        resolve,
        reject,
        attempts: 0,
        timer: undefined,
        onAbort: undefined,
      };
      const slot = this.#takeSlot();
      if (slot === undefined) this.#enqueue(job, this.#waiting);
      else this.#run(slot, job);
    });
  }

  accept(): void {
    this.#isAccepting = true;
    this.#refusal = undefined;
  }

  stopAccepting(): void {
    this.#isAccepting = false;
    this.#tellIdle();
  }

  fail(error: Error): void {
    this.#refusal = error;
    for (const job of [...this.#waitingAgain, ...this.#waiting]) {
      this.#leaveQueue(job);
      this.#finish(job, 'failed', error);
    }
    this.#tellIdle();
  }

  whenIdle(listener: () => void): void {
    this.#onIdle = listener;
  }

  stats(): DispatcherStats {
    return { ...this.#counts, queued: this.#queueLength, inFlight: this.#inFlight };
  }

  inFlightOf(workerId: string): number {
    const own = this.#slots.get(workerId)?.inFlight ?? 0;
    const left = [...this.#leaving].filter(({ connection }) => connection.workerId === workerId);
    return left.reduce((total, { inFlight }) => total + inFlight, own);
  }

  get #queueLength(): number {
    return this.#waitingAgain.size + this.#waiting.size;
  }

  #refuse(call: PoolCall): Error | undefined {
    const { pool, maxQueueSize } = this.#parts;
    if (this.#refusal !== undefined) return this.#refusal;
    if (!this.#isAccepting) return bridgeError('SHUTTING_DOWN', { pool, tool: call.tool });
    if (call.signal?.aborted === true) {
      const { reason } = call.signal as { readonly reason: unknown };
      return bridgeError('CANCELLED', { pool, tool: call.tool }, { cause: reason });
    }
    const queueLength = this.#queueLength;
    if (this.#free.size > 0 || queueLength < maxQueueSize) return undefined;
    return bridgeError('QUEUE_FULL', { pool, tool: call.tool, queueLength, maxQueueSize });
  }

  #takeSlot(): Slot | undefined {
    for (const slot of this.#free) {
      this.#free.delete(slot);
      slot.inFlight += 1;
      // Back to the end of the line: the next call goes to somebody else first.
      if (slot.inFlight < this.#parts.concurrency) this.#free.add(slot);
      return slot;
    }
    return undefined;
  }

  #run(slot: Slot, job: Job): void {
    const { call } = job;
    const leftMs = job.deadlineAtMs - this.#parts.clock.now();
    this.#inFlight += 1;
    job.attempts += 1;
    slot.connection
      .execute(
        { tool: call.tool, arguments: call.arguments },
        { deadlineMs: leftMs, signal: call.signal },
      )
      .then(
        (value) => {
          this.#release(slot);
          this.#counts.succeeded += 1;
          job.resolve(value);
          this.#afterCall();
        },
        (error: unknown) => {
          this.#release(slot);
          if (this.#canRetry(job, error)) this.#retry(job);
          else this.#finish(job, outcomeOf(error), inTermsOfCaller(job, leftMs, error));
          this.#afterCall();
        },
      );
  }

  #release(slot: Slot): void {
    this.#inFlight -= 1;
    slot.inFlight -= 1;
    if (this.#slots.get(slot.connection.workerId) === slot) this.#free.add(slot);
    else if (slot.inFlight === 0) this.#leaving.delete(slot);
  }

  #afterCall(): void {
    this.#serveQueue();
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#isAccepting) return;
    if (this.#inFlight === 0 && this.#queueLength === 0) this.#onIdle();
  }

  #serveQueue(): void {
    for (const queue of [this.#waitingAgain, this.#waiting]) {
      for (const job of queue) {
        const slot = this.#takeSlot();
        if (slot === undefined) return;
        this.#leaveQueue(job);
        this.#run(slot, job);
      }
    }
  }

  #canRetry(job: Job, error: unknown): boolean {
    if (job.attempts >= maxAttempts || !isSnakepitError(error)) return false;
    if (job.call.signal?.aborted === true || this.#refusal !== undefined) return false;
    if (this.#parts.clock.now() >= job.deadlineAtMs) return false;
    if (error.code === 'WORKER_CRASHED') return job.call.idempotent;
    if (error.code !== 'WORKER_UNAVAILABLE') return false;
    // What never reached Python can be sent again without harm, whatever the caller declared.
    return job.call.idempotent || error.details['maybeExecuted'] === false;
  }

  #retry(job: Job): void {
    this.#counts.retried += 1;
    const slot = this.#takeSlot();
    if (slot === undefined) this.#enqueue(job, this.#waitingAgain);
    else this.#run(slot, job);
  }

  #enqueue(job: Job, queue: Set<Job>): void {
    const { clock, queueTimeoutMs } = this.#parts;
    const { signal } = job.call;
    queue.add(job);
    const waitMs = Math.min(queueTimeoutMs, job.deadlineAtMs - clock.now());
    const sinceMs = clock.now();
    if (waitMs !== Infinity) {
      job.timer = clock.setTimeout(
        () => {
          this.#waitedTooLong(job, clock.now() - sinceMs);
        },
        Math.max(0, waitMs),
      );
    }
    if (signal === undefined) return;
    job.onAbort = () => {
      this.#leaveQueue(job);
      const { pool } = this.#parts;
      const error = bridgeError(
        'CANCELLED',
        { pool, tool: job.call.tool },
        { cause: signal.reason },
      );
      this.#finish(job, 'cancelled', error);
      this.#tellIdle();
    };
    signal.addEventListener('abort', job.onAbort, { once: true });
  }

  #leaveQueue(job: Job): void {
    if (!this.#waiting.delete(job)) this.#waitingAgain.delete(job);
    if (job.timer !== undefined) this.#parts.clock.clearTimeout(job.timer);
    if (job.onAbort !== undefined) job.call.signal?.removeEventListener('abort', job.onAbort);
    job.timer = job.onAbort = undefined;
  }

  #waitedTooLong(job: Job, waitedMs: number): void {
    this.#leaveQueue(job);
    const { pool, clock } = this.#parts;
    const { tool } = job.call;
    const error =
      clock.now() >= job.deadlineAtMs
        ? timeout(job, { pool }, `tool "${tool}", which still waited for a worker,`)
        : bridgeError('QUEUE_TIMEOUT', {
            pool,
            tool,
            waitedMs: Math.round(waitedMs),
            queueLength: this.#queueLength,
          });
    this.#finish(job, 'failed', error);
    this.#tellIdle();
  }

  #finish(job: Job, outcome: 'failed' | 'cancelled', error: unknown): void {
    this.#counts[outcome] += 1;
    job.reject(error);
  }
}

function timeout({ call }: Job, ids: ErrorIds, operation: string, cause?: unknown): Error {
  const details = {
    ...ids,
    tool: call.tool,
    operation,
    timeoutMs: call.timeoutMs,
    option: '{ timeout } of the call, or pools[].requestTimeout',
  };
  return bridgeError('TIMEOUT', details, cause === undefined ? undefined : { cause });
}

/** A call that ran out of time tells the limit that its caller set, of which it may have waited a part. */
function inTermsOfCaller(job: Job, leftMs: number, error: unknown): unknown {
  if (!isSnakepitError(error) || error.code !== 'TIMEOUT') return error;
  if (leftMs === job.call.timeoutMs) return error;
  return timeout(job, error.details, `tool "${job.call.tool}"`, error);
}

function outcomeOf(error: unknown): 'failed' | 'cancelled' {
  return isSnakepitError(error) && error.code === 'CANCELLED' ? 'cancelled' : 'failed';
}
