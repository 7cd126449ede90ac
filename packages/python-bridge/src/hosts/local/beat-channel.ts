import type { Duplex } from 'node:stream';
import type { WorkerFailedMessage } from '../start-failure.ts';
import type { Pong } from '../worker-host.ts';
import {
  createLineParser,
  createMessageDecoder,
  isCount,
  type MessageFields,
  type MessageLine,
  type MessageListener,
} from './message-lines.ts';

/** First message to a worker: where to listen, and the secrets, which are nowhere else. */
export interface HelloMessage {
  /** Secret that calls to the worker must carry. */
  readonly token: string;
  /** `unix:/path` or `tcp:127.0.0.1:0`. */
  readonly listen: string;
  /** Where the worker can call the runtime. */
  readonly bridge: { readonly address: string; readonly token: string } | null;
  /** Most bytes that the attachments of one call may have. */
  readonly maxValueBytes?: number | undefined;
  /** `later` when it need not listen before it is told to serve. */
  readonly server?: 'later' | undefined;
}

/** What a worker says when it serves. */
export interface ReadyMessage {
  /** Its own process number. */
  readonly pid: number;
  /** Its start time; empty where unknown. */
  readonly startTime: string;
  /** Where it listens: `unix:/path` or `127.0.0.1:port`. */
  readonly address: string;
  /** `3.11.7` */
  readonly pythonVersion: string;
  /** Whether the kernel will end it when the runtime dies. */
  readonly lifeline: boolean;
  /** Names of its tools. */
  readonly tools: readonly string[];
  /** Whether its Python has the global lock. */
  readonly gil?: boolean | undefined;
  /** Changes with their interface; absent when a worker of another make cannot describe them. */
  readonly toolsFingerprint?: string | undefined;
  /** What it can besides the original's contract; none when it does not say. */
  readonly features?: readonly string[] | undefined;
  /** Whether it listens already; `false` where it waits to be told so. */
  readonly serving?: boolean | undefined;
  /** In whose name a server of the original is called. */
  readonly session?: string;
}

/** Messages of a worker. `ignored` is one of a kind that only newer workers know. */
export type BeatMessage =
  | ({ readonly type: 'ready' } & ReadyMessage)
  | ({ readonly type: 'failed' } & WorkerFailedMessage)
  /** Of a launcher: the worker runs, with this process number. */
  | { readonly type: 'spawned'; readonly pid: number }
  | ({ readonly type: 'pong' } & Pong)
  /** It listens now, as it was told, unless there is a problem. */
  | { readonly type: 'serving'; readonly problem: string | undefined }
  | { readonly type: 'ignored' };

/** A message, or what is wrong with the line. */
export type BeatLine = MessageLine<BeatMessage>;

/** Longest line of the beat channel in bytes, without its end. */
export const MAX_BEAT_BYTES = 64 * 1024;

/** Bytes that may wait for a worker that does not read; further pings are left out. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Who hears what a worker says; messages of kinds that only newer workers know are `ignored`. */
export type BeatListener = MessageListener<BeatMessage>;

/** Our end of the beat channel. */
export interface BeatChannel {
  /** Says where to listen; the first message. */
  hello(message: HelloMessage): void;
  /** Asks for a pong. Left out while the worker does not read: then it cannot answer either. */
  ping(seq: number): void;
  /**
   * Has a worker listen that waits to be told so.
   *
   * @returns Whether it could be said.
   */
  serve(): boolean;
  /**
   * Asks the worker to finish and end, where the platform has no signal for that.
   *
   * @returns Whether it could be said: not any more when the worker has closed its end.
   */
  stop(): boolean;
  /** Ends the channel; nothing is heard of it any more. */
  close(): void;
}

/**
 * Speaks the beat protocol: one JSON object a line in both directions.
 *
 * Errors of the stream are not reported: its end means that the worker ends, which its exit tells.
 */
export function openBeatChannel(stream: Duplex, listener: BeatListener): BeatChannel {
  return new StreamChannel(stream, listener);
}

class StreamChannel implements BeatChannel {
  readonly #stream: Duplex;

  constructor(stream: Duplex, listener: BeatListener) {
    this.#stream = stream;
    stream.on('data', createBeatDecoder(listener));
    stream.on('error', () => {
      // EPIPE and ECONNRESET: the worker is going.
    });
  }

  hello({ token, listen, bridge, maxValueBytes, server }: HelloMessage): void {
    this.#write({ type: 'hello', token, listen, bridge, maxValueBytes, server });
  }

  serve(): boolean {
    this.#write({ type: 'serve' });
    return this.#stream.writable;
  }

  ping(seq: number): void {
    if (this.#stream.writableLength < MAX_UNREAD_BYTES) this.#write({ type: 'ping', seq });
  }

  stop(): boolean {
    this.#write({ type: 'stop' });
    return this.#stream.writable;
  }

  close(): void {
    this.#stream.destroy();
  }

  #write(message: object): void {
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify(message)}\n`);
  }
}

/** Makes a function that takes bytes and tells the listener of every line in them. */
export function createBeatDecoder(listener: BeatListener): (chunk: Buffer) => void {
  return createMessageDecoder(beatFormat, listener);
}

/** Parses one line. Objects of an unknown `type` pass: newer workers may say more. */
export const parseBeatLine: (line: Buffer) => BeatLine = createLineParser(parseMessage);

const beatFormat = { maxBytes: MAX_BEAT_BYTES, parse: parseBeatLine };

function parseMessage(type: string, fields: MessageFields): BeatMessage | undefined {
  switch (type) {
    case 'ready':
      return parseReady(fields);
    case 'failed':
      return parseFailed(fields);
    case 'pong':
      return parsePong(fields);
    case 'spawned':
      return isCount(fields['pid']) ? { type: 'spawned', pid: fields['pid'] } : undefined;
    case 'serving': {
      const { problem } = fields;
      return { type: 'serving', problem: typeof problem === 'string' ? problem : undefined };
    }
    default:
      return { type: 'ignored' };
  }
}

function parseReady(fields: MessageFields): BeatMessage | undefined {
  const { pid, startTime, address, pythonVersion, lifeline, tools, toolsFingerprint } = fields;
  const { features = [], gil } = fields;
  if (!isCount(pid) || typeof startTime !== 'string') return undefined;
  if (typeof address !== 'string' || typeof pythonVersion !== 'string') return undefined;
  if (typeof lifeline !== 'boolean') return undefined;
  if (!isListOfStrings(tools) || !isListOfStrings(features)) return undefined;
  const said = { pid, startTime, address, pythonVersion, lifeline, tools, features };
  const lock = typeof gil === 'boolean' ? { gil } : {};
  const later = fields['serving'] === false ? { serving: false } : {};
  const ready = { type: 'ready', ...said, ...lock, ...later } as const;
  if (typeof toolsFingerprint !== 'string') return ready;
  return { ...ready, toolsFingerprint: toolsFingerprint.slice(0, 64) };
}

function parseFailed(fields: MessageFields): BeatMessage | undefined {
  const { code, message, traceback = null } = fields;
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  if (traceback !== null && typeof traceback !== 'string') return undefined;
  return { type: 'failed', code, message, traceback };
}

function parsePong(fields: MessageFields): BeatMessage | undefined {
  const { seq, inFlight, loopLagMs, oldestCallMs = 0 } = fields;
  if (!isCount(seq) || !isCount(inFlight)) return undefined;
  if (!isAge(loopLagMs) || !isAge(oldestCallMs)) return undefined;
  return { type: 'pong', seq, inFlight, loopLagMs, oldestCallMs };
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isAge(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
