import { MalformedFrames } from './malformed-frames.ts';

/** Kinds of encoding that the fields of a protobuf message have. */
const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Reads protobuf fields from a part of a buffer.
 *
 * It makes no objects: a reader is moved from message to message, which is what a call of 20 µs can afford.
 */
export class ProtoReader {
  /** What is read. */
  buffer: Buffer = Buffer.alloc(0);
  /** Where the next byte stands. */
  at = 0;
  /** Where the message ends. */
  end = 0;

  /** Moves to another part of another buffer. */
  reset(buffer: Buffer, at: number, end: number): void {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  /** Whether fields are left. */
  get hasMore(): boolean {
    return this.at < this.end;
  }

  /** A number; what is beyond 2**53 is not exact. */
  varint(): number {
    const { buffer } = this;
    let at = this.at;
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      if (at >= this.end) break;
      const byte = buffer[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
      factor *= 128;
    }
    throw new MalformedFrames('a number has no end');
  }

  /** Moves over the length of a field of bytes; returns where those end. */
  bytes(): number {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.end) throw new MalformedFrames('a field is longer than its message');
    return end;
  }

  /** Text. */
  text(): string {
    const end = this.bytes();
    const text = this.buffer.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  /** Bytes, as a view. */
  view(): Buffer {
    const end = this.bytes();
    const view = this.buffer.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** A number of 64 bits with a fraction. */
  double(): number {
    this.#require(8);
    const value = this.buffer.readDoubleLE(this.at);
    this.at += 8;
    return value;
  }

  /** Moves over the value of a field that is not known. */
  skip(tag: number): void {
    switch (tag & 7) {
      case wireType.varint:
        this.varint();
        return;
      case wireType.fixed64:
        this.#require(8);
        this.at += 8;
        return;
      case wireType.bytes:
        this.at = this.bytes();
        return;
      case wireType.fixed32:
        this.#require(4);
        this.at += 4;
        return;
      default:
        throw new MalformedFrames(`a field has the unknown encoding ${String(tag & 7)}`);
    }
  }

  #require(count: number): void {
    if (this.at + count > this.end) throw new MalformedFrames('a field is longer than its message');
  }
}
