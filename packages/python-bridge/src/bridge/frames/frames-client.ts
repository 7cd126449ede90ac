import { constants } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { Clock } from '@snakepit/core';
import { bridgeError, type ErrorIds } from '../../errors.ts';
import { Answers } from './answers.ts';
import { CallTable } from './call-table.ts';
import type { CallListener, RunLimits, RunningCall, ToolCall } from '../call-path.ts';
import { decodeException } from '../codec.ts';
import { grpcFailure, isServiceError, statusError } from '../grpc-failure.ts';
import { maxMessageBytes } from '../wire.ts';
import type { PingAnswer, PingLimits, WorkerClient } from '../worker-client.ts';
import { FrameDecoder, type FrameHandler, type ReceivedValue } from './frame-decoder.ts';
import { FrameSender } from './frame-sender.ts';
import { FramedCall, type FramedCaller } from './framed-call.ts';
import { joinedFeature } from './joined-calls.ts';
import { readResults, resultStride } from './joined-results.ts';
import { MalformedFrames } from './malformed-frames.ts';
import { MessageReader } from './message-reader.ts';

/** What a client of frames is made of. */
export interface FramesClientParts {
  /** Messages to and from the worker, each behind five bytes as in gRPC; the client owns it. */
  readonly stream: Duplex;
  /** Pool and worker, for errors. */
  readonly ids?: ErrorIds;
  /** Time. */
  readonly clock: Clock;
  /** Most bytes that the attachments of one value may have; default 2 GiB - 1. */
  readonly maxValueBytes?: number | undefined;
  /** Told once when the stream has ended though nobody closed it here; calls in flight have failed then. */
  readonly onLost?: (error: Error) => void;
}

/** Makes the client of a worker that takes calls in frames. */
export function createFramesClient(parts: FramesClientParts): WorkerClient {
  return new FramesClient(parts);
}

/** Many calls on one stream. */
class FramesClient implements WorkerClient, FramedCaller, FrameHandler {
  readonly maxValueBytes: number;
  readonly #parts: FramesClientParts;
  readonly #stream: Duplex;
  readonly #sender: FrameSender;
  readonly #reader: MessageReader;
  readonly #calls = new CallTable<FramedCall>();
  readonly #pongs: Answers<number, PingAnswer>;
  readonly #hellos: Answers<'hello', undefined>;
  #isGreeted = false;
  /** Why nothing can be sent any more, as a sentence without a subject. */
  #end: string | undefined;

  constructor(parts: FramesClientParts) {
    const { stream, clock, maxValueBytes = 2 ** 31 - 1 } = parts;
    this.#parts = parts;
    this.#stream = stream;
    this.maxValueBytes = Math.min(maxValueBytes, constants.MAX_LENGTH);
    this.#sender = new FrameSender(stream);
    this.#pongs = new Answers(clock);
    this.#hellos = new Answers(clock);
    const decoder = new FrameDecoder(this);
    this.#reader = new MessageReader((buffer, at, end) => {
      decoder.decode(buffer, at, end);
    }, maxMessageBytes);
    this.#listen();
  }

  begin(call: ToolCall, { timeoutMs }: RunLimits, listener: CallListener): RunningCall {
    const id = this.#calls.nextId();
    const framed = new FramedCall(id, call, listener, this);
    this.#calls.add(framed);
    const refusal = this.#end === undefined ? this.#refuse(call) : this.#notSent(call);
    if (refusal === undefined) this.#sender.open(id, call, timeoutMs);
    else queueMicrotask(() => framed.lost(() => refusal));
    return framed;
  }

  openSession(id: string, metadata: Readonly<Record<string, string>>): void {
    if (this.#end === undefined) this.#sender.openSession(id, metadata);
  }

  closeSession(id: string): void {
    if (this.#end === undefined) this.#sender.closeSession(id);
  }

  ping({ deadlineMs = Infinity }: PingLimits = {}): Promise<PingAnswer> {
    if (this.#end !== undefined) {
      return Promise.reject(this.#unavailable(this.#ids, this.#end, false));
    }
    const id = this.#calls.nextId();
    this.#sender.ping(id);
    return this.#pongs.wait(id, deadlineMs, () => this.#late('the call', deadlineMs));
  }

  connected({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    if (this.#end !== undefined) {
      return Promise.reject(this.#unavailable(this.#ids, this.#end, false));
    }
    if (this.#isGreeted) return Promise.resolve();
    return this.#hellos.wait('hello', deadlineMs, () =>
      this.#late('the connection to the worker', deadlineMs),
    );
  }

  close(): void {
    this.#finish('the connection was closed', undefined);
  }

  idsOf({ tool, session }: ToolCall): ErrorIds {
    return { ...this.#parts.ids, tool, session };
  }

  sendCancel(id: number, reason: 'deadline' | 'cancelled'): void {
    if (this.#end === undefined) this.#sender.cancel(id, reason);
  }

  sendCredit(id: number, chunks: number): void {
    if (this.#end === undefined) this.#sender.credit(id, chunks);
  }

  forget(call: FramedCall): void {
    this.#calls.remove(call);
    this.#sender.drop(call.id);
  }

  hello(features: readonly string[]): void {
    this.#isGreeted = true;
    if (features.includes(joinedFeature)) this.#sender.join();
    this.#hellos.give('hello', undefined);
  }

  result(id: number, value: ReceivedValue | undefined): void {
    this.#calls.get(id)?.result(value);
  }

  results(json: Buffer): void {
    const { items, hasMarkers } = readResults(json);
    for (let at = 0; at < items.length; at += resultStride) {
      const id = items[at];
      // Anything else would be made a number of, which fails for some objects and nobody expects.
      if (typeof id !== 'number') throw new MalformedFrames('a joined result has no number');
      this.#calls.get(id)?.answered(items[at + 2], hasMarkers);
    }
  }

  failure(id: number, status: number, details: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const ids = call.ids;
    call.failed(
      status === 0
        ? decodeException(details, ids)
        : grpcFailure(statusError(status, details), { ids, deadlineMs: Infinity }),
    );
  }

  chunk(id: number, value: ReceivedValue, isFinal: boolean): void {
    this.#calls.get(id)?.chunk(value, isFinal);
  }

  pong(id: number, answer: PingAnswer): void {
    this.#pongs.give(id, answer);
  }

  piece(id: number, data: Buffer): void {
    this.#calls.get(id)?.piece(data);
  }

  get #ids(): ErrorIds {
    return this.#parts.ids ?? {};
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#end === undefined) this.#receive(chunk);
    });
    // They stay to the end: a stream that breaks while it is closed tells that, too.
    stream.on('error', (error: Error) => {
      this.#lose(error.message, error);
    });
    const ended = (): void => {
      this.#lose('the worker has closed the connection', undefined);
    };
    stream.on('end', ended);
    stream.on('close', ended);
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      if (!(error instanceof MalformedFrames)) throw error;
      const problem = `it does not keep to the protocol of frames: ${error.message}`;
      this.#lose(problem, bridgeError('PROTOCOL', { ...this.#ids, problem }));
    }
  }

  #lose(reason: string, cause: Error | undefined): void {
    if (this.#end !== undefined) return;
    // First, while its calls are still known, and so that none of them is given to it again.
    this.#parts.onLost?.(cause ?? this.#unavailable(this.#ids, reason, true));
    this.#finish(reason, cause);
  }

  #finish(reason: string, cause: Error | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    for (const call of this.#calls.all()) {
      // What has not left whole was not executed.
      const maybeExecuted = this.#sender.hasSent(call.id);
      call.lost((ids) => this.#unavailable(ids, reason, maybeExecuted, cause));
    }
    this.#sender.close();
    const error = this.#unavailable(this.#ids, reason, true, cause);
    this.#pongs.fail(error);
    // A worker that refuses the stream says why, in the same way as one that refuses a call.
    const facts = { ids: this.#ids, deadlineMs: Infinity };
    this.#hellos.fail(isServiceError(cause) ? grpcFailure(cause, facts) : error);
    this.#stream.destroy();
  }

  /** Arguments that no message can hold are not sent. */
  #refuse(call: ToolCall): Error | undefined {
    const { json, attachments, binary } = call.arguments;
    let texts = 0;
    for (const name in json) texts += json[name]?.length ?? 0;
    let bytes = 0;
    for (const { length } of attachments) bytes += length;
    for (const name in binary) bytes += binary[name]?.length ?? 0;
    // A text takes three times as many bytes as it has characters, at most.
    const isTextTooLarge =
      3 * texts > maxTextBytes && Buffer.byteLength(Object.values(json).join()) > maxTextBytes;
    if (!isTextTooLarge && bytes <= this.maxValueBytes) return undefined;
    return bridgeError('MESSAGE_TOO_LARGE', {
      ...this.idsOf(call),
      what: 'arguments',
      limitBytes: isTextTooLarge ? maxMessageBytes : this.maxValueBytes,
      reason: isTextTooLarge
        ? 'that is for texts; binary data may have more'
        : `they have ${String(bytes)} bytes`,
    });
  }

  #notSent(call: ToolCall): Error {
    return this.#unavailable(this.idsOf(call), this.#end ?? '', false);
  }

  #unavailable(ids: ErrorIds, reason: string, maybeExecuted: boolean, cause?: Error): Error {
    return bridgeError(
      'WORKER_UNAVAILABLE',
      { ...ids, reason, maybeExecuted },
      cause === undefined ? undefined : { cause },
    );
  }

  #late(operation: string, timeoutMs: number): Error {
    const option = 'pools[].startupTimeout';
    return bridgeError('TIMEOUT', { ...this.#ids, operation, timeoutMs, option });
  }
}

/** What the texts of one call may take; the rest of a message is for what is around them. */
const maxTextBytes = maxMessageBytes - 1024 * 1024;
