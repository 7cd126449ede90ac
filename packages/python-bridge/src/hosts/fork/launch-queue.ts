import { createDeferred, type Deferred } from '../../deferred.ts';
import type { WorkerStartError } from '../start-failure.ts';
import type { WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import { launchAborted } from './fork-failures.ts';
import type { RunningServer } from './running-server.ts';

/** Launches that are on their way to a server at a time: five connections each, of which a server takes 64. */
const MAX_ON_THEIR_WAY = 8;

/** A launch that waits for a server, or for its turn. */
interface WaitingLaunch {
  readonly spec: WorkerSpec;
  readonly env: Readonly<Record<string, string>>;
  readonly abort: AbortSignal;
  readonly answer: Deferred<SpawnedWorker>;
  readonly giveUp: () => void;
}

/** Launches in the order in which they came, some of them on their way. One whose server is lost waits again. */
export class LaunchQueue {
  readonly #waiting = new Set<WaitingLaunch>();
  #onTheirWay = 0;
  #server: RunningServer | undefined;
  #closed: ((spec: WorkerSpec) => WorkerStartError) | undefined;

  /** How many wait. */
  get length(): number {
    return this.#waiting.size;
  }

  /** From now on they go to this server; `undefined` has them wait. */
  serve(server: RunningServer | undefined): void {
    this.#server = server;
    this.#send();
  }

  /** Adds one; settles when its process is there, or will never be. */
  add(
    spec: WorkerSpec,
    env: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<SpawnedWorker> {
    const answer = createDeferred<SpawnedWorker>();
    const giveUp = (): void => {
      this.#waiting.delete(waiting);
      answer.reject(launchAborted(spec));
    };
    const waiting: WaitingLaunch = { spec, env, abort, answer, giveUp };
    this.#enter(waiting);
    return answer.promise;
  }

  /** Nobody will serve them any more until it is opened again: all that wait fail, and all that come. */
  close(why: (spec: WorkerSpec) => WorkerStartError): void {
    this.#closed = why;
    this.#server = undefined;
    this.fail(why);
  }

  /** Somebody will serve them. */
  open(): void {
    this.#closed = undefined;
  }

  /** Fails all that wait. */
  fail(why: (spec: WorkerSpec) => WorkerStartError): void {
    for (const waiting of [...this.#waiting]) {
      this.#take(waiting);
      waiting.answer.reject(why(waiting.spec));
    }
  }

  /** For another server: this one is lost, which will be told. */
  #wait(waiting: WaitingLaunch, lost: RunningServer): void {
    if (this.#server === lost) this.#server = undefined;
    this.#enter(waiting);
  }

  #enter(waiting: WaitingLaunch): void {
    if (this.#closed !== undefined) {
      waiting.answer.reject(this.#closed(waiting.spec));
      return;
    }
    if (waiting.abort.aborted) {
      waiting.giveUp();
      return;
    }
    waiting.abort.addEventListener('abort', waiting.giveUp, { once: true });
    this.#waiting.add(waiting);
    this.#send();
  }

  #take(waiting: WaitingLaunch): void {
    this.#waiting.delete(waiting);
    waiting.abort.removeEventListener('abort', waiting.giveUp);
  }

  #send(): void {
    for (const waiting of this.#waiting) {
      if (this.#server === undefined || this.#onTheirWay >= MAX_ON_THEIR_WAY) return;
      this.#take(waiting);
      void this.#launch(this.#server, waiting);
    }
  }

  async #launch(server: RunningServer, waiting: WaitingLaunch): Promise<void> {
    const { spec, env, abort, answer } = waiting;
    this.#onTheirWay += 1;
    try {
      const spawned = await server.launch(spec, env, abort);
      if (spawned === undefined) this.#wait(waiting, server);
      else answer.resolve(spawned);
    } catch (error) {
      answer.reject(error as Error);
    } finally {
      this.#onTheirWay -= 1;
      this.#send();
    }
  }
}
