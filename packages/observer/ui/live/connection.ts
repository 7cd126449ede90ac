import { type LiveLine, protocolVersion } from '../../src/protocol.ts';
import type { Api } from './api.ts';
import type { Store } from './store.ts';

/** How the page stands to its server. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly since: number }
  | { readonly state: 'refused'; readonly why: string }
  | { readonly state: 'ended' }
  /** A moment that is over. */
  | { readonly state: 'past'; readonly at: number };

export interface Connection {
  readonly link: () => Link;
  /** The time of the system now, in milliseconds of its clock. */
  readonly clock: () => number;
  readonly subscribe: (listener: () => void) => () => void;
  readonly close: () => void;
}

const WAIT = { first: 250, most: 5_000 };

/**
 * Keeps the store fed: opens the stream, opens it again when it breaks, from where it broke off.
 *
 * Lines are applied as they arrive, also where no frames are painted because the tab is hidden.
 *
 * @param told - Is given each line after it was applied, and how many characters it had.
 */
export function connect(
  api: Api,
  store: Store,
  viewer: string,
  told: (line: LiveLine, length: number) => void,
): Connection {
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let link: Link = { state: 'connecting' };
  let offset = 0;
  const change = (next: Link): void => {
    link = next;
    for (const listener of listeners) listener();
  };
  void keepFollowing({ api, store, viewer, signal: closing.signal }, change, (line, length) => {
    if (line.k === 'hello') {
      const version: number = line.v;
      if (version !== protocolVersion) throw new Refusal(`it speaks version ${version}`);
      offset = line.now - performance.now();
      change({ state: 'live' });
    }
    store.apply(line);
    told(line, length);
  });
  return {
    link: () => link,
    clock: () => (link.state === 'live' ? performance.now() + offset : store.t),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => closing.abort(),
  };
}

interface Stream {
  readonly api: Api;
  readonly store: Store;
  readonly viewer: string;
  readonly signal: AbortSignal;
}

/** Takes a line, and how many characters it had. */
type TakeLine = (line: LiveLine, length: number) => void;

async function keepFollowing(
  stream: Stream,
  change: (link: Link) => void,
  take: TakeLine,
): Promise<void> {
  let since: number | null = null;
  for (let wait = WAIT.first; ; wait = Math.min(wait * 2, WAIT.most)) {
    try {
      await follow(stream, (line, length) => {
        since = null;
        wait = WAIT.first;
        take(line, length);
      });
    } catch (error) {
      if (error instanceof Refusal) {
        change({ state: 'refused', why: error.message });
        return;
      }
    }
    if (stream.signal.aborted) return;
    if (stream.store.bye !== null) {
      change({ state: 'ended' });
      return;
    }
    since ??= Date.now();
    change({ state: 'lost', since });
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Reads one stream to its end. */
async function follow({ api, store, viewer, signal }: Stream, take: TakeLine): Promise<void> {
  const query = new URLSearchParams({ viewer });
  if (store.hello !== null) {
    query.set('since', String(store.seq));
    query.set('epoch', store.hello.epoch);
  }
  const response = await api.open(`/api/live?${query.toString()}`, signal);
  if (response.status === 401) throw new Refusal('the token is not the one of this server');
  if (!response.ok || response.body === null) throw new Error(`refused (${response.status})`);
  for await (const line of linesOf(response.body)) {
    take(JSON.parse(line) as LiveLine, line.length);
  }
}

class Refusal extends Error {}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}
