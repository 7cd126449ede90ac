import type { Slot } from './affinity.ts';
import type { Job } from './job.ts';
import type { SessionBinding } from './pool-call.ts';

/**
 * Calls that are made while Python waits for Node, and have found no place. They go before all others: whoever waits for
 * them holds a place itself.
 */
export class NestedCalls {
  readonly #waiting = new Set<Job>();

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Comes last. */
  add(job: Job): void {
    this.#waiting.add(job);
  }

  /** Leaves; whether it was there. */
  remove(job: Job): boolean {
    return this.#waiting.delete(job);
  }

  /** Takes out the first that may go to this worker. */
  take(slot: Slot<Job>): Job | undefined {
    for (const job of this.#waiting) {
      if (!mayGoTo(job.binding, slot)) continue;
      this.#waiting.delete(job);
      return job;
    }
    return undefined;
  }

  /** Takes out all, or those of one session. */
  drain(binding?: SessionBinding): Job[] {
    const found = [...this.#waiting].filter(
      (job) => binding === undefined || job.binding === binding,
    );
    for (const job of found) this.#waiting.delete(job);
    return found;
  }
}

function mayGoTo(binding: SessionBinding | undefined, slot: Slot<Job>): boolean {
  if (binding?.slot === undefined || binding.session.affinity === 'hint') return true;
  return binding.slot === slot;
}
