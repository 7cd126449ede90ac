import { EventEmitter, once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Observer } from './observe.ts';
import type { LiveLine } from './protocol.ts';
import { TableMirror } from './tree/table-mirror.ts';

/** What is answered to a request. */
export interface Answer {
  /** Its status. */
  readonly status: number;
  /** Its headers. */
  readonly headers: IncomingMessage['headers'];
  /** Its body. */
  readonly text: string;
  /** The same as JSON, where it says that it is. */
  readonly json: unknown;
}

/** How a request differs from a plain GET with the token. */
export interface Asking {
  /** Default: POST with a body, else GET. */
  readonly method?: string;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Another token; none when it is there and undefined. */
  readonly token?: string | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of JSON. */
  readonly raw?: string;
}

/** The token of an observer. */
export function tokenOf({ url }: Observer): string {
  return new URLSearchParams(new URL(url).hash.slice(1)).get('token') ?? '';
}

/** Asks the observer something, over a connection of its own. */
export async function ask(observer: Observer, path: string, asking: Asking = {}): Promise<Answer> {
  const response = await open(observer, path, asking);
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += String(piece);
  const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as unknown) : undefined,
  };
}

/** The same, without reading the answer. */
export function open(
  observer: Observer,
  path: string,
  asking: Asking = {},
): Promise<IncomingMessage> {
  const hasBody = asking.body !== undefined || asking.raw !== undefined;
  const { method = hasBody ? 'POST' : 'GET' } = asking;
  const token = 'token' in asking ? asking.token : tokenOf(observer);
  const text = asking.raw ?? (asking.body === undefined ? undefined : JSON.stringify(asking.body));
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...asking.headers,
  };
  const { port } = observer;
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, agent: false, headers };
    request(options, resolve).on('error', reject).end(text);
  });
}

/** One who reads the stream. */
export interface Reader {
  /** What came, oldest first. */
  readonly lines: LiveLine[];
  /** The table that it makes of it. */
  readonly mirror: TableMirror;
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  /** Resolves with what it finds, asked at each piece that comes; fails after 10 s. */
  readonly until: <T>(find: () => T | undefined) => Promise<T>;
  /** Takes nothing any more, until it goes on. */
  readonly stall: () => void;
  /** Takes what came meanwhile. */
  readonly goOn: () => void;
  /** Goes away. */
  readonly leave: () => void;
}

/** Opens the stream and reads it. */
export async function read(
  observer: Observer,
  query = '',
  mirror: TableMirror = new TableMirror(),
): Promise<Reader> {
  const response = await open(observer, `/api/live${query}`);
  if (response.statusCode !== 200) throw new Error(`refused: ${String(response.statusCode)}`);
  const lines: LiveLine[] = [];
  const pieces = new EventEmitter().setMaxListeners(0);
  let rest = '';
  let fault: Error | undefined;
  response.setEncoding('utf8');
  response.on('data', (piece: string) => {
    const parts = `${rest}${piece}`.split('\n');
    rest = parts.pop() ?? '';
    try {
      for (const part of parts) {
        const line = JSON.parse(part) as LiveLine;
        lines.push(line);
        mirror.apply(line);
      }
    } catch (error) {
      fault ??= error as Error;
    }
    pieces.emit('piece');
  });
  // One that was left is of no interest any more.
  response.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => response.on('close', resolve));
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    const signal = AbortSignal.timeout(10_000);
    for (;;) {
      if (fault !== undefined) throw fault;
      const found = find();
      if (found !== undefined) return found;
      await once(pieces, 'piece', { signal }).catch(() => {
        throw new Error(`not seen in 10 s; the last line: ${JSON.stringify(lines.at(-1))}`);
      });
    }
  };
  return {
    lines,
    mirror,
    ended,
    until,
    stall: () => void response.pause(),
    goOn: () => void response.resume(),
    leave: () => void response.destroy(),
  };
}

/** Polls until something is so. */
export async function eventually(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not so after 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
