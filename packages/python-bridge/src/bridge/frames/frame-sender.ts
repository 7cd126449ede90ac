import type { Duplex } from 'node:stream';
import type { ToolCall } from '../call-path.ts';
import {
  pieceBytes,
  writeCalls,
  writeCancel,
  writeCloseSession,
  writeCredit,
  writeOpen,
  writeOpenSession,
  writePieceHead,
  writePing,
} from './frame-encoder.ts';
import { JoinedCalls } from './joined-calls.ts';
import { messageHeaderBytes } from './message-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

/** A batch is sent before it has more than this, in bytes, unless one frame alone has. */
const maxBatchBytes = 512 * 1024;

/** Small calls are not joined to more than this, in characters: what is read at once is worked on at once. */
const mostJoined = 64 * 1024;

/**
 * So many small calls of one turn are sent at once, then twice as many, the others when it ends: the worker begins while we
 * go on. Fewer cost both sides more than they win, for by the time it is awake the others are there, too.
 */
const firstSent = 32;

/** Pieces are handed to the socket while it has less than this to write, in bytes: what is small never waits behind more. */
const maxQueuedBytes = 512 * 1024;

/** What a message may need besides its only frame. */
const messageOverhead = 128;

/** Attachments of one call that are on their way. */
interface Lane {
  readonly id: number;
  readonly attachments: readonly Uint8Array[];
  /** Which of them, and how much of that is sent. */
  current: number;
  sent: number;
}

/** Collects frames and writes them to a stream, one message for each turn of the event loop; large attachments in turns. */
export class FrameSender {
  readonly #stream: Duplex;
  readonly #batch = new ProtoWriter();
  /** Those that began first are first in turn. */
  #lanes: Lane[] = [];
  /** Calls that come after what is in the batch; nothing is while the worker has not said that it takes them so. */
  readonly #joined = new JoinedCalls();
  #isJoining = false;
  /** How many small calls this turn has brought, and after how many they are sent. */
  #turnCalls = 0;
  #nextSent = firstSent;
  /** Number of the first call that has not left. */
  #firstUnsent: number | undefined;
  #isFlushDue = false;
  #isOver = false;

  /** @param stream - Where messages go; this listens to its `drain` and to nothing else. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('drain', () => {
      this.#sendPieces();
    });
  }

  /** The worker takes small calls many in a frame. */
  join(): void {
    this.#isJoining = true;
  }

  /** Begins a call. */
  open(id: number, call: ToolCall, timeoutMs: number): void {
    if (this.#isJoining && this.#joined.add(id, call, timeoutMs)) {
      this.#firstUnsent ??= id;
      this.#hasJoined();
      return;
    }
    const batch = this.#begin();
    // Not before: others may have left to make room for it.
    this.#firstUnsent ??= id;
    const following = writeOpen(batch, id, call, timeoutMs);
    if (following.length > 0) {
      // The pieces must not overtake it.
      this.flush();
      this.#lanes.push({ id, attachments: following, current: 0, sent: 0 });
    }
  }

  /** What is left of the attachments of a call is not sent. */
  drop(id: number): void {
    if (this.#lanes.length > 0) this.#lanes = this.#lanes.filter((lane) => lane.id !== id);
  }

  /** Gives a call up, and drops its attachments. */
  cancel(id: number, reason: 'deadline' | 'cancelled'): void {
    this.drop(id);
    writeCancel(this.#begin(), id, reason);
  }

  /** Lets more chunks come. */
  credit(id: number, chunks: number): void {
    writeCredit(this.#begin(), id, chunks);
  }

  /** Tells of a session. */
  openSession(session: string, metadata: Readonly<Record<string, string>>): void {
    writeOpenSession(this.#begin(), session, metadata);
  }

  /** Tells of the end of a session. */
  closeSession(session: string): void {
    writeCloseSession(this.#begin(), session);
  }

  /** Asks for a pong. */
  ping(id: number): void {
    writePing(this.#begin(), id, Date.now());
  }

  /** Whether all of a call has left, as far as we know. */
  hasSent(id: number): boolean {
    // Calls are numbered in order, and from the beginning after the last number.
    if (this.#firstUnsent !== undefined && (id - this.#firstUnsent) >>> 0 < 2 ** 31) return false;
    return this.#lanes.every((lane) => lane.id !== id);
  }

  /** Writes what is collected. */
  flush(): void {
    // What a stream that is broken does not take has not left.
    if (this.#isOver || this.#stream.destroyed) return;
    this.#closeGroup();
    if (this.#batch.length === 0) return;
    this.#stream.write(this.#message());
  }

  /** Nothing can be written any more. */
  close(): void {
    this.#isOver = true;
    this.#lanes = [];
    this.#joined.take();
    this.#batch.take();
  }

  #begin(): ProtoWriter {
    this.#closeGroup();
    if (this.#batch.length > maxBatchBytes) this.flush();
    if (this.#batch.length === 0) this.#batch.gap(messageHeaderBytes);
    this.#flushLater();
    return this.#batch;
  }

  #flushLater(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    // After all that is done in this turn, promises included: then it is known what there is to say.
    process.nextTick(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#isFlushDue = false;
    this.#turnCalls = 0;
    this.#nextSent = firstSent;
    this.flush();
    this.#sendPieces();
  };

  /** One more of the small calls waits to be sent. */
  #hasJoined(): void {
    this.#flushLater();
    this.#turnCalls += 1;
    if (this.#turnCalls === this.#nextSent) {
      this.#nextSent *= 2;
      this.flush();
    } else if (this.#joined.length > mostJoined) this.#closeGroup();
  }

  /** What comes next comes after the small calls. */
  #closeGroup(): void {
    if (this.#joined.length === 0) return;
    const text = this.#joined.take();
    const bytes = Buffer.byteLength(text);
    if (this.#batch.length === 0) {
      this.#batch.reserve(messageHeaderBytes + bytes + messageOverhead);
      this.#batch.gap(messageHeaderBytes);
    }
    writeCalls(this.#batch, text, bytes);
    if (this.#batch.length > maxBatchBytes) this.flush();
  }

  #message(followingBytes = 0): Buffer {
    const message = this.#batch.take();
    this.#firstUnsent = undefined;
    message[0] = 0;
    message.writeUInt32BE(message.length - messageHeaderBytes + followingBytes, 1);
    return message;
  }

  #sendPieces(): void {
    const stream = this.#stream;
    // As in `flush`.
    while (!this.#isOver && !stream.destroyed && stream.writableLength < maxQueuedBytes) {
      const lane = this.#lanes.shift();
      if (lane === undefined) return;
      if (this.#sendPiece(lane)) this.#lanes.push(lane);
    }
  }

  /** Returns whether the lane has more. */
  #sendPiece(lane: Lane): boolean {
    const data = lane.attachments[lane.current];
    if (data === undefined) return false;
    // What was collected for this turn goes along, before the piece.
    this.#closeGroup();
    if (this.#batch.length === 0) this.#batch.gap(messageHeaderBytes);
    const piece = data.subarray(lane.sent, lane.sent + pieceBytes);
    writePieceHead(this.#batch, lane.id, piece.length);
    this.#stream.cork();
    this.#stream.write(this.#message(piece.length));
    this.#stream.write(piece);
    this.#stream.uncork();
    lane.sent += piece.length;
    if (lane.sent === data.length) {
      lane.current += 1;
      lane.sent = 0;
    }
    return lane.current < lane.attachments.length;
  }
}
