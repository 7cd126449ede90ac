import type { Clock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createToolCatalogue, type ToolCatalogue } from '../tools/tool-catalogue.ts';
import type { WorkerConnection } from '../worker/worker-connection.ts';
import {
  Binding,
  close,
  enter,
  leave,
  type BoundSession,
  type Route,
  type Slot,
} from './affinity.ts';
import {
  cancelled,
  endedMeanwhile,
  inTermsOfCaller,
  late,
  mayRetry,
  outcomeOf,
  refusalOf,
  sessionLost,
  tellStuck,
  waitedTooLong,
} from './call-errors.ts';
import { noGuard, type CallGuard } from './call-guard.ts';
import { Job, type JobOwner, type Promised } from './job.ts';
import {
  noCalls,
  type ChunkTaker,
  type DispatcherParts,
  type DispatcherStats,
  type PendingCall,
  type PoolCall,
  type PoolDispatcher,
  type SessionBinding,
} from './pool-call.ts';
import { rank } from './queue.ts';
import { Slots } from './slots.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** Makes the dispatcher of one pool. */
export function createDispatcher(parts: DispatcherParts): PoolDispatcher {
  return new Dispatcher(parts);
}

class Dispatcher implements PoolDispatcher, JobOwner {
  readonly clock: Clock;
  readonly catalogue: ToolCatalogue;
  readonly #parts: DispatcherParts;
  readonly #guard: CallGuard;
  readonly #slots: Slots<Job>;
  readonly #waiting = new WaitingCalls();
  readonly #counts: { -readonly [K in keyof DispatcherStats]: number } = { ...noCalls };
  #refusal: Error | undefined;
  #isClosed = false;
  #isAccepting = true;
  #onIdle: () => void = () => undefined;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.catalogue = createToolCatalogue(parts.pool);
    this.#guard = parts.guard ?? noGuard;
    this.#slots = new Slots(parts.concurrency, parts.wear);
  }

  admit(connection: WorkerConnection): void {
    const known = this.#slots.find(connection.workerId);
    if (known?.connection === connection) return;
    if (known !== undefined) this.withdraw(known.connection);
    const slot = this.#slots.open(connection, this.#waiting.queue.open());
    this.catalogue.admit(connection);
    this.#reopen();
    this.#serve(slot);
  }

  withdraw(connection: WorkerConnection): void {
    const slot = this.#slots.find(connection.workerId);
    if (slot?.connection !== connection) return;
    this.#slots.close(slot);
    this.catalogue.withdraw(connection);
    for (const binding of leave(slot, this.#waiting.queue)) {
      this.#parts.reports?.sessionLost(binding.session.id, connection.workerId);
      for (const job of this.#waiting.clear(binding)) {
        this.#fail(job, sessionLost(this.#parts.pool, binding));
      }
    }
    // What waited for this one only may go elsewhere now; seldom, so that the end of many is not looked at by all others.
    if (this.#waiting.size > 0) for (const free of this.#slots.free) this.#serve(free);
    this.#tellIdle();
  }

  execute(call: PoolCall): Promise<unknown> {
    return new Promise((resolve, reject) => void this.#take(call, { resolve, reject }));
  }

  readonly open = (call: PoolCall, taker: ChunkTaker): PendingCall => this.#take(call, taker);

  bind(session: BoundSession): SessionBinding {
    return new Binding<Job>(session);
  }

  readonly release: (binding: SessionBinding) => void = close;

  accept(): void {
    this.#isAccepting = true;
    this.#reopen();
  }

  stopAccepting(): void {
    this.#isAccepting = false;
    this.#tellIdle();
  }

  fail(error: Error): void {
    this.#refusal = error;
    for (const job of this.#waiting.drain()) this.#fail(job, error);
    this.#tellIdle();
  }

  close(error: Error): void {
    this.#isClosed = true;
    this.fail(error);
  }

  whenIdle(listener: () => void): void {
    this.#onIdle = listener;
  }

  readonly stats = (): DispatcherStats => ({ ...this.#counts, queued: this.#waiting.size });

  readonly oldestWaitMs = (): number => this.#waiting.oldestWaitMs(this.clock.now());

  readonly inFlightOf = (workerId: string): number => this.#slots.inFlightOf(workerId);

  lend(workerId: string): () => void {
    const slot = this.#slots.lend(workerId);
    if (slot === undefined) return () => undefined;
    this.#serveNested(slot);
    return () => this.#slots.takeBack(slot);
  }

  readonly servedBy = (workerId: string): number => this.#slots.find(workerId)?.served ?? 0;

  settled(job: Job, error: Error | undefined, value: unknown): void {
    if (job.state !== 'running') return;
    if (job.slot !== undefined) job.slot.hasServedWell = error === undefined;
    this.#guard.attempted(job.call, error);
    this.#parts.reports?.attempted(job, error);
    if (error === undefined) {
      this.#counts.inFlight -= 1;
      this.#counts.succeeded += 1;
      this.#end(job, undefined);
      job.tell(undefined, value);
    } else if (this.#refusal === undefined && mayRetry(job, error, this.#guard, this.clock)) {
      // Its worker tells next that it has let go of it.
      job.state = 'between';
      job.failure = error;
      return;
    } else {
      this.#counts.inFlight -= 1;
      this.#fail(job, inTermsOfCaller(this.#parts.pool, job, error));
    }
    this.#tellIdle();
  }

  released(job: Job): void {
    const { slot } = job;
    if (slot === undefined) return;
    job.slot = job.running = undefined;
    this.#slots.vacate(slot);
    if (job.state === 'over') {
      this.#counts.lingering -= 1;
      job.unwatch();
    } else if (job.state === 'between') this.#retry(job);
    this.#serveNested(slot);
    if (slot.isOpen) this.#serve(slot);
  }

  expired(job: Job): void {
    const { pool, onStuck } = this.#parts;
    const nowMs = this.clock.now();
    if (job.state === 'over') tellStuck(job, onStuck);
    else if (nowMs >= job.deadlineAtMs) this.cancelled(job, late(pool, job));
    else if (job.state === 'waiting') {
      this.cancelled(job, waitedTooLong(pool, job, nowMs, this.#waiting.size - 1));
    } else if (job.state === 'pausing') {
      this.#waiting.remove(job);
      this.#again(job);
    } else job.watch(job.deadlineAtMs - nowMs);
  }

  aborted(job: Job): void {
    if (job.state !== 'over') this.cancelled(job, cancelled(this.#parts.pool, job));
  }

  cancelled(job: Job, error: Error): void {
    const { state } = job;
    if (state === 'new' || state === 'over') return;
    if (state === 'running') {
      job.running?.cancel(error);
      // By now it has failed, and its worker may have a limited time to let go of it.
      if (job.slot !== undefined) job.watch(this.#parts.cancelGraceMs ?? Infinity);
      return;
    }
    if (state === 'between') this.#counts.inFlight -= 1;
    else this.#waiting.remove(job);
    this.#fail(job, error);
    this.#tellIdle();
  }

  #take(call: PoolCall, caller: Promised | ChunkTaker): Job {
    const job = new Job(this, call, this.clock.now(), caller);
    const route = this.#slots.routeOf(call);
    const refusal = this.#refuse(call, route);
    if (refusal !== undefined) {
      this.#counts.refused += 1;
      this.#parts.reports?.refused(job, refusal, this.#waiting.size);
      job.state = 'over';
      job.tell(refusal, undefined);
      return job;
    }
    this.#counts.accepted += 1;
    this.#parts.reports?.taken(job);
    job.ticket = this.#guard.enter();
    call.binding?.session.callBegan();
    job.heed();
    this.#place(job, route);
    return job;
  }

  /** There is somebody to serve calls; but what is closed stays so, whoever comes too late. */
  #reopen(): void {
    if (!this.#isClosed) this.#refusal = undefined;
  }

  #refuse(call: PoolCall, route: Route): Error | undefined {
    const { pool, maxQueueSize } = this.#parts;
    const { tool, isNested = false } = call;
    if (this.#refusal !== undefined) return this.#refusal;
    if (!this.#isAccepting && !isNested) return bridgeError('SHUTTING_DOWN', { pool, tool });
    const queueLength = this.#waiting.size;
    return refusalOf(call, { pool, route, maxQueueSize, queueLength }) ?? this.#guard.refusal(call);
  }

  /** Gives it to a worker, or puts it into the queue. */
  #place(job: Job, route: Route): void {
    const any = (): Slot<Job> | undefined => this.#slots.anyFor(job.binding);
    const slot = route === 'own' ? job.binding?.slot : route === 'any' ? any() : undefined;
    if (slot === undefined) this.#enqueue(job);
    else this.#run(slot, job);
  }

  #enqueue(job: Job): void {
    this.#waiting.add(job);
    job.watch(Math.min(this.#parts.queueTimeoutMs, job.deadlineAtMs - this.clock.now()));
  }

  #run(slot: Slot<Job>, job: Job): void {
    this.#slots.occupy(slot);
    this.#counts.inFlight += 1;
    job.begin(slot);
    this.#parts.meter?.began(job, this.clock);
    if (job.binding !== undefined) enter(job.binding, slot, this.#waiting.queue);
    // What watched the wait, if anything, is not later than the end: it is set anew when it rings, which is seldom.
    if (!job.isWatched) job.watch(job.timeoutMs);
    this.#parts.reports?.dispatched(job);
    job.running = slot.connection.begin(job.call, job, job);
  }

  /** Gives a worker what waits for it. */
  #serve(slot: Slot<Job>): void {
    while (this.#slots.hasRoom(slot)) {
      const job = this.#waiting.take(slot);
      if (job === undefined) {
        this.#slots.rest(slot);
        return;
      }
      this.#begin(slot, job);
    }
  }

  /** Gives it nested calls that wait, where calls that wait for Node make room. */
  #serveNested(slot: Slot<Job>): void {
    while (this.#waiting.hasNested && this.#slots.hasRoomForNested(slot)) {
      const job = this.#waiting.takeNested(slot);
      if (job === undefined) return;
      this.#begin(slot, job);
    }
  }

  /** Gives it one that has waited, unless that is over meanwhile. */
  #begin(slot: Slot<Job>, job: Job): void {
    const nowMs = this.clock.now();
    const end = endedMeanwhile(this.#parts.pool, job, nowMs);
    job.timeoutMs = job.deadlineAtMs - nowMs;
    if (end === undefined) this.#run(slot, job);
    else this.cancelled(job, end);
  }

  #retry(job: Job): void {
    this.#counts.inFlight -= 1;
    job.rank = rank.again;
    if (job.pauseMs > 0) {
      this.#waiting.pause(job);
      job.watch(Math.min(job.pauseMs, job.deadlineAtMs - this.clock.now()));
    } else this.#again(job);
  }

  #again(job: Job): void {
    const route = this.#slots.routeOf(job.call);
    const why = this.#refusal ?? this.#guard.refusal(job.call, job.ticket);
    // A session that does not wait does not do so for another attempt either.
    const isNowhere = route === 'lost' || route === 'busy';
    if (job.failure !== undefined && (isNowhere || why !== undefined)) {
      this.#fail(job, why ?? job.failure);
    } else {
      this.#counts.retried += 1;
      this.#parts.reports?.retried(job);
      job.timeoutMs = Math.max(0, job.deadlineAtMs - this.clock.now());
      this.#place(job, route);
    }
    this.#tellIdle();
  }

  #fail(job: Job, error: Error): void {
    this.#counts[outcomeOf(error)] += 1;
    this.#end(job, error);
    job.tell(error, undefined);
  }

  /** Its outcome is about to be told. */
  #end(job: Job, error: Error | undefined): void {
    job.state = 'over';
    job.unwatch();
    this.#parts.meter?.ended(job, this.clock, error);
    this.#parts.watch?.ended(job, error);
    this.#guard.leave(job.ticket, error);
    this.#parts.reports?.ended(job, error);
    job.ignore();
    job.binding?.session.callEnded();
    if (job.slot !== undefined) this.#counts.lingering += 1;
  }

  #tellIdle(): void {
    if (this.#isAccepting) return;
    if (this.#counts.inFlight === 0 && this.#waiting.size === 0) this.#onIdle();
  }
}
