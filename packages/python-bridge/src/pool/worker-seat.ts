import type { WorkerHandle } from '../hosts/worker-host.ts';
import type { PoolWorkerNews } from '../worker/worker-life.ts';
import { otherPlace, type WorkerPlace } from '../worker/worker-place.ts';
import type { WorkerHistory } from '../worker/worker-history.ts';

/** Whether a worker belongs to its pool: it is to, while the pool grows; it does; it does no more, and finishes its calls. */
export type Membership = 'joining' | 'member' | 'leaving';

/**
 * The seat of one worker in its pool: it keeps its id while its processes come and go, and while one of them is replaced
 * it knows which of the two serves.
 */
export class WorkerSeat {
  /** Id of the worker. */
  readonly workerId: string;
  /** What is remembered of the worker through all its processes. */
  readonly history: WorkerHistory;
  /** Whether it belongs to the pool. */
  membership: Membership;
  /** When its process became ready, by the clock of the system; `undefined` while none serves. */
  servingSinceMs: number | undefined;
  /** Whether its process has executed as many calls as it may. */
  isWorn = false;
  /** Whether its starter was ever asked for: it may be there then, or be coming back, also while it has no name. */
  mayHaveStarter = false;
  /** What its processes were last, those that have ended included: what they printed is of interest then. */
  readonly handles = new Map<WorkerPlace, WorkerHandle>();
  readonly #onNews: (news: PoolWorkerNews & { readonly workerId: string }) => void;
  readonly #now: () => number;
  #place: WorkerPlace = 'first';
  /** The place whose process is being tried: what becomes of it is its replacer's business until it is ready. */
  #tried: WorkerPlace | undefined;

  constructor(parts: {
    readonly workerId: string;
    readonly history: WorkerHistory;
    readonly membership: Membership;
    readonly now: () => number;
    /** Told what its pool should know. */
    readonly onNews: (news: PoolWorkerNews & { readonly workerId: string }) => void;
  }) {
    this.workerId = parts.workerId;
    this.history = parts.history;
    this.membership = parts.membership;
    this.#now = parts.now;
    this.#onNews = parts.onNews;
  }

  /** The place of the process that serves, or of the one that did last. */
  get place(): WorkerPlace {
    return this.#place;
  }

  /** The process in the other place is to take over. */
  try(): void {
    this.#tried = otherPlace(this.#place);
  }

  /** It is over, whether it did or not. */
  endTrial(): void {
    this.#tried = undefined;
  }

  /** A process of this worker tells what has become of it; the pool hears it if it is about the one that serves. */
  hear(place: WorkerPlace, news: PoolWorkerNews): void {
    switch (news.type) {
      case 'worker.ready':
        if (this.#place !== place || this.servingSinceMs === undefined) {
          this.servingSinceMs = this.#now();
          this.isWorn = false;
        }
        this.#place = place;
        // From now on the pool is to hear of it.
        if (this.#tried === place) this.#tried = undefined;
        break;
      case 'worker.down':
        if (this.#place !== place) return;
        this.servingSinceMs = undefined;
        break;
      case 'worker.failed':
        if (this.#tried === place) return;
        // Another has taken over already.
        if (this.#place !== place && this.servingSinceMs !== undefined) return;
        break;
    }
    this.#onNews({ ...news, workerId: this.workerId });
  }
}
