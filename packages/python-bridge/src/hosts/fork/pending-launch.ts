import { createDeferred, type Deferred } from '../../deferred.ts';
import type { WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import { closeChannels, type ForkChannels } from './fork-channels.ts';
import { launchAborted } from './fork-failures.ts';

/** How long a server may take to answer that a launch is cancelled, in milliseconds. */
const CANCEL_MS = 1_000;

/** A launch on its way: from its first connection until the server has answered, or nobody waits for that any more. */
export class PendingLaunch {
  /** Number of the launch. */
  readonly launch: number;
  /** What is launched. */
  readonly spec: WorkerSpec;
  /** Its connections, once all are open. */
  channels: ForkChannels | undefined;
  readonly #answer: Deferred<SpawnedWorker | undefined> = createDeferred();
  readonly #failed = new AbortController();
  readonly #abort: AbortSignal;
  readonly #cancel: () => void;
  #patience: NodeJS.Timeout | undefined;

  /**
   * @param abort - Of who wants it.
   * @param cancel - Tells the server that it is not wanted any more.
   */
  constructor(launch: number, spec: WorkerSpec, abort: AbortSignal, cancel: () => void) {
    this.launch = launch;
    this.spec = spec;
    this.#abort = abort;
    this.#cancel = cancel;
    abort.addEventListener('abort', this.#giveUp, { once: true });
    if (abort.aborted) this.#giveUp();
  }

  /** Aborted when it has failed: nothing is to be done for it any more. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** The worker, `undefined` when the server was lost meanwhile, or why there is none. */
  get answer(): Promise<SpawnedWorker | undefined> {
    return this.#answer.promise;
  }

  /** There is a process. */
  fulfil(spawned: SpawnedWorker): void {
    this.#answer.resolve(spawned);
  }

  /** There is none, or none that anybody waits for. */
  fail(error: Error): void {
    this.#answer.reject(error);
    this.#failed.abort(error);
  }

  /** Its server is lost, and nobody else is to blame: whatever it may have forked, or still forks, dies of its connections. */
  lose(): void {
    this.#answer.resolve(undefined);
    this.#failed.abort(new Error('the fork server is lost'));
  }

  /** Closes its connections: there is no worker, or none that is wanted. */
  close(): void {
    if (this.channels !== undefined) closeChannels(this.channels);
  }

  /** It is over. */
  release(): void {
    clearTimeout(this.#patience);
    this.#abort.removeEventListener('abort', this.#giveUp);
  }

  readonly #giveUp = (): void => {
    const aborted = (): void => this.fail(launchAborted(this.spec));
    if (this.channels === undefined) {
      aborted();
      return;
    }
    // It may be forked already: the answer tells, and until then nobody may say that nothing is left of it.
    this.#cancel();
    this.#patience = setTimeout(aborted, CANCEL_MS);
  };
}
