import { setMaxListeners } from 'node:events';
import type { Clock } from '@snakepit/core';
import type { CallListener, RunningCall, RunLimits } from '../bridge/call-path.ts';
import type { Slot } from './affinity.ts';
import type { ChunkTaker, PendingCall, PoolCall, SessionBinding } from './pool-call.ts';
import { rank, type Flow, type Line, type Rank, type Waiting } from './queue.ts';

/**
 * Where a call is. `between`: its worker has failed it, will let go of it, and then it is tried again; `pausing`: it waits
 * for the time of that; `over`: its outcome is told, though its worker may still hold it.
 */
export type JobState = 'new' | 'waiting' | 'running' | 'between' | 'pausing' | 'over';

/** Who waits for a call whose result comes at once. */
export interface Promised {
  /** It has come. */
  readonly resolve: (value: unknown) => void;
  /** It will not. */
  readonly reject: (error: Error) => void;
}

/** What a job tells the dispatcher that it belongs to. */
export interface JobOwner {
  /** Time. */
  readonly clock: Clock;
  /** Its worker has told its end. */
  settled(job: Job, error: Error | undefined, value: unknown): void;
  /** Its worker has let go of it. */
  released(job: Job): void;
  /** The time for which it was last watched is over. */
  expired(job: Job): void;
  /** Its caller gives it up. */
  aborted(job: Job): void;
  /** Its caller gives it up, with this error. */
  cancelled(job: Job, error: Error): void;
}

/**
 * One call: what listens to its worker, to its signal and to the clock, and stands in the queue, is this one object.
 *
 * It only knows; what follows from that the dispatcher decides.
 */
export class Job implements CallListener, PendingCall, RunLimits, Waiting<Job> {
  /** What is called. */
  readonly call: PoolCall;
  /** When it was made. */
  readonly madeAtMs: number;
  /** When its whole time is over. */
  readonly deadlineAtMs: number;
  /** Where it is. */
  state: JobState = 'new';
  /** What it had left when it was given to its worker. */
  timeoutMs: number;
  /** The worker that holds it. */
  slot: Slot<Job> | undefined;
  /** The call as its worker executes it. */
  running: RunningCall | undefined;
  /** How often a worker was given it. */
  attempts = 0;
  /** The failure after which it is to be tried again, and the pause before that. */
  failure: Error | undefined;
  pauseMs = 0;
  /** What the guard knows it by. */
  ticket = 0;
  /** Whether a chunk has reached the caller: then it cannot be tried again. */
  hasChunks = false;

  rank: Rank;
  readonly flow: Flow<Job> | undefined;
  line: Line<Job> | undefined;
  turn = 0;
  ahead: Job | undefined;
  behind: Job | undefined;

  readonly #owner: JobOwner;
  #timer: unknown;
  readonly #caller: Promised | ChunkTaker;

  constructor(owner: JobOwner, call: PoolCall, nowMs: number, caller: Promised | ChunkTaker) {
    this.#owner = owner;
    this.call = call;
    this.timeoutMs = call.timeoutMs;
    this.madeAtMs = nowMs;
    this.deadlineAtMs = nowMs + call.timeoutMs;
    this.rank = rank[call.priority];
    this.flow = call.binding?.flow;
    this.#caller = caller;
  }

  /** The session that it belongs to. */
  get binding(): SessionBinding | undefined {
    return this.call.binding;
  }

  /** Tells the caller the outcome. */
  tell(error: Error | undefined, value: unknown): void {
    const caller = this.#caller;
    if ('chunk' in caller) caller.ended(error);
    else if (error === undefined) caller.resolve(value);
    else caller.reject(error);
  }

  /** A worker is about to be given it. */
  begin(slot: Slot<Job>): void {
    this.state = 'running';
    this.slot = slot;
    this.attempts += 1;
    this.call.trace?.dispatched(slot.connection.workerId, this.attempts);
  }

  /** Called by its worker. */
  settled(error: Error | undefined, value: unknown): void {
    this.call.trace?.attempted(error);
    this.#owner.settled(this, error, value);
  }

  /** Called by its worker. */
  released(): void {
    this.#owner.released(this);
  }

  /** Called by its worker. */
  chunk(value: unknown): void {
    if (this.state !== 'running') return;
    this.hasChunks = true;
    if ('chunk' in this.#caller) this.#caller.chunk(value);
  }

  /** Whether its owner is to be told. */
  get isWatched(): boolean {
    return this.#timer !== undefined;
  }

  /** Has its owner told in so many milliseconds, at most once, and not what it was to be told before. */
  watch(ms: number): void {
    this.unwatch();
    if (ms === Infinity) return;
    this.#timer = this.#owner.clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#owner.expired(this);
      },
      Math.max(0, ms),
    );
  }

  /** Has its owner not told. */
  unwatch(): void {
    if (this.#timer === undefined) return;
    this.#owner.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Has its owner told when its signal is aborted. */
  heed(): void {
    const { signal } = this.call;
    // Many calls may share a signal; Node would take that for a leak.
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
    signal?.addEventListener('abort', this);
  }

  /** Has its owner not told of that any more. */
  ignore(): void {
    this.call.signal?.removeEventListener('abort', this);
  }

  /** Called by the signal. */
  handleEvent(): void {
    this.#owner.aborted(this);
  }

  /** Called by the caller. */
  cancel(error: Error): void {
    this.#owner.cancelled(this, error);
  }

  /** Called by the caller. */
  grant(chunks: number): void {
    if (this.state === 'running') this.running?.grant(chunks);
  }
}
