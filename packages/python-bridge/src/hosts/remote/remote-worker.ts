import type { WorkerClient } from '../../bridge/worker-client.ts';
import { createDeferred } from '../../deferred.ts';
import { createBroadcast } from '../local/broadcast.ts';
import type {
  ExitStatus,
  OutputLine,
  Pong,
  WorkerBeats,
  WorkerHandle,
  WorkerReady,
  WorkerRef,
} from '../worker-host.ts';

/** Questions for a sign of life that may be on their way; further ones are left out. */
const maxUnanswered = 8;
/** How long a worker is asked, in milliseconds: what is answered later is no sign of life. */
const answerMs = 60_000;
/** Its own clock may go a little slower than it tells. */
const tolerableUptimeMs = 1_000;

/** What a {@link RemoteWorker} is made of. */
export interface RemoteWorkerParts {
  /** Which worker, which connection to it, where. */
  readonly ref: WorkerRef;
  /** What it says of itself. */
  readonly ready: WorkerReady;
  /** For signs of life; closed with the worker. */
  readonly client: WorkerClient;
  /** How long it ran when it was connected to, in milliseconds. */
  readonly uptimeMs: number;
  /** Hears of its end, in the same turn. */
  readonly onEnd: () => void;
}

/**
 * A connection to a worker that others start: what ends is the connection, never the worker.
 *
 * Its end is judged by whoever asks it for signs of life, who then signals it; or it is another process that answers.
 */
export class RemoteWorker implements WorkerHandle {
  readonly ref: WorkerRef;
  // Numbers of another machine's processes mean something else here.
  readonly pid = undefined;
  readonly startTime = '';
  readonly ready: Promise<WorkerReady>;
  readonly exited: Promise<ExitStatus>;
  readonly cleaned: Promise<void>;
  readonly beats: WorkerBeats;
  readonly calls = undefined;
  readonly #onEnd: () => void;
  readonly #client: WorkerClient;
  readonly #exited = createDeferred<ExitStatus>();
  readonly #listeners = new Set<(pong: Pong) => void>();
  #uptimeMs: number;
  #unanswered = 0;
  #isOver = false;

  constructor({ ref, ready, client, uptimeMs, onEnd }: RemoteWorkerParts) {
    this.ref = ref;
    this.#onEnd = onEnd;
    this.ready = Promise.resolve(ready);
    this.#client = client;
    this.#uptimeMs = uptimeMs;
    this.exited = this.#exited.promise;
    this.cleaned = this.exited.then(() => undefined);
    this.beats = {
      ping: (seq) => {
        this.#ping(seq);
      },
      onPong: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }

  /** Nothing has to be cleaned up. */
  get cleanupMs(): number | undefined {
    return this.#isOver ? 0 : undefined;
  }

  /** Signals nobody, for the worker is not ours to end: the connection ends, whichever signal it is. */
  signal(): Promise<void> {
    this.end({ kind: 'hostLost', confirmed: false });
    return Promise.resolve();
  }

  /** What it prints is read where it was started. */
  output(): AsyncIterable<OutputLine> {
    const nothing = createBroadcast<OutputLine>(1);
    nothing.close();
    return nothing.subscribe();
  }

  /** Nothing is heard of what it prints. */
  lastOutput(): readonly OutputLine[] {
    return [];
  }

  /** Ends the connection. */
  end(status: ExitStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listeners.clear();
    this.#client.close();
    this.#onEnd();
    this.#exited.resolve(status);
  }

  #ping(seq: number): void {
    if (this.#isOver || this.#unanswered >= maxUnanswered) return;
    this.#unanswered += 1;
    this.#client.ping({ deadlineMs: answerMs }).then(
      ({ statistics }) => {
        this.#unanswered -= 1;
        if (this.#isOver || statistics === undefined) return;
        const { uptimeMs, inFlight, loopLagMs, oldestCallMs } = statistics;
        // Its sessions are gone, and its tools may be others.
        if (uptimeMs < this.#uptimeMs - tolerableUptimeMs) {
          const detail = 'another process answers at its address';
          this.end({ kind: 'unknown', detail });
          return;
        }
        this.#uptimeMs = Math.max(this.#uptimeMs, uptimeMs);
        for (const listener of this.#listeners) {
          listener({ seq, inFlight, loopLagMs, oldestCallMs });
        }
      },
      () => {
        // A ping that fails is one without an answer.
        this.#unanswered -= 1;
      },
    );
  }
}
