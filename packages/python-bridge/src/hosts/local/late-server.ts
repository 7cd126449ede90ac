import { createDeferred, type Deferred } from '../../deferred.ts';

/** The gRPC server of a worker that makes it when it is told to. */
export class LateServer {
  readonly #tell: () => boolean;
  #asked: Deferred<undefined> | undefined;

  /** @param tell - Tells the worker; whether it could be told. */
  constructor(tell: () => boolean) {
    this.#tell = tell;
  }

  /**
   * Has it listen; it is told once, whoever asks.
   *
   * @throws Error when it cannot, or has ended.
   */
  readonly serve = async (): Promise<void> => {
    const isFirst = this.#asked === undefined;
    const asked = (this.#asked ??= createDeferred<undefined>());
    if (isFirst && !this.#tell()) this.ended();
    await asked.promise;
  };

  /** It listens, unless there is a problem; then it may be asked again. */
  heard(problem: string | undefined): void {
    if (problem === undefined) this.#asked?.resolve(undefined);
    else this.#refuse(problem);
  }

  /** Its worker has ended. */
  ended(): void {
    this.#refuse('the worker has ended');
  }

  #refuse(problem: string): void {
    this.#asked?.reject(new Error(problem));
    this.#asked = undefined;
  }
}
