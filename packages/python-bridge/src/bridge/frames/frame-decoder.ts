import type { PingAnswer, WorkerStatistics } from '../worker-client.ts';
import { MalformedFrames } from './malformed-frames.ts';
import { ProtoReader } from './proto-reader.ts';

/** An attachment as it was announced: its bytes, or how many of them follow in pieces. */
export interface AnnouncedAttachment {
  /** All its bytes; a view of what was received. */
  readonly data: Buffer;
  /** How many follow; 0 when all are here. */
  readonly size: number;
}

/** A value as it comes. */
export interface ReceivedValue {
  /** Its JSON text as UTF-8; a view of what was received. */
  readonly json: Buffer;
  /** The bytes beside it. */
  readonly attachments: readonly AnnouncedAttachment[];
}

/** Hears the frames of a worker, in order. */
export interface FrameHandler {
  /** Its first frame. */
  hello(features: readonly string[]): void;
  /** The end of a call that succeeded; a stream has no value there. */
  result(call: number, value: ReceivedValue | undefined): void;
  /** The ends of calls that succeeded: a JSON array as UTF-8, a view of what was received. */
  results(json: Buffer): void;
  /** The end of a call that failed. */
  failure(call: number, status: number, details: string): void;
  /** A chunk of a stream. */
  chunk(call: number, value: ReceivedValue, isFinal: boolean): void;
  /** The answer to a ping. */
  pong(call: number, answer: PingAnswer): void;
  /** The next bytes of an attachment; a view of what was received. */
  piece(call: number, data: Buffer): void;
}

/** Tags that our decoder knows: number of the field, and its encoding. */
const tag = {
  call: 0x08,
  hello: 0x12,
  result: 0x4a,
  failure: 0x52,
  chunk: 0x5a,
  pong: 0x62,
  piece: 0x6a,
  results: 0x7a,
} as const;

const nothing: Buffer = Buffer.alloc(0);
const noAttachments: readonly AnnouncedAttachment[] = Object.freeze([]);

/** Decodes frames one by one, and hands them to a handler. */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  readonly #reader = new ProtoReader();

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /**
   * Decodes one frame.
   *
   * @param buffer - Where it stands, from `at` to `end`.
   * @throws MalformedFrames
   */
  decode(buffer: Buffer, at: number, end: number): void {
    const reader = this.#reader;
    reader.reset(buffer, at, end);
    let call = 0;
    let kind = 0;
    let kindAt = 0;
    let kindEnd = 0;
    while (reader.hasMore) {
      const next = reader.varint();
      if (next === tag.call) call = reader.varint();
      else if ((next & 7) === 2) {
        kind = next;
        kindEnd = reader.bytes();
        kindAt = reader.at;
        reader.at = kindEnd;
      } else reader.skip(next);
    }
    reader.at = kindAt;
    reader.end = kindEnd;
    this.#hand(kind, call, reader);
  }

  #hand(kind: number, call: number, reader: ProtoReader): void {
    switch (kind) {
      case tag.result:
        this.#handler.result(call, readResult(reader));
        return;
      case tag.results:
        this.#handler.results(reader.buffer.subarray(reader.at, reader.end));
        return;
      case tag.chunk:
        this.#chunk(call, reader);
        return;
      case tag.piece:
        this.#handler.piece(call, readPiece(reader));
        return;
      case tag.failure:
        this.#failure(call, reader);
        return;
      case tag.pong:
        this.#handler.pong(call, readPong(reader));
        return;
      case tag.hello:
        this.#handler.hello(readFeatures(reader));
        return;
      default:
      // Said by a newer worker, which works without our answer.
    }
  }

  #chunk(call: number, reader: ProtoReader): void {
    let value: ReceivedValue = { json: nothing, attachments: noAttachments };
    let isFinal = false;
    while (reader.hasMore) {
      const next = reader.varint();
      if (next === 0x0a) value = readValue(reader);
      else if (next === 0x10) isFinal = reader.varint() !== 0;
      else reader.skip(next);
    }
    this.#handler.chunk(call, value, isFinal);
  }

  #failure(call: number, reader: ProtoReader): void {
    let status = 0;
    let details = '';
    while (reader.hasMore) {
      const next = reader.varint();
      if (next === 0x08) status = reader.varint();
      else if (next === 0x12) details = reader.text();
      else reader.skip(next);
    }
    this.#handler.failure(call, status, details);
  }
}

function readResult(reader: ProtoReader): ReceivedValue | undefined {
  let value: ReceivedValue | undefined;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) value = readValue(reader);
    else reader.skip(next);
  }
  return value;
}

function readValue(reader: ProtoReader): ReceivedValue {
  const outerEnd = reader.end;
  reader.end = reader.bytes();
  let json: Buffer = nothing;
  let attachments: AnnouncedAttachment[] | undefined;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) json = reader.view();
    else if (next === 0x12) (attachments ??= []).push(readAttachment(reader));
    else reader.skip(next);
  }
  reader.end = outerEnd;
  return { json, attachments: attachments ?? noAttachments };
}

function readAttachment(reader: ProtoReader): AnnouncedAttachment {
  const outerEnd = reader.end;
  reader.end = reader.bytes();
  let data: Buffer = nothing;
  let size = 0;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) data = reader.view();
    else if (next === 0x10) size = reader.varint();
    else reader.skip(next);
  }
  reader.end = outerEnd;
  if (data.length === 0) return { data, size };
  if (size !== 0 && size !== data.length) {
    throw new MalformedFrames(`an attachment of ${String(size)} bytes brings ${data.length}`);
  }
  return { data, size: 0 };
}

function readPiece(reader: ProtoReader): Buffer {
  let data: Buffer = nothing;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) data = reader.view();
    else reader.skip(next);
  }
  return data;
}

function readFeatures(reader: ProtoReader): string[] {
  const features: string[] = [];
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) features.push(reader.text());
    else reader.skip(next);
  }
  return features;
}

function readPong(reader: ProtoReader): PingAnswer {
  let message = '';
  let serverTimeMs = 0;
  let success = true;
  let statistics: WorkerStatistics | undefined;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x0a) message = reader.text();
    else if (next === 0x12) serverTimeMs = readTime(reader);
    else if (next === 0x18) success = reader.varint() !== 0;
    else if (next === 0x22) statistics = readStatistics(reader);
    else reader.skip(next);
  }
  return { message, serverTimeMs, success, statistics };
}

function readTime(reader: ProtoReader): number {
  const outerEnd = reader.end;
  reader.end = reader.bytes();
  let ms = 0;
  while (reader.hasMore) {
    const next = reader.varint();
    if (next === 0x08) ms += reader.varint() * 1000;
    else if (next === 0x10) ms += reader.varint() / 1e6;
    else reader.skip(next);
  }
  reader.end = outerEnd;
  return ms;
}

function readStatistics(reader: ProtoReader): WorkerStatistics {
  const outerEnd = reader.end;
  reader.end = reader.bytes();
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  while (reader.hasMore) {
    const next = reader.varint();
    const field = next >>> 3;
    if (field >= 1 && field <= 5 && (next & 7) === 0) counts[field] = reader.varint();
    else if ((field === 6 || field === 7) && (next & 7) === 1) counts[field] = reader.double();
    else reader.skip(next);
  }
  reader.end = outerEnd;
  const [, inFlight = 0, served = 0, failed = 0, uptimeMs = 0, oldestCallMs = 0] = counts;
  const [loopLagMs = 0, delayMs = 0] = counts.slice(6);
  return { inFlight, served, failed, uptimeMs, oldestCallMs, loopLagMs, delayMs };
}
