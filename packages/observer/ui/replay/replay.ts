import type { IncidentContent } from '../../src/incident/incident-file.ts';
import type { ChartAnswer } from '../../src/protocol.ts';
import type { Api } from '../live/api.ts';
import type { Connection } from '../live/connection.ts';
import type { Store } from '../live/store.ts';
import type { Page } from '../parts/page.ts';
import { type Recording, recordingOf } from './recording.ts';

/** What a page of a running system works with. */
export type LivePage = Omit<Page, 'replay'>;

/** Lets the whole page show another moment, while what is recorded of now goes on. */
export interface Replay {
  /** What is shown: the running system, or a moment. */
  readonly page: () => Page;
  /** The moment that is shown; null: now. */
  readonly moment: () => number | null;
  /** The moments that can be shown. */
  readonly span: () => { readonly from: number; readonly until: number };
  /** What is known now, or at the end of the file that is open. */
  readonly whole: () => Store | undefined;
  /** What was known at a moment. */
  readonly at: (t: number) => Store | undefined;
  readonly goTo: (t: number) => void;
  /** The file that is open. */
  readonly file: () => IncidentContent | null;
  readonly open: (content: IncidentContent) => void;
  /** Back to the running system; null where there is none. */
  readonly live: (() => void) | null;
  readonly subscribe: (listener: () => void) => () => void;
}

/** A moment of the running system, or of a file. */
interface PastMoment {
  readonly at: number;
  readonly page: Page;
  readonly recording: Recording;
  readonly file: IncidentContent | null;
  /** All that is known of the same system or file. */
  readonly whole: Store | undefined;
}

/** Where a replay begins: the running system and what is recorded of it, or a file. */
export type ReplaySource =
  { readonly live: LivePage; readonly recording: Recording } | { readonly file: IncidentContent };

/** Makes the replay of a page. */
export function createReplay(source: ReplaySource): Replay {
  return new PageReplay(source);
}

class PageReplay implements Replay {
  readonly live: Replay['live'];
  readonly #now: Page | null;
  readonly #recording: Recording | null;
  readonly #listeners = new Set<() => void>();
  #past: PastMoment | null = null;

  constructor(source: ReplaySource) {
    if ('live' in source) {
      this.#now = { ...source.live, replay: this };
      this.#recording = source.recording;
      this.live = () => this.#show(null);
    } else {
      this.#now = null;
      this.#recording = null;
      this.live = null;
      this.open(source.file);
    }
  }

  page(): Page {
    const page = this.#past?.page ?? this.#now;
    if (page === null) throw new Error('there is nothing to show');
    return page;
  }

  moment(): number | null {
    return this.#past?.at ?? null;
  }

  span(): { readonly from: number; readonly until: number } {
    return this.#shown?.span ?? { from: 0, until: 0 };
  }

  whole(): Store | undefined {
    return this.#past === null ? this.#now?.store : this.#past.whole;
  }

  at(t: number): Store | undefined {
    return this.#shown?.at(t);
  }

  goTo(t: number): void {
    const { from, until } = this.span();
    if (this.#shown === null) return;
    this.#showMoment(Math.min(until, Math.max(from, t)), this.#shown, this.file());
  }

  file(): IncidentContent | null {
    return this.#past?.file ?? null;
  }

  open(file: IncidentContent): void {
    const recording = recordingOf(file.lines);
    if (recording.at(Infinity) === undefined) throw new Error('the incident holds no picture');
    this.#showMoment(momentOf(file, recording), recording, file);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get #shown(): Recording | null {
    return this.#past?.recording ?? this.#recording;
  }

  #showMoment(at: number, recording: Recording, file: IncidentContent | null): void {
    const store = recording.at(at);
    if (store === undefined) return;
    const api = pastApi(file === null ? this.#now?.api : undefined, this.#now?.api, file);
    const page = { ...pastPage(store, at, api), replay: this };
    this.#show({ at, page, recording, file, whole: this.#wholeOf(recording, file) });
  }

  #wholeOf(recording: Recording, file: IncidentContent | null): Store | undefined {
    if (this.#past?.recording === recording) return this.#past.whole;
    return file === null ? this.#now?.store : recording.at(Infinity);
  }

  #show(past: PastMoment | null): void {
    this.#past = past;
    for (const listener of this.#listeners) listener();
  }
}

/** When an incident was noticed, on the clock of its system. */
function momentOf({ wall, lines }: IncidentContent, { span }: Recording): number {
  const hello = lines.find((line) => line.k === 'hello');
  const at = hello === undefined ? span.until : wall - hello.wall + hello.now;
  return Math.min(span.until, Math.max(span.from, at));
}

function pastPage(store: Store, moment: number, api: Api): LivePage {
  const connection: Connection = {
    link: () => ({ state: 'past', at: moment }),
    clock: () => moment,
    subscribe: () => () => undefined,
    close: () => undefined,
  };
  return { store, connection, api, watcher: { watch: () => undefined } };
}

/** Of a moment that is over nobody can be asked; only for charts, which never change, and for incidents. */
function pastApi(
  charts: Pick<Api, 'chart'> | undefined,
  live: Api | undefined,
  file: IncidentContent | null,
): Api {
  const held: Readonly<Record<string, ChartAnswer>> = file?.charts ?? {};
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('a past moment is shown, of which only this was recorded'));
  return {
    open: refuse,
    actor: refuse,
    chart: (hash) => {
      const found = held[hash];
      if (found !== undefined) return Promise.resolve(found);
      return charts?.chart(hash) ?? Promise.reject(new Error('the file does not hold it'));
    },
    watch: refuse,
    act: refuse,
    panels: refuse,
    incidents: live?.incidents ?? refuse,
    keepIncident: live?.keepIncident ?? refuse,
    incidentFile: live?.incidentFile ?? refuse,
  };
}
