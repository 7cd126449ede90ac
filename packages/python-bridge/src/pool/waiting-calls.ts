import type { Slot } from './affinity.ts';
import type { Job } from './job.ts';
import { NestedCalls } from './nested-calls.ts';
import type { SessionBinding } from './pool-call.ts';
import { CallQueue } from './queue.ts';

/** All calls of a pool that no worker has: in the queue, nested in calls that wait for Node, or pausing. */
export class WaitingCalls {
  /** Those that are not nested. */
  readonly queue = new CallQueue<Job>();
  readonly #nested = new NestedCalls();
  /** Those that wait for the time to be tried again. */
  readonly #pausing = new Set<Job>();

  /** How many there are. */
  get size(): number {
    return this.queue.size + this.#nested.size + this.#pausing.size;
  }

  /** How long the call that has waited longest for a worker has waited, in milliseconds; 0 when none does. */
  oldestWaitMs(nowMs: number): number {
    return Math.max(0, ...this.queue.firsts().map(({ madeAtMs }) => nowMs - madeAtMs));
  }

  /** Whether any is nested. */
  get hasNested(): boolean {
    return this.#nested.size > 0;
  }

  /** Waits for a worker. */
  add(job: Job): void {
    job.state = 'waiting';
    job.call.trace?.queued();
    if (job.call.isNested === true) this.#nested.add(job);
    else this.queue.add(job);
  }

  /** Waits for its time. */
  pause(job: Job): void {
    job.state = 'pausing';
    this.#pausing.add(job);
  }

  /** Leaves, wherever it is. */
  remove(job: Job): void {
    if (this.#pausing.delete(job) || this.#nested.remove(job)) return;
    this.queue.remove(job);
  }

  /** Takes out whose turn it is at a worker. */
  take(slot: Slot<Job>): Job | undefined {
    return this.#nested.take(slot) ?? this.queue.take(slot.lane);
  }

  /** The same, for a place that only nested calls may have. */
  takeNested(slot: Slot<Job>): Job | undefined {
    return this.#nested.take(slot);
  }

  /** Takes out those of a session that wait for a worker. */
  clear(binding: SessionBinding): Job[] {
    return [...this.#nested.drain(binding), ...this.queue.clear(binding.flow)];
  }

  /** Takes out all. */
  drain(): Job[] {
    const pausing = [...this.#pausing];
    this.#pausing.clear();
    return [...pausing, ...this.#nested.drain(), ...this.queue.drain()];
  }
}
