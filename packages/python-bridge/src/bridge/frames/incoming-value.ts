import { MalformedFrames } from './malformed-frames.ts';
import type { ReceivedValue } from './frame-decoder.ts';

/** How many bytes of attachments a value has. */
export function attachedBytes({ attachments }: ReceivedValue): number {
  let bytes = 0;
  for (const { data, size } of attachments) bytes += size + data.length;
  return bytes;
}

/** Whether bytes of a value follow in pieces. */
export function isPartial({ attachments }: ReceivedValue): boolean {
  return attachments.some(({ size }) => size > 0);
}

/** The attachments that came with a value. They are copied when they are a small part of what was received with them. */
export function attachmentsOf({ attachments }: ReceivedValue): readonly Buffer[] {
  return attachments.length === 0 ? none : attachments.map(({ data }) => keep(data));
}

/** An attachment up to here gets all its memory with its first piece, in bytes. */
const firstRoomBytes = 16 * 1024 * 1024;
/** A larger one gets so many times as much when what it has is full. */
const growth = 8;

interface Missing {
  readonly place: number;
  readonly size: number;
}

/**
 * A value whose attachments are on their way.
 *
 * Memory is taken as bytes come, not as they are announced: each large piece of it makes V8 collect its whole heap, so that
 * a worker could stop the runtime with announcements alone. A byte is copied once, one of eight of a large attachment twice.
 */
export class IncomingValue {
  /** Its JSON text as UTF-8. */
  readonly json: Buffer;
  /** Its attachments; whole when {@link isComplete}. */
  readonly attachments: readonly Buffer[];
  /** Those that come in pieces, in order. */
  readonly #missing: Missing[] = [];
  readonly #attachments: Buffer[];
  /** Of the one that is coming. */
  #room: Buffer = nothing;
  #filled = 0;

  constructor({ json, attachments }: ReceivedValue) {
    this.json = Buffer.from(json);
    this.#attachments = attachments.map(({ data, size }, place) => {
      if (size > 0) this.#missing.push({ place, size });
      return keep(data);
    });
    this.attachments = this.#attachments;
  }

  /** Whether nothing is missing. */
  get isComplete(): boolean {
    return this.#missing.length === 0;
  }

  /**
   * Takes the next bytes.
   *
   * @throws MalformedFrames for bytes that were not announced, and when there is no memory for them.
   */
  add(data: Buffer): void {
    const next = this.#missing[0];
    const end = this.#filled + data.length;
    if (next === undefined || end > next.size) {
      throw new MalformedFrames('a piece has bytes that were not announced');
    }
    while (end > this.#room.length) this.#grow(next.size);
    data.copy(this.#room, this.#filled);
    this.#filled = end;
    if (end < next.size) return;
    this.#attachments[next.place] = this.#room;
    this.#room = nothing;
    this.#filled = 0;
    this.#missing.shift();
  }

  #grow(size: number): void {
    const wanted = Math.max(firstRoomBytes, this.#room.length * growth);
    const room = allocate(Math.min(size, wanted));
    this.#room.copy(room, 0, 0, this.#filled);
    this.#room = room;
  }
}

const none: readonly Buffer[] = Object.freeze([]);
const nothing: Buffer = Buffer.alloc(0);

/** What a worker announces must never end the runtime. */
function allocate(size: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(size);
  } catch {
    throw new MalformedFrames(`there is no memory for an attachment of ${size} bytes`);
  }
}

function keep(data: Buffer): Buffer {
  return 2 * data.length < data.buffer.byteLength ? Buffer.from(data) : data;
}
