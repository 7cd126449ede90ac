import {
  type ActorRow,
  type ByeLine,
  type DeltaCounts,
  type DeltaLine,
  type Handled,
  type HelloLine,
  internedColumns,
  type LifeRecord,
  type LiveLine,
  type RecLine,
  type RowColumn,
  type SnapLine,
  type WireRow,
} from '../../src/protocol.ts';

/** A process as the page shows it. Replaced, never changed: an equal object is an unchanged process. */
export interface ProcessRow extends ActorRow {
  /** Path of whoever spawned it; null for the world outside. */
  readonly parentPath: string | null;
  /** When its state was last seen to change. */
  readonly changedAt: number;
  /** How many messages waited for it some 10 s ago, and when that was. */
  readonly earlier: { readonly t: number; readonly mbox: number };
  /** When and why it ended; null while it lives. */
  readonly ended: { readonly at: number; readonly reason: string | null } | null;
}

/** What was counted in one tick. */
export interface Rate extends DeltaCounts {
  readonly t: number;
  /** Seconds since the tick before. */
  readonly seconds: number;
}

/** Messages of one process, oldest first, and how many were not kept. */
export interface MessageList {
  readonly list: readonly Handled[];
  readonly dropped: number;
}

/**
 * Everything the page knows. It knows it from lines alone, and reads no clock: fed with the lines of a file up to a
 * moment, it is what the page showed at that moment.
 */
export interface Store {
  readonly hello: HelloLine | null;
  readonly seq: number;
  /** Time of the last line. */
  readonly t: number;
  /** Living processes by pid, parents before their children. */
  readonly living: ReadonlyMap<number, ProcessRow>;
  /** The last that ended on each path that nobody has now; the oldest first. */
  readonly dead: ReadonlyMap<string, ProcessRow>;
  readonly life: readonly LifeRecord[];
  readonly rates: readonly Rate[];
  /** Why the stream ended for good; null while it may go on. */
  readonly bye: ByeLine['why'] | null;
  /** How often deltas were left out for this page. */
  readonly gaps: number;
  /** Changes with every line. */
  readonly version: number;
  /** Changes when a process comes or goes. */
  readonly structure: number;
  apply(line: LiveLine): void;
  /** The living process of a path; else the one that ended last. */
  find(path: string): ProcessRow | undefined;
  messagesOf(pid: number): MessageList;
  /** Another store that knows the same now, and goes its own way from here. */
  fork(): Store;
  subscribe(listener: () => void): () => void;
}

const KEPT = { dead: 500, life: 2_000, rates: 1_200, messages: 200, watched: 200 };
const GROWTH_MS = 10_000;
const NO_MESSAGES: MessageList = { list: [], dropped: 0 };

export function createStore(): Store {
  return new LineStore();
}

class LineStore implements Store {
  hello: HelloLine | null = null;
  seq = 0;
  t = 0;
  bye: ByeLine['why'] | null = null;
  gaps = 0;
  version = 0;
  structure = 0;
  readonly living = new Map<number, ProcessRow>();
  readonly dead = new Map<string, ProcessRow>();
  readonly life: LifeRecord[] = [];
  readonly rates: Rate[] = [];
  readonly #paths = new Map<string, number>();
  readonly #children = new Map<number, Set<number>>();
  readonly #messages = new Map<number, MessageList>();
  readonly #listeners = new Set<() => void>();
  #columns: readonly RowColumn[] = [];
  #dictionary: string[] = [];
  /** Whether a fork has the same dictionary: then whoever adds to it takes one of its own. */
  #isShared = false;

  apply(line: LiveLine): void {
    switch (line.k) {
      case 'hello':
        if (this.hello !== null && this.hello.epoch !== line.epoch) this.#forget();
        this.hello = line;
        this.bye = null;
        this.t = line.now;
        break;
      case 'snap':
        this.#snap(line);
        break;
      case 'delta':
        this.#delta(line);
        break;
      case 'life':
        this.t = line.t;
        this.#live(line.list);
        break;
      case 'rec':
        this.#record(line);
        break;
      case 'gap':
        this.gaps += 1;
        break;
      case 'bye':
        this.bye = line.why;
        break;
      default:
        break; // Kinds that this page does not know are for others.
    }
    this.version += 1;
    for (const listener of this.#listeners) listener();
  }

  find(path: string): ProcessRow | undefined {
    const pid = this.#paths.get(path);
    return (pid === undefined ? undefined : this.living.get(pid)) ?? this.dead.get(path);
  }

  messagesOf(pid: number): MessageList {
    return this.#messages.get(pid) ?? NO_MESSAGES;
  }

  fork(): Store {
    const other = new LineStore();
    other.hello = this.hello;
    other.seq = this.seq;
    other.t = this.t;
    other.version = this.version;
    other.structure = this.structure;
    // Rows, lists of messages and records are replaced, never changed.
    copyInto(other.living, this.living);
    copyInto(other.dead, this.dead);
    copyInto(other.#paths, this.#paths);
    copyInto(other.#messages, this.#messages);
    for (const [pid, children] of this.#children) other.#children.set(pid, new Set(children));
    other.life.push(...this.life);
    other.rates.push(...this.rates);
    other.#columns = this.#columns;
    other.#dictionary = this.#dictionary;
    other.#isShared = this.#isShared = true;
    return other;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #live(list: readonly LifeRecord[]): void {
    // What was told already may be told again.
    const last = this.life.at(-1)?.seq ?? Number.NEGATIVE_INFINITY;
    const fresh = list.filter(({ seq }) => seq > last);
    append(this.life, fresh, KEPT.life);
  }

  #snap(line: SnapLine): void {
    const before = new Map(this.living);
    const isFirst = this.#columns.length === 0;
    this.seq = line.seq;
    this.t = line.t;
    this.structure += 1;
    this.#columns = line.cols;
    this.#dictionary = [...line.dict];
    this.#isShared = false;
    this.living.clear();
    this.#paths.clear();
    this.#children.clear();
    for (const wire of line.rows) {
      this.#put(wire, before, line.t, isFirst ? Number.NEGATIVE_INFINITY : line.t);
    }
    // Whoever left in between, left without a word about why.
    for (const [pid, row] of before) {
      if (!this.living.has(pid)) this.#bury(row, { at: line.t, reason: null });
    }
  }

  #delta(line: DeltaLine): void {
    const seconds = this.t === 0 ? 0 : (line.t - (this.rates.at(-1)?.t ?? this.t)) / 1000;
    this.seq = line.seq;
    this.t = line.t;
    this.#learn(line.dict);
    for (const [pid, reason, at] of line.del) this.#end(pid, this.#dictionary[reason] ?? null, at);
    for (const wire of line.up) this.#put(wire, this.living, line.t);
    if (seconds > 0) append(this.rates, [{ ...line.n, t: line.t, seconds }], KEPT.rates);
  }

  #learn(texts: readonly string[]): void {
    if (texts.length === 0) return;
    if (this.#isShared) this.#dictionary = [...this.#dictionary];
    this.#isShared = false;
    for (const text of texts) this.#dictionary.push(text);
  }

  /** `changedAt` is of those whose state is not what it was. */
  #put(wire: WireRow, before: ReadonlyMap<number, ProcessRow>, t: number, changedAt = t): void {
    const row = this.#decode(wire);
    const old = before.get(row.pid);
    const sample = old?.earlier ?? { t, mbox: row.mbox };
    const isChanged = old?.value !== row.value || old.status !== row.status;
    this.living.set(row.pid, {
      ...row,
      parentPath: this.living.get(row.parent)?.path ?? null,
      changedAt: isChanged ? changedAt : old.changedAt,
      earlier: t - sample.t > GROWTH_MS ? { t, mbox: row.mbox } : sample,
      ended: null,
    });
    if (old === undefined) this.structure += 1;
    const siblings = this.#children.get(row.parent) ?? new Set();
    this.#children.set(row.parent, siblings.add(row.pid));
    const holder = this.living.get(this.#paths.get(row.path) ?? -1);
    if (holder === undefined || holder.inc <= row.inc) this.#paths.set(row.path, row.pid);
    this.dead.delete(row.path);
  }

  #decode(wire: WireRow): ActorRow {
    const row: Record<string, unknown> = {};
    for (const [index, column] of this.#columns.entries()) {
      const value = wire[index] ?? null;
      row[column] =
        internedColumns.has(column) && typeof value === 'number'
          ? (this.#dictionary[value] ?? null)
          : value;
    }
    // The columns are those of the protocol; a line that is not of it would have been no line.
    return row as unknown as ActorRow;
  }

  #end(pid: number, reason: string | null, at: number): void {
    const row = this.living.get(pid);
    if (row === undefined) return;
    for (const below of this.#subtree(pid)) {
      this.living.delete(below.pid);
      this.#children.delete(below.pid);
      this.#children.get(below.parent)?.delete(below.pid);
      this.#bury(below, { at, reason: below.pid === pid ? reason : null });
    }
    this.structure += 1;
  }

  /** A process and all that it spawned, itself first. */
  #subtree(pid: number): ProcessRow[] {
    const found: ProcessRow[] = [];
    const collect = (one: number): void => {
      const row = this.living.get(one);
      if (row !== undefined) found.push(row);
      for (const child of this.#children.get(one) ?? []) collect(child);
    };
    collect(pid);
    return found;
  }

  #bury(row: ProcessRow, ended: { at: number; reason: string | null }): void {
    if (this.#paths.get(row.path) === row.pid) this.#paths.delete(row.path);
    if (this.#paths.has(row.path)) return;
    this.dead.delete(row.path);
    this.dead.set(row.path, { ...row, ended, changedAt: ended.at });
    dropOldest(this.dead, KEPT.dead);
  }

  #record({ list, droppedOf = [] }: RecLine): void {
    for (const record of list) {
      const { list: kept, dropped: before } = this.messagesOf(record.actor);
      this.#messages.delete(record.actor);
      this.#messages.set(record.actor, {
        list: [...kept.slice(1 - KEPT.messages), record],
        dropped: before,
      });
    }
    for (const [pid, count] of droppedOf) {
      const { list: kept, dropped: before } = this.messagesOf(pid);
      this.#messages.set(pid, { list: kept, dropped: before + count });
    }
    dropOldest(this.#messages, KEPT.watched);
  }

  #forget(): void {
    for (const kept of [this.living, this.dead, this.#paths, this.#messages, this.#children]) {
      kept.clear();
    }
    this.life.length = 0;
    this.rates.length = 0;
    this.#columns = [];
    this.structure += 1;
  }
}

function append<T>(list: T[], more: readonly T[], most: number): void {
  list.push(...more);
  // In steps, so that a full list is not moved for every line.
  if (list.length > most * 1.25) list.splice(0, list.length - most);
}

function copyInto<K, V>(target: Map<K, V>, source: ReadonlyMap<K, V>): void {
  for (const [key, value] of source) target.set(key, value);
}

function dropOldest(map: Map<unknown, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
