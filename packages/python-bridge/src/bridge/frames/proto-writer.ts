/** Texts up to here are written in JavaScript, which is faster than the call of a native function. */
const shortText = 40;

/** How many bytes a number takes. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count += 1;
  return count;
}

/** How many bytes a text takes as UTF-8. */
export function textBytes(text: string): number {
  if (text.length > shortText) return Buffer.byteLength(text);
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text);
  }
  return text.length;
}

/** How many bytes a field takes whose content has so many; the tag has one byte. */
export function fieldBytes(contentBytes: number): number {
  return 1 + varintBytes(contentBytes) + contentBytes;
}

/**
 * Writes protobuf fields into a buffer that grows.
 *
 * Lengths come before contents, so they are counted first; nothing is moved afterwards.
 */
export class ProtoWriter {
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** How many bytes are written. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for so many more bytes, at once. */
  reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length, 512));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  /** Gives away what was written, and begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }

  /** Leaves room for what is known later. */
  gap(count: number): void {
    this.reserve(count);
    this.#length += count;
  }

  /** A byte, for which there is room. */
  byte(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  /** A number, for which there is room. */
  varint(value: number): void {
    const buffer = this.#buffer;
    let rest = value;
    while (rest >= 128) {
      buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    buffer[this.#length++] = rest;
  }

  /** Tag and length of a field of bytes, for which there is room. */
  head(tag: number, contentBytes: number): void {
    this.byte(tag);
    this.varint(contentBytes);
  }

  /** A field that is a number; without room, and nothing when it is 0. */
  number(tag: number, value: number): void {
    if (value === 0) return;
    this.byte(tag);
    this.varint(value);
  }

  /** A field that is a text of so many bytes, for which there is room. */
  text(tag: number, text: string, bytes: number): void {
    this.head(tag, bytes);
    this.rawText(text, bytes);
  }

  /** The bytes of a text, for which there is room. */
  rawText(text: string, bytes: number): void {
    const buffer = this.#buffer;
    if (bytes === text.length && bytes <= shortText) {
      for (let at = 0; at < bytes; at++) buffer[this.#length + at] = text.charCodeAt(at);
    } else buffer.write(text, this.#length, bytes, 'utf8');
    this.#length += bytes;
  }

  /** A field that is bytes, for which there is room. */
  data(tag: number, data: Uint8Array): void {
    this.head(tag, data.length);
    this.#buffer.set(data, this.#length);
    this.#length += data.length;
  }
}
