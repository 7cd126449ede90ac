import type { ActorSystem } from '@snakepit/core';
import {
  rowColumns,
  type ActorRow,
  type DeltaLine,
  type LifeLine,
  type LifeRecord,
} from '../protocol.ts';
import { DeltaRing, type Look } from './delta-ring.ts';
import type { Shower } from '../shown/show.ts';
import { LifeReader, type End } from './life-reader.ts';
import { ProcessTable, type Change, type Knowledge, type WholeTable } from './process-table.ts';

/** A sign of life for viewers of a system in which nothing changes, in milliseconds. */
const silenceMs = 5_000;
/** The whole table is kept so often, for incidents: they begin with one. The deltas that are kept reach further back. */
const keyframeEveryMs = 30_000;
/** Looking takes at most this part of the time: who has more processes is looked at less often. */
const largestShare = 0.04;

/** The whole table, and what it is of. */
export interface TreeState extends WholeTable {
  /** The number of its last delta. */
  readonly seq: number;
  /** When that was. */
  readonly t: number;
}

/** The tree of a system, looked at regularly while somebody follows it. */
export class TreeFeed {
  readonly #system: ActorSystem;
  readonly #everyMs: number;
  readonly #table: ProcessTable;
  readonly #life: LifeReader;
  readonly #ring = new DeltaRing();
  readonly #followers = new Set<() => void>();
  #keyframes: readonly TreeState[] = [];
  #timer: NodeJS.Timeout | undefined;
  #seq = 0;
  #lookedAt = 0;
  #toldAt = 0;
  #isFailing = false;

  /**
   * @param system - Whose tree.
   * @param hz - Looks per second.
   * @param chartOf - Names the chart of a process.
   * @param show - Makes values fit to be shown.
   */
  constructor(
    system: ActorSystem,
    hz: number,
    chartOf: Knowledge['chartOf'],
    show: Shower['show'],
  ) {
    this.#system = system;
    this.#everyMs = 1000 / hz;
    this.#life = new LifeReader(system, (pid) => this.#table.row(pid)?.path, show);
    this.#table = new ProcessTable(system, {
      chartOf,
      failureBefore: (path, inc) => this.#life.failureBefore(path, inc),
    });
  }

  /** The number of the last delta. */
  get seq(): number {
    return this.#seq;
  }

  /** Whether it looks regularly. */
  get isFollowed(): boolean {
    return this.#timer !== undefined;
  }

  /** Is told after each look; the first one makes it look at once. Returns a function that ends that. */
  follow(follower: () => void): () => void {
    const own = (): void => {
      follower();
    };
    this.#followers.add(own);
    if (this.#timer === undefined) this.look();
    return () => {
      this.#followers.delete(own);
      if (this.#followers.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** A delta with its life records; `undefined` when it is not kept any more, or not there yet. */
  delta(seq: number): Look | undefined {
    return this.#ring.at(seq);
  }

  /** The deltas that are kept, from a number on. */
  deltasSince(seq: number): IterableIterator<string> {
    return this.#ring.since(seq);
  }

  /** The table after the last look. */
  state(): TreeState {
    return { seq: this.#seq, t: this.#lookedAt, ...this.#table.whole() };
  }

  /** An earlier table, from which on all deltas are kept; the one of now when there is none. */
  keyframe(): TreeState {
    const isComplete = ({ seq }: TreeState): boolean =>
      seq === this.#seq || this.#ring.at(seq + 1) !== undefined;
    return this.#keyframes.find(isComplete) ?? this.state();
  }

  /** The row of a process, after the last look. */
  row(pid: number): ActorRow | undefined {
    return this.#table.row(pid);
  }

  /** All rows after the last look, parents first. */
  rows(): IterableIterator<ActorRow> {
    return this.#table.rows();
  }

  /** The number of the next life record. */
  get nextLife(): number {
    return this.#life.next;
  }

  /** What happened in lives until the last look, from a number on; at most so many records, the last ones. */
  history(from: number, most: number): readonly LifeRecord[] {
    return this.#life.history(from, most);
  }

  /**
   * Looks now. Viewers are told, and the next regular look is a whole period later. What it finds is made by others, and may
   * be anything: what fails is logged, and harms nobody who works.
   */
  look(): void {
    const began = performance.now();
    try {
      this.#lookAt(began);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#system.logger.warn('a look at the system failed', { error });
      this.#isFailing = true;
      // What of it was told to nobody is part of the whole table.
      this.#seq += 1;
      this.#forgetDeltas();
    }
    this.#again(performance.now() - began);
    for (const follower of [...this.#followers]) follower();
  }

  #lookAt(began: number): void {
    const now = this.#system.clock.now();
    const { list, ends } = this.#life.take();
    const { change, noted: del } = this.#table.look((gone) => this.#deaths(gone, ends, now));
    this.#lookedAt = now;
    const isQuiet = change.up.length + change.gone.length + list.length === 0;
    if (!isQuiet || began - this.#toldAt >= silenceMs) {
      this.#toldAt = began;
      this.#tell(change, del, list);
    }
    this.#keepKeyframe();
  }

  #keepKeyframe(): void {
    const last = this.#keyframes.at(-1);
    if (last !== undefined && this.#lookedAt - last.t < keyframeEveryMs) return;
    // Rows are replaced, never changed: the table costs a list of them.
    this.#keyframes = [...this.#keyframes, this.state()].slice(-2);
  }

  #again(tookMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#followers.size === 0) return;
    const delayMs = Math.max(this.#everyMs, tookMs / largestShare);
    this.#timer = setTimeout(() => {
      this.look();
    }, delayMs);
    // Looking keeps nobody alive.
    this.#timer.unref();
  }

  #deaths(gone: readonly number[], ends: ReadonlyMap<number, End>, now: number): DeltaLine['del'] {
    return gone.map((pid) => {
      const end = ends.get(pid);
      return end === undefined
        ? [pid, -1, now]
        : ([pid, this.#table.intern(end.reason), end.at] as const);
    });
  }

  #tell(change: Change, del: DeltaLine['del'], list: readonly LifeRecord[]): void {
    this.#seq += 1;
    const seq = this.#seq;
    const t = this.#lookedAt;
    // A delta in another dictionary tells nothing: everybody gets the whole table.
    if (change.isNewDictionary) {
      this.#forgetDeltas();
      return;
    }
    const { up, dict, counts: n } = change;
    const delta = { k: 'delta', seq, t, up, dict, del, n } satisfies DeltaLine;
    const life = { k: 'life', seq, t, list } satisfies LifeLine;
    const lines = list.length === 0 ? [delta] : [life, delta];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    this.#ring.push({ seq, text, nextLife: this.#life.next });
  }

  /** What follows is told by the whole table. */
  #forgetDeltas(): void {
    this.#ring.clear();
    this.#keyframes = [];
  }
}

/** Rows that are made into text at once: between such slices others get their turn. */
const sliceRows = 2_000;

/**
 * A snap line in pieces, so that large ones neither hold up the host nor fill its memory.
 *
 * @param state - The table.
 */
export function* snapPieces({ seq, t, dict, rows }: TreeState): IterableIterator<string> {
  const head = JSON.stringify({ k: 'snap', seq, t, cols: rowColumns, dict });
  yield `${head.slice(0, -1)},"rows":[`;
  for (let from = 0; from < rows.length; from += sliceRows) {
    const slice = JSON.stringify(rows.slice(from, from + sliceRows)).slice(1, -1);
    yield from === 0 ? slice : `,${slice}`;
  }
  yield ']}\n';
}
