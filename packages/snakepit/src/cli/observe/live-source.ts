import type * as ObserverPackage from '@snakepit/observer';
import type {
  ActorAnswer,
  HelloLine,
  LifeRecord,
  LiveLine,
  PanelsAnswer,
  RunningObserver,
  TurnsAnswer,
} from '@snakepit/observer';
import { storyOf, type Interest, type ViewedSystem, type ViewSource } from './viewed-system.ts';

/** Life records that are kept. */
const mostLife = 1_000;
/** How long an answer is waited for, in milliseconds. */
const patienceMs = 5_000;
/** Pauses before the next try to connect, in milliseconds: the first, and the longest. */
const pauses = { first: 250, longest: 5_000 };

/** A source that follows a running system. */
export interface LiveSource extends ViewSource {
  /**
   * Resolves when the whole tree is there.
   *
   * @throws Error when it refuses, or does not answer.
   */
  readonly ready: Promise<void>;
}

/** Follows a running system until it is closed; comes back by itself when the connection is lost. */
export function followSystem(
  observer: RunningObserver,
  { TableMirror }: Pick<typeof ObserverPackage, 'TableMirror'>,
): LiveSource {
  const address = new URL(observer.url);
  const own = new AbortController();
  const followed = new Followed(new TableMirror(), address.origin);
  const get = async (path: string, signal?: AbortSignal): Promise<Response> => {
    const headers = { authorization: `Bearer ${address.hash.replace('#token=', '')}` };
    return fetch(`${address.origin}${path}`, {
      headers,
      signal: signal ?? AbortSignal.any([own.signal, AbortSignal.timeout(patienceMs)]),
      redirect: 'error',
    });
  };
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${String(patienceMs)} ms`));
    }, patienceMs);
    const take = (line: LiveLine): void => {
      followed.take(line);
      if (line.k !== 'snap') return;
      clearTimeout(timer);
      resolve();
    };
    void follow(followed, get, take, own.signal).catch((error: unknown) => {
      followed.connection = error instanceof Error ? error.message : String(error);
      clearTimeout(timer);
      reject(new Error(followed.connection, { cause: error }));
    });
  });
  // Who only closes it does not wait for it.
  ready.catch(() => undefined);
  const json = async <T>(path: string): Promise<T | undefined> => {
    try {
      const response = await get(path);
      return response.ok ? ((await response.json()) as T) : undefined;
    } catch {
      // It went away; the stream says so.
      return undefined;
    }
  };
  return {
    ready,
    system: () => followed.system(),
    refresh: (interest) => refresh(followed, interest, json),
    move: () => undefined,
    close: () => {
      own.abort();
    },
  };
}

type Get = (path: string, signal?: AbortSignal) => Promise<Response>;
type Json = <T>(path: string) => Promise<T | undefined>;

/** What is known of a system that is followed. */
class Followed {
  readonly mirror: ObserverPackage.TableMirror;
  readonly origin: string;
  connection = 'connecting';
  hello: HelloLine | undefined;
  life: LifeRecord[] = [];
  turnsPerSecond = 0;
  answer: ActorAnswer | undefined;
  panels: PanelsAnswer['panels'] = {};
  path: string | undefined;
  turns = new Map<number, number>();
  turnsBefore: TurnsAnswer | undefined;
  #lastT = 0;

  constructor(mirror: ObserverPackage.TableMirror, origin: string) {
    this.mirror = mirror;
    this.origin = origin;
  }

  take(line: LiveLine): void {
    if (line.k === 'hello') this.#greet(line);
    if (line.k === 'bye') {
      this.connection = line.why === 'stopped' ? 'the system stopped' : line.why;
    }
    if (line.k === 'life') {
      const last = this.life.at(-1)?.seq ?? -1;
      const fresh = line.list.filter(({ seq }) => seq > last);
      this.life = [...this.life, ...fresh].slice(-mostLife);
    }
    if (line.k === 'delta' && line.t > this.#lastT) {
      this.turnsPerSecond = (line.n.turns * 1_000) / (line.t - this.#lastT);
    }
    if (line.k === 'delta' || line.k === 'snap') this.#lastT = line.t;
    this.mirror.apply(line);
  }

  system(): ViewedSystem {
    const rows = [...this.mirror.rows.values()];
    const story = storyOf(this.path, rows, this.life);
    const { hello } = this;
    const place =
      hello === undefined ? this.origin : `${this.origin}, process ${String(hello.pid)}`;
    return {
      name: hello?.system ?? '',
      standing: `${place}, ${this.connection}`,
      rows,
      life: this.life,
      wallOffset: hello === undefined ? 0 : hello.wall - hello.now,
      turnsPerSecond: this.turnsPerSecond,
      turns: this.turns,
      panels: this.panels,
      story: story && {
        ...story,
        answer: this.answer?.row.pid === story.row.pid ? this.answer : undefined,
        messages: [],
      },
    };
  }

  #greet(hello: HelloLine): void {
    // Numbers of another run mean nothing.
    if (this.hello !== undefined && hello.epoch !== this.hello.epoch) this.life = [];
    this.hello = hello;
    this.connection = 'live';
  }
}

/** Reads the stream; again and again, until the system said goodbye, or nobody wants it. */
async function follow(
  followed: Followed,
  get: Get,
  take: (line: LiveLine) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let pause = pauses.first; !signal.aborted; pause = Math.min(pause * 2, pauses.longest)) {
    const response = await get('/api/live', signal).catch((error: unknown) => {
      // Who was never there is not waited for.
      if (followed.hello === undefined && !signal.aborted) throw error;
      return undefined;
    });
    if (response !== undefined && !response.ok) throw new Error(await refusalOf(response));
    if (response?.body != null) {
      pause = pauses.first;
      const said = await readLines(response.body, take).catch(() => false);
      if (said) return;
    }
    followed.connection = 'connection lost, trying again';
    await wait(pause, signal);
  }
}

async function refusalOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => undefined)) as { error?: unknown } | undefined;
  const why = typeof answer?.error === 'string' ? answer.error : 'no reason given';
  return `the observer refuses (${String(response.status)}): ${why}`;
}

/** Whether the system said goodbye. */
async function readLines(
  body: ReadableStream<Uint8Array>,
  take: (line: LiveLine) => void,
): Promise<boolean> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of body) {
    const lines = `${rest}${decoder.decode(piece, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      const line = JSON.parse(text) as LiveLine;
      take(line);
      if (line.k === 'bye') return true;
    }
  }
  return false;
}

async function refresh(followed: Followed, interest: Interest, json: Json): Promise<void> {
  followed.path = interest.path;
  const row = followed.system().story?.row;
  const [answer, panels, turns] = await Promise.all([
    row === undefined ? undefined : json<ActorAnswer>(`/api/actor?pid=${String(row.pid)}`),
    interest.panels ? json<PanelsAnswer>('/api/panels') : undefined,
    interest.turns ? json<TurnsAnswer>('/api/turns') : undefined,
  ]);
  followed.answer = answer;
  followed.panels = panels?.panels ?? followed.panels;
  if (turns !== undefined) {
    followed.turns = ratesOf(followed.turnsBefore, turns);
    followed.turnsBefore = turns;
  }
}

function ratesOf(before: TurnsAnswer | undefined, now: TurnsAnswer): Map<number, number> {
  const earlier = new Map(before?.turns);
  const seconds = before === undefined ? 0 : (now.t - before.t) / 1_000;
  if (seconds <= 0) return new Map();
  return new Map(
    now.turns.map(([pid, turns]) => [pid, (turns - (earlier.get(pid) ?? 0)) / seconds]),
  );
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
