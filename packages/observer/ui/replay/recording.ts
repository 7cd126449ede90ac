import type { LiveLine } from '../../src/protocol.ts';
import { createStore, type Store } from '../live/store.ts';

/** How much is kept. */
export interface RecordingLimits {
  /** How far back, in milliseconds. */
  readonly ageMs: number;
  /** How many rows and records of the usual length. */
  readonly weight: number;
}

/** What a page keeps of a running system. */
export const pageLimits: RecordingLimits = { ageMs: 600_000, weight: 150_000 };
const noLimits: RecordingLimits = { ageMs: Infinity, weight: Infinity };

/** A whole picture, and the lines that follow it. */
interface Segment {
  readonly base: Store;
  readonly lines: LiveLine[];
  weight: number;
}

/** So long a row or a record mostly is. */
const CHARACTERS_EACH = 200;
const SEGMENT = { ageMs: 30_000, weight: 15_000 };

/** What was told, so that the picture of any moment can be made again. */
export class Recording {
  readonly #limits: RecordingLimits;
  readonly #segments: Segment[] = [];
  #epoch = '';
  #until = 0;

  /** @param limits - What is older, or more, is forgotten, the oldest first. */
  constructor(limits: RecordingLimits) {
    this.#limits = limits;
  }

  /** The first moment that can be shown, and the last. */
  get span(): { readonly from: number; readonly until: number } {
    return { from: this.#segments[0]?.base.t ?? this.#until, until: this.#until };
  }

  /**
   * Takes the next line.
   *
   * @param store - What the line was applied to.
   * @param length - How many characters it had; default as many as its rows and records mostly have.
   */
  add(line: LiveLine, store: Store, length = 0): void {
    if (store.structure === 0) return;
    if (store.hello !== null && store.hello.epoch !== this.#epoch) {
      this.#epoch = store.hello.epoch;
      this.#segments.length = 0;
    }
    this.#until = Math.max(this.#until, store.t);
    const segment = this.#segments.at(-1);
    if (segment === undefined || isFull(segment, store.t)) {
      const base = store.fork();
      this.#segments.push({ base, lines: [], weight: base.living.size / 4 });
      this.#forget();
      return;
    }
    segment.lines.push(line);
    // Of a message the body counts, too: a few large ones are as much as many.
    segment.weight += Math.max(weightOf(line), length / CHARACTERS_EACH);
  }

  /** What was known at a moment; the first or last one for what is outside; undefined before anything was told. */
  at(t: number): Store | undefined {
    const segment = this.#segments.findLast(({ base }) => base.t <= t) ?? this.#segments[0];
    if (segment === undefined) return undefined;
    const store = segment.base.fork();
    for (const line of segment.lines) {
      if (line.k === 'rec') store.apply({ ...line, list: line.list.filter((one) => one.t <= t) });
      else if ('t' in line && line.t > t) break;
      // Of the end, and of lines that a page was too slow for, a picture of the past says nothing.
      else if (line.k !== 'bye' && line.k !== 'gap') store.apply(line);
    }
    return store;
  }

  #forget(): void {
    let weight = this.#segments.reduce((sum, one) => sum + one.weight, 0);
    for (;;) {
      const [first, second] = this.#segments;
      if (first === undefined || second === undefined) return;
      const isOld = this.#until - second.base.t > this.#limits.ageMs;
      if (!isOld && weight <= this.#limits.weight) return;
      weight -= first.weight;
      this.#segments.shift();
    }
  }
}

/** The recording of the lines of a file. */
export function recordingOf(lines: readonly LiveLine[]): Recording {
  const recording = new Recording(noLimits);
  const store = createStore();
  for (const line of inOrder(lines)) {
    store.apply(line);
    recording.add(line, store);
  }
  return recording;
}

/** A file has its messages in one piece: each is told before the first delta that is later. */
function inOrder(lines: readonly LiveLine[]): LiveLine[] {
  const records = lines
    .flatMap((line) => (line.k === 'rec' ? line.list : []))
    .sort((a, b) => a.t - b.t);
  let next = 0;
  const until = (t: number, seq: number): LiveLine[] => {
    const from = next;
    while (next < records.length && (records[next]?.t ?? 0) <= t) next += 1;
    return next === from ? [] : [{ k: 'rec', seq, list: records.slice(from, next), dropped: 0 }];
  };
  const ordered = lines.flatMap((line) => {
    if (line.k === 'rec') return [];
    return line.k === 'delta' ? [...until(line.t, line.seq), line] : [line];
  });
  return [...ordered, ...until(Infinity, 0)];
}

function isFull({ base, weight }: Segment, t: number): boolean {
  return t - base.t > SEGMENT.ageMs || weight > SEGMENT.weight;
}

function weightOf(line: LiveLine): number {
  if (line.k === 'delta') return 1 + line.up.length + line.del.length;
  if (line.k === 'snap') return line.rows.length;
  return line.k === 'life' || line.k === 'rec' ? line.list.length : 1;
}
