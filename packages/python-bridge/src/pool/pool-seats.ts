import type { WorkerHistory } from '../worker/worker-history.ts';
import type { PoolWorkerNews } from '../worker/worker-life.ts';
import { WorkerSeat, type Membership } from './worker-seat.ts';

/** What the seats of a pool are made of. */
export interface PoolSeatsParts {
  /** Name of the pool. */
  readonly pool: string;
  /** How many workers it has to begin with. */
  readonly size: number;
  /** Makes what is remembered of a worker. */
  readonly historyFor: (workerId: string) => WorkerHistory;
  /** The clock of the system, in milliseconds. */
  readonly now: () => number;
  /** Told what becomes of the workers. */
  readonly onNews: (news: PoolWorkerNews & { readonly workerId: string }) => void;
}

/**
 * The workers of a pool. A new one takes the lowest number that is free, so that ids stay few and mean something however
 * often the pool grows and shrinks.
 */
export class PoolSeats {
  readonly #parts: PoolSeatsParts;
  readonly #seats = new Map<string, WorkerSeat>();
  /** All lower numbers are taken. */
  #lowestFree = 1;

  constructor(parts: PoolSeatsParts) {
    this.#parts = parts;
    for (let i = 0; i < parts.size; i++) this.add('member');
  }

  /** All seats, one after the other. */
  [Symbol.iterator](): IterableIterator<WorkerSeat> {
    return this.#seats.values();
  }

  /** How many seats there are. */
  get count(): number {
    return this.#seats.size;
  }

  /** Ids of all workers, those that come and those that leave included. */
  get ids(): readonly string[] {
    return [...this.#seats.keys()];
  }

  /** All seats. */
  get all(): readonly WorkerSeat[] {
    return [...this.#seats.values()];
  }

  /** Those that belong to the pool. */
  get members(): readonly WorkerSeat[] {
    return this.all.filter(({ membership }) => membership === 'member');
  }

  /** Those that are to be started when the pool is. */
  get wanted(): readonly WorkerSeat[] {
    return this.all.filter(({ membership }) => membership !== 'leaving');
  }

  /** The seat of one worker. */
  get(workerId: string): WorkerSeat | undefined {
    return this.#seats.get(workerId);
  }

  /** One more. */
  add(membership: Membership): WorkerSeat {
    const { historyFor, now, onNews } = this.#parts;
    while (this.#seats.has(this.#idOf(this.#lowestFree))) this.#lowestFree += 1;
    const workerId = this.#idOf(this.#lowestFree);
    const history = historyFor(workerId);
    const seat = new WorkerSeat({ workerId, history, membership, now, onNews });
    this.#seats.set(workerId, seat);
    return seat;
  }

  /** It is gone. */
  remove(workerId: string): void {
    if (this.#seats.delete(workerId)) this.#lowestFree = 1;
  }

  #idOf(number: number): string {
    return `${this.#parts.pool}_worker_${number}`;
  }
}

/** Of so many workers one may be away or be replaced at a time, as at Kubernetes' default; but always one. */
const oneIn = 4;

/** How many workers of a pool may be restarted or replaced at the same time. */
export function batchSizeFor(size: number, startupBatchSize: number): number {
  return Math.max(1, Math.min(Math.floor(size / oneIn), startupBatchSize));
}
