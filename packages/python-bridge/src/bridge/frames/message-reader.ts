import { MalformedFrames } from './malformed-frames.ts';
import { ProtoReader } from './proto-reader.ts';

/** Before each message stand a zero, for "not compressed", and its length in four bytes, as in gRPC. */
export const messageHeaderBytes = 5;

/** Takes one frame: where it stands. */
export type FrameTaker = (buffer: Buffer, at: number, end: number) => void;

/** The tag of a frame in a batch. */
const frameTag = 0x0a;

/**
 * Finds the frames in a stream of bytes, whose parts come as the socket gives them.
 *
 * A frame is handed on when it is whole, before its message is: what is kept is never more than one frame.
 */
export class MessageReader {
  readonly #take: FrameTaker;
  readonly #maxMessageBytes: number;
  readonly #reader = new ProtoReader();
  /** Bytes that are not read yet, and how many are needed to go on. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #neededBytes = 0;
  /** Bytes that are left of the message that is being read. */
  #messageLeft = 0;

  /**
   * @param take - Takes each frame.
   * @param maxMessageBytes - Longest message.
   */
  constructor(take: FrameTaker, maxMessageBytes: number) {
    this.#take = take;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * Takes the next bytes.
   *
   * @throws MalformedFrames, and then nothing more can be read.
   */
  feed(chunk: Buffer): void {
    if (this.#partBytes === 0) {
      this.#read(chunk);
      return;
    }
    this.#parts.push(chunk);
    this.#partBytes += chunk.length;
    if (this.#partBytes < this.#neededBytes) return;
    // Joined once, when there is enough: a long frame would else be copied with each of its parts.
    const joined = Buffer.concat(this.#parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    this.#read(joined);
  }

  #read(buffer: Buffer): void {
    let at = 0;
    while (at < buffer.length) {
      const next =
        this.#messageLeft === 0 ? this.#readHeader(buffer, at) : this.#readFrame(buffer, at);
      if (next === at) break;
      at = next;
    }
    if (at === buffer.length) return;
    this.#parts.push(at === 0 ? buffer : buffer.subarray(at));
    this.#partBytes = buffer.length - at;
  }

  /** Returns where it went on, or `at` when bytes are missing. */
  #readHeader(buffer: Buffer, at: number): number {
    if (buffer.length - at < messageHeaderBytes) {
      this.#neededBytes = messageHeaderBytes;
      return at;
    }
    if (buffer[at] !== 0) throw new MalformedFrames('a message is compressed');
    const length = buffer.readUInt32BE(at + 1);
    if (length > this.#maxMessageBytes) {
      throw new MalformedFrames(`a message has ${length} bytes`);
    }
    this.#messageLeft = length;
    return at + messageHeaderBytes;
  }

  #readFrame(buffer: Buffer, at: number): number {
    const reader = this.#reader;
    const available = Math.min(buffer.length - at, this.#messageLeft);
    // A tag and a length have ten bytes at most that make sense.
    if (available < 10 && available < this.#messageLeft) {
      this.#neededBytes = Math.min(10, this.#messageLeft);
      return at;
    }
    reader.reset(buffer, at, at + available);
    const tag = reader.varint();
    if (tag !== frameTag) return this.#skipField(buffer, at, tag);
    const length = reader.varint();
    const end = reader.at + length;
    if (end > at + this.#messageLeft) {
      throw new MalformedFrames('a frame is longer than its message');
    }
    if (end > buffer.length) {
      this.#neededBytes = end - at;
      return at;
    }
    this.#messageLeft -= end - at;
    this.#take(buffer, reader.at, end);
    return end;
  }

  /** A field of a batch that only newer workers know. */
  #skipField(buffer: Buffer, at: number, tag: number): number {
    const reader = this.#reader;
    // It is small; a message of which it is part can be waited for.
    if (at + this.#messageLeft > buffer.length) {
      this.#neededBytes = this.#messageLeft;
      return at;
    }
    reader.skip(tag);
    this.#messageLeft -= reader.at - at;
    return reader.at;
  }
}
