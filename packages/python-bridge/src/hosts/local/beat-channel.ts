import type { Duplex } from 'node:stream';
import type { WorkerFailedMessage } from '../start-failure.ts';
import type { Pong } from '../worker-host.ts';

/** First message to a worker: where to listen, and the secrets, which are nowhere else. */
export interface HelloMessage {
  /** Secret that calls to the worker must carry. */
  readonly token: string;
  /** `unix:/path` or `tcp:127.0.0.1:0`. */
  readonly listen: string;
  /** Where the worker can call the runtime. */
  readonly bridge: { readonly address: string; readonly token: string } | null;
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
}

/** Messages of a worker. `ignored` is one of a kind that only newer workers know. */
export type BeatMessage =
  | ({ readonly type: 'ready' } & ReadyMessage)
  | ({ readonly type: 'failed' } & WorkerFailedMessage)
  /** Of a launcher: the worker runs, with this process number. */
  | { readonly type: 'spawned'; readonly pid: number }
  | ({ readonly type: 'pong' } & Pong)
  | { readonly type: 'ignored' };

/** A message, or what is wrong with the line. */
export type BeatLine =
  | { readonly ok: true; readonly message: BeatMessage }
  | { readonly ok: false; readonly detail: string };

/** Longest line of the beat channel in bytes, without its end. */
export const MAX_BEAT_BYTES = 64 * 1024;

/** Bytes that may wait for a worker that does not read; further pings are left out. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Who hears what a worker says. */
export interface BeatListener {
  /** Every message of a known kind. */
  onMessage(message: BeatMessage): void;
  /** Once, when the worker says something else; nothing is heard of it afterwards. */
  onBroken(detail: string): void;
}

/** Our end of the beat channel. */
export interface BeatChannel {
  /** Says where to listen; the first message. */
  hello(message: HelloMessage): void;
  /** Asks for a pong. Left out while the worker does not read: then it cannot answer either. */
  ping(seq: number): void;
  /**
   * Asks the worker to finish and end, where the platform has no signal for that.
   *
   * @returns Whether it could be said: not any more when the worker has closed its end.
   */
  stop(): boolean;
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

  hello({ token, listen, bridge }: HelloMessage): void {
    this.#write({ type: 'hello', token, listen, bridge });
  }

  ping(seq: number): void {
    if (this.#stream.writableLength < MAX_UNREAD_BYTES) this.#write({ type: 'ping', seq });
  }

  stop(): boolean {
    this.#write({ type: 'stop' });
    return this.#stream.writable;
  }

  #write(message: object): void {
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify(message)}\n`);
  }
}

/** Makes a function that takes bytes and tells the listener of every line in them. */
export function createBeatDecoder(listener: BeatListener): (chunk: Buffer) => void {
  const decoder = new BeatDecoder(listener);
  return (chunk) => decoder.feed(chunk);
}

class BeatDecoder {
  readonly #listener: BeatListener;
  #rest: Buffer[] = [];
  #length = 0;
  #broken = false;

  constructor(listener: BeatListener) {
    this.#listener = listener;
  }

  feed(chunk: Buffer): void {
    let start = 0;
    while (!this.#broken) {
      const end = chunk.indexOf(10, start);
      const fits = this.#keep(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1 || !fits) return;
      this.#finishLine();
      start = end + 1;
    }
  }

  #keep(bytes: Buffer): boolean {
    // Nothing is mostly what follows a line's end, and as a view it would hold the whole chunk.
    if (bytes.length === 0) return true;
    this.#length += bytes.length;
    if (this.#length > MAX_BEAT_BYTES) {
      this.#breakOff(`a line is longer than ${MAX_BEAT_BYTES} bytes`);
      return false;
    }
    this.#rest.push(bytes);
    return true;
  }

  #finishLine(): void {
    const parsed = parseBeatLine(Buffer.concat(this.#rest, this.#length));
    this.#rest = [];
    this.#length = 0;
    if (parsed.ok) this.#listener.onMessage(parsed.message);
    else this.#breakOff(parsed.detail);
  }

  #breakOff(detail: string): void {
    this.#broken = true;
    this.#rest = [];
    this.#listener.onBroken(detail);
  }
}

/** Parses one line. Objects of an unknown `type` pass: newer workers may say more. */
export function parseBeatLine(line: Buffer): BeatLine {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    return { ok: false, detail: `not JSON in UTF-8: ${preview(line)}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, detail: `not a JSON object: ${preview(line)}` };
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields['type'] !== 'string') {
    return { ok: false, detail: `an object without "type": ${preview(line)}` };
  }
  const message = parseMessage(fields['type'], fields);
  if (message !== undefined) return { ok: true, message };
  return { ok: false, detail: `fields are missing or of the wrong type: ${preview(line)}` };
}

function parseMessage(
  type: string,
  fields: Readonly<Record<string, unknown>>,
): BeatMessage | undefined {
  switch (type) {
    case 'ready':
      return parseReady(fields);
    case 'failed':
      return parseFailed(fields);
    case 'pong':
      return parsePong(fields);
    case 'spawned':
      return isCount(fields['pid']) ? { type: 'spawned', pid: fields['pid'] } : undefined;
    default:
      return { type: 'ignored' };
  }
}

function parseReady(fields: Readonly<Record<string, unknown>>): BeatMessage | undefined {
  const { pid, startTime, address, pythonVersion, lifeline, tools } = fields;
  if (!isCount(pid) || typeof startTime !== 'string') return undefined;
  if (typeof address !== 'string' || typeof pythonVersion !== 'string') return undefined;
  if (typeof lifeline !== 'boolean') return undefined;
  if (!isListOfStrings(tools)) return undefined;
  return { type: 'ready', pid, startTime, address, pythonVersion, lifeline, tools };
}

function parseFailed(fields: Readonly<Record<string, unknown>>): BeatMessage | undefined {
  const { code, message, traceback = null } = fields;
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  if (traceback !== null && typeof traceback !== 'string') return undefined;
  return { type: 'failed', code, message, traceback };
}

function parsePong(fields: Readonly<Record<string, unknown>>): BeatMessage | undefined {
  const { seq, inFlight, loopLagMs, oldestCallMs = 0 } = fields;
  if (!isCount(seq) || !isCount(inFlight)) return undefined;
  if (!isAge(loopLagMs) || !isAge(oldestCallMs)) return undefined;
  return { type: 'pong', seq, inFlight, loopLagMs, oldestCallMs };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isAge(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function preview(line: Buffer): string {
  const text = line.subarray(0, 120).toString('utf8');
  return JSON.stringify(line.length > 120 ? `${text}…` : text);
}
