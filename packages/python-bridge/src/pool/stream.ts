import { isSnakepitError } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { withCallerFrames } from './caller-frames.ts';
import type { ChunkTaker, PendingCall } from './pool-call.ts';

/**
 * What a tool yields, one after the other.
 *
 * It begins with the first `next()`, so one that nobody reads costs nothing. Leaving the loop, by `break`, `return` or an
 * error, ends the tool in Python; so does the end of its time. It can be read once, by one reader.
 */
export interface ToolStream<T>
  extends AsyncIterableIterator<T, undefined, undefined>, AsyncDisposable {
  /** The next chunk; waits until there is one. Rejects once with what went wrong, and then it is at its end. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Gives the stream up: the tool is cancelled, chunks that have come are dropped. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** The same, for whoever has met an error; rejects with that. */
  throw(error?: unknown): Promise<IteratorResult<T, undefined>>;
  /** {@link ToolStream.return}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Itself. @throws SnakepitError INVALID_ARGUMENT the second time. */
  [Symbol.asyncIterator](): ToolStream<T>;
}

/** What a stream is made of. */
export interface StreamParts {
  /** Name of the tool, for errors. */
  readonly tool: string;
  /** How many chunks may have come and not been read. */
  readonly highWaterMark: number;
  /** Makes the call. */
  readonly open: (taker: ChunkTaker) => PendingCall;
}

/** Makes the stream of one call; the call is made when somebody reads. */
export function createStream<T>(parts: StreamParts): ToolStream<T> {
  return new ChunkStream<T>(parts);
}

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/** Not begun, being read, or over. */
type Phase = 'new' | 'open' | 'over';

class ChunkStream<T> implements ToolStream<T>, ChunkTaker {
  readonly #parts: StreamParts;
  /** Chunks that nobody has read: never more than the high-water mark. */
  #chunks: T[] = [];
  /** Chunks that were read and that the worker does not know of yet. */
  #ungranted = 0;
  #readers: Reader<T>[] = [];
  #phase: Phase = 'new';
  #error: Error | undefined;
  #call: PendingCall | undefined;
  #isTaken = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): ToolStream<T> {
    if (this.#isTaken) {
      throw bridgeError('INVALID_ARGUMENT', {
        tool: this.#parts.tool,
        path: 'the stream',
        problem: 'has a reader already',
        advice: 'call stream() once for each reader.',
      });
    }
    this.#isTaken = true;
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#chunks.length > 0) return Promise.resolve(this.#shift());
    return this.#wait();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    // Whatever it is: it is the caller's own.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    return Promise.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  chunk(value: unknown): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#chunks.push(value as T);
    else {
      this.#grant();
      reader.resolve({ done: false, value: value as T });
    }
  }

  ended(error: Error | undefined): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#error = error;
    this.#call = undefined;
    // What was given up is not read to its end first.
    if (error !== undefined && isGivenUp(error)) this.#chunks = [];
    for (const reader of this.#readers.splice(0)) {
      void this.#end().then(reader.resolve, reader.reject);
    }
  }

  async #wait(): Promise<IteratorResult<T, undefined>> {
    try {
      return await (this.#phase === 'over' ? this.#end() : this.#read());
    } catch (error) {
      throw withCallerFrames(error);
    }
  }

  #read(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (this.#phase !== 'new') return;
      this.#phase = 'open';
      this.#call = this.#parts.open(this);
    });
  }

  #shift(): IteratorResult<T, undefined> {
    const value = this.#chunks.shift() as T;
    this.#grant();
    return { done: false, value };
  }

  /** Told in halves of the mark: seldom enough to cost little, and before the worker has to stop. */
  #grant(): void {
    this.#ungranted += 1;
    if (this.#ungranted * 2 < this.#parts.highWaterMark) return;
    this.#call?.grant(this.#ungranted);
    this.#ungranted = 0;
  }

  #end(): Promise<IteratorResult<T, undefined>> {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error);
    return Promise.resolve({ done: true, value: undefined });
  }

  #leave(): void {
    const call = this.#call;
    const error = bridgeError('CANCELLED', { tool: this.#parts.tool });
    this.ended(undefined);
    this.#error = undefined;
    this.#chunks = [];
    call?.cancel(error);
  }
}

function isGivenUp(error: Error): boolean {
  return isSnakepitError(error) && (error.code === 'CANCELLED' || error.code === 'TIMEOUT');
}
