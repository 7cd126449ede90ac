import type { CallListener, ToolCall } from '../call-path.ts';
import type { RunningCall } from '../call-path.ts';
import { decodeValue, reviveParsed } from '../codec.ts';
import { bridgeError, type ErrorIds } from '../../errors.ts';
import type { ReceivedValue } from './frame-decoder.ts';
import { attachedBytes, attachmentsOf, IncomingValue, isPartial } from './incoming-value.ts';
import { MalformedFrames } from './malformed-frames.ts';

/** What a call needs of the client that it belongs to. */
export interface FramedCaller {
  /** Most bytes that a value may have. */
  readonly maxValueBytes: number;
  /** Ids of a call, for errors. */
  idsOf(call: ToolCall): ErrorIds;
  /** Tells the worker that the caller has given up. */
  sendCancel(id: number, reason: 'deadline' | 'cancelled'): void;
  /** Lets more chunks come. */
  sendCredit(id: number, chunks: number): void;
  /** Nothing more comes of this one. */
  forget(call: FramedCall): void;
}

/** One call in frames: what its worker says becomes what its listener hears. */
export class FramedCall implements RunningCall {
  /** Its number. */
  readonly id: number;
  readonly #call: ToolCall;
  readonly #listener: CallListener;
  readonly #caller: FramedCaller;
  /** Chunks that may still come. */
  #credit: number;
  #isSettled = false;
  #isReleased = false;
  /** A value whose pieces are on their way, and whether the call is over with it. */
  #incoming: IncomingValue | undefined;
  #isLast = false;

  constructor(id: number, call: ToolCall, listener: CallListener, caller: FramedCaller) {
    this.id = id;
    this.#call = call;
    this.#listener = listener;
    this.#caller = caller;
    this.#credit = call.stream?.credit ?? 0;
  }

  /** Called by the caller. */
  cancel(error: Error): void {
    if (this.#isSettled) return;
    const reason = isTimeout(error) ? 'deadline' : 'cancelled';
    if (!this.#isLast) {
      this.#giveUp(error, reason);
      return;
    }
    // All of its answer but some pieces is here: the worker has let go already, and need not send them.
    this.#caller.sendCancel(this.id, reason);
    this.#end(error, undefined);
  }

  /** Called by the caller. */
  grant(chunks: number): void {
    if (this.#isSettled || this.#isLast) return;
    this.#credit += chunks;
    this.#caller.sendCredit(this.id, chunks);
  }

  /** The worker says how it ended. */
  result(value: ReceivedValue | undefined): void {
    this.#refuseBetweenPieces();
    if (this.#isSettled || value === undefined) this.#end(undefined, undefined);
    else if (!isPartial(value)) this.#endWith(value.json, attachmentsOf(value));
    else if (this.#isTooLarge(value)) this.#end(this.#tooLarge(value), undefined);
    else {
      this.#isLast = true;
      this.#incoming = new IncomingValue(value);
    }
  }

  /** The worker says what came of it, with the results of others: a value that was parsed, and may have markers. */
  answered(parsed: unknown, hasMarkers: boolean): void {
    this.#refuseBetweenPieces();
    if (this.#isSettled || !hasMarkers) this.#end(undefined, parsed);
    else {
      const { error, value } = this.#attempt(() => reviveParsed(parsed, this.ids));
      this.#end(error, value);
    }
  }

  /** The worker says that it failed. */
  failed(error: Error): void {
    this.#refuseBetweenPieces();
    this.#end(error, undefined);
  }

  /** A chunk. */
  chunk(value: ReceivedValue, isFinal: boolean): void {
    this.#refuseBetweenPieces();
    if (this.#isSettled) return;
    const isMark = isFinal && value.json.length === 0 && value.attachments.length === 0;
    if (isMark) return;
    if (this.#credit <= 0) throw new MalformedFrames('a chunk came that was not granted');
    this.#credit -= 1;
    if (!isPartial(value)) this.#tellChunk(value.json, attachmentsOf(value));
    else if (this.#isTooLarge(value)) this.#giveUp(this.#tooLarge(value), 'cancelled');
    else this.#incoming = new IncomingValue(value);
  }

  /** The next bytes of a value. */
  piece(data: Buffer): void {
    const incoming = this.#incoming;
    // Of a value that nobody wants any more.
    if (incoming === undefined) return;
    incoming.add(data);
    if (!incoming.isComplete) return;
    this.#incoming = undefined;
    if (this.#isLast) this.#endWith(incoming.json, incoming.attachments);
    else this.#tellChunk(incoming.json, incoming.attachments);
  }

  /** The stream is lost: nothing more comes. */
  lost(errorFor: (ids: ErrorIds) => Error): void {
    this.#end(errorFor(this.ids), undefined);
  }

  /** Its ids, for errors. */
  get ids(): ErrorIds {
    return this.#caller.idsOf(this.#call);
  }

  #endWith(json: Buffer, attachments: readonly Buffer[]): void {
    let value: unknown;
    try {
      value = decodeValue(json, attachments);
    } catch {
      // Once more for an error with ids, which all others need not put together.
      this.#end(this.#decode(json, attachments).error, undefined);
      return;
    }
    this.#end(undefined, value);
  }

  #tellChunk(json: Buffer, attachments: readonly Buffer[]): void {
    const { error, value } = this.#decode(json, attachments);
    if (error === undefined) this.#listener.chunk?.(value);
    else this.#giveUp(error, 'cancelled');
  }

  #decode(json: Buffer, attachments: readonly Buffer[]): { error?: Error; value?: unknown } {
    return this.#attempt(() => decodeValue(json, attachments, this.ids));
  }

  #attempt(decode: () => unknown): { error?: Error; value?: unknown } {
    try {
      return { value: decode() };
    } catch (error) {
      return { error: error instanceof Error ? error : new TypeError(String(error)) };
    }
  }

  /** The worker still executes it, and will say when it does no more. */
  #giveUp(error: Error, reason: 'deadline' | 'cancelled'): void {
    this.#isSettled = true;
    this.#incoming = undefined;
    this.#caller.sendCancel(this.id, reason);
    this.#listener.settled(error, undefined);
  }

  #end(error: Error | undefined, value: unknown): void {
    // The stream may be lost after it was refused, or while another call is told of that.
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#incoming = undefined;
    this.#caller.forget(this);
    if (!this.#isSettled) {
      this.#isSettled = true;
      this.#listener.settled(error, value);
    }
    this.#listener.released();
  }

  #refuseBetweenPieces(): void {
    if (this.#incoming !== undefined) {
      throw new MalformedFrames('a frame came while pieces of its call were missing');
    }
  }

  #isTooLarge(value: ReceivedValue): boolean {
    return attachedBytes(value) > this.#caller.maxValueBytes;
  }

  #tooLarge(value: ReceivedValue): Error {
    return bridgeError('MESSAGE_TOO_LARGE', {
      ...this.ids,
      what: 'result',
      limitBytes: this.#caller.maxValueBytes,
      reason: `it has ${attachedBytes(value)} bytes`,
    });
  }
}

function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'TIMEOUT';
}
