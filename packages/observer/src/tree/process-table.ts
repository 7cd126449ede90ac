import type { ActorSystem, ProcessFacts, ProcessInfo } from '@snakepit/core';
import type { ActorRow, DeltaCounts, WireRow } from '../protocol.ts';
import { Dictionary } from './dictionary.ts';
import { factsOf } from './process-facts.ts';
import { encodeRow } from './row-codec.ts';
import { shortText, valueText } from './short-text.ts';
import { windowText } from './restart-window.ts';

/** What was seen of a process last. Holds nothing of the process itself: that would keep its data alive. */
interface Seen {
  row: ActorRow;
  wire: WireRow;
  turns: number;
  facts: ProcessFacts | undefined;
  /** The look in which it was there. */
  look: number;
}

/** What a look has found. */
export interface Change {
  /** New rows and those that changed, whole; parents first. */
  readonly up: readonly WireRow[];
  /** Who is gone. */
  readonly gone: readonly number[];
  /** Texts that are new since the last change. */
  readonly dict: readonly string[];
  /** What was counted. */
  readonly counts: DeltaCounts;
  /** Whether the dictionary is another one, so that only the whole table tells anything. */
  readonly isNewDictionary: boolean;
}

/** The whole table, as it was at one moment; later looks do not change it. */
export interface WholeTable {
  /** The texts. */
  readonly dict: readonly string[];
  /** The rows, parents first. */
  readonly rows: readonly WireRow[];
}

/** What else is known of a process. */
export interface Knowledge {
  /** Why the predecessor of a process ended, when that was abnormal. */
  readonly failureBefore: (path: string, inc: number) => string | null;
  /** Names the chart of its definition. */
  readonly chartOf: (process: ProcessInfo) => string | null;
}

/** Facts change slowly, and windows age by the second: they are asked for every so often, in looks. */
const factsEveryMs = 1_000;
/** A dictionary larger than this, for each row, is given up for a new one: values may keep coming. */
const mostTextsPerRow = 10;
const mostTexts = 10_000;

/** All processes as a viewer is shown them; {@link ProcessTable.look} brings it up to date. */
export class ProcessTable {
  readonly #system: ActorSystem;
  readonly #knowledge: Knowledge;
  readonly #seen = new Map<number, Seen>();
  #dictionary = new Dictionary();
  #told = 0;
  #look = 0;
  #factsAt = -Infinity;

  /**
   * @param system - Whose processes.
   * @param knowledge - What is known besides.
   */
  constructor(system: ActorSystem, knowledge: Knowledge) {
    this.#system = system;
    this.#knowledge = knowledge;
  }

  /** The row of a process. */
  row(pid: number): ActorRow | undefined {
    return this.#seen.get(pid)?.row;
  }

  /** All rows, parents first. */
  *rows(): IterableIterator<ActorRow> {
    for (const { row } of this.#seen.values()) yield row;
  }

  /** The number of a text that the next change tells of. */
  intern(text: string): number {
    return this.#dictionary.intern(shortText(text));
  }

  /** The whole table after the last look. */
  whole(): WholeTable {
    const rows = Array.from(this.#seen.values(), ({ wire }) => wire);
    return { dict: this.#dictionary.slice(0, this.#told), rows };
  }

  /**
   * Compares with what there is.
   *
   * @param note - Called before the change is closed, with who is gone: texts interned in it are part of the change.
   */
  look<T>(note: (gone: readonly number[]) => T): { readonly change: Change; readonly noted: T } {
    const now = this.#system.clock.now();
    const withFacts = now - this.#factsAt >= factsEveryMs;
    if (withFacts) this.#factsAt = now;
    this.#look += 1;
    const up: WireRow[] = [];
    const sums = { turns: 0, born: 0, waiting: 0, processes: 0 };
    for (const process of this.#system.processes()) {
      sums.processes += 1;
      sums.waiting += process.mailboxLength;
      const seen = this.#seen.get(process.pid.id);
      sums.turns += process.turns - (seen?.turns ?? 0);
      if (seen === undefined) {
        sums.born += 1;
        up.push(this.#begin(process, now).wire);
      } else if (this.#refresh(seen, process, now, withFacts)) {
        up.push(seen.wire);
      }
    }
    const gone = this.#forgetDead(sums.processes);
    const noted = note(gone);
    const isNewDictionary = this.#renewDictionary();
    const dict = this.#dictionary.slice(this.#told);
    this.#told = this.#dictionary.size;
    const counts = { ...sums, died: gone.length };
    return { change: { up, gone, dict, counts, isNewDictionary }, noted };
  }

  #begin(process: ProcessInfo, now: number): Seen {
    const facts = factsOf(this.#system, process);
    const row = this.#rowOf(process, undefined, facts, now);
    const seen = {
      row,
      wire: encodeRow(row, this.#dictionary),
      turns: process.turns,
      facts,
      look: this.#look,
    };
    this.#seen.set(process.pid.id, seen);
    return seen;
  }

  /** Whether its row is another one now. */
  #refresh(seen: Seen, process: ProcessInfo, now: number, withFacts: boolean): boolean {
    seen.look = this.#look;
    const { row } = seen;
    const isSame =
      seen.turns === process.turns &&
      row.status === process.status &&
      row.mbox === process.mailboxLength;
    const facts = withFacts ? factsOf(this.#system, process) : seen.facts;
    const isPlain = facts === undefined && seen.facts === undefined && row.window === null;
    if (isSame && (!withFacts || isPlain)) return false;
    const next = this.#rowOf(process, seen, facts, now);
    seen.turns = process.turns;
    seen.facts = facts;
    const wire = encodeRow(next, this.#dictionary);
    if (wire.every((value, index) => value === seen.wire[index])) return false;
    seen.row = next;
    seen.wire = wire;
    return true;
  }

  #rowOf(
    process: ProcessInfo,
    seen: Seen | undefined,
    facts: ProcessFacts | undefined,
    now: number,
  ): ActorRow {
    const { failureBefore } = this.#knowledge;
    const before = seen?.row;
    const identity = before ?? this.#identityOf(process);
    const { value, window, chart } = this.#dataOf(process, before?.chart ?? null, now);
    const hasWorked = before === undefined || seen?.turns !== process.turns;
    const last = hasWorked ? process.recent.at(-1) : undefined;
    return {
      pid: process.pid.id,
      parent: process.parent.id,
      path: identity.path,
      inc: identity.inc,
      name: identity.path.slice(identity.path.lastIndexOf('/') + 1),
      kind: facts?.role ?? (window === undefined ? process.behaviour : 'supervisor'),
      label: shortText(process.label),
      value,
      status: process.status,
      restarts: facts?.restarts ?? identity.inc - 1,
      window: window ?? null,
      mbox: process.mailboxLength,
      since: before?.value === value ? before.since : now,
      last: last === undefined ? (before?.last ?? null) : shortText(last.type),
      lastAt: last === undefined ? (before?.lastAt ?? null) : Math.round(now - last.agoMs),
      err: before === undefined ? failureBefore(identity.path, identity.inc) : before.err,
      chart,
      os: facts?.osPid ?? null,
      rss: facts?.rssBytes ?? null,
      hb: facts?.heartbeatMs ?? null,
      inflight: facts?.inFlight ?? null,
    };
  }

  #identityOf({ pid, label }: ProcessInfo): { readonly path: string; readonly inc: number } {
    const identity = this.#system.records.identityOf(pid);
    if (identity === undefined) return { path: `${label}${pid.toString()}`, inc: 1 };
    return { path: identity.path, inc: identity.incarnation };
  }

  /** What is read from its data, which may be anything: what is no chart of ours computes it, and may fail. */
  #dataOf(
    process: ProcessInfo,
    known: string | null,
    now: number,
  ): Pick<ActorRow, 'value' | 'chart'> & { readonly window: string | undefined } {
    try {
      return {
        value: valueText(process.stateValue),
        window: windowText(process, now),
        chart: known ?? this.#knowledge.chartOf(process),
      };
    } catch {
      return { value: null, window: undefined, chart: known };
    }
  }

  #forgetDead(living: number): readonly number[] {
    if (this.#seen.size === living) return [];
    const gone: number[] = [];
    for (const [pid, { look }] of this.#seen) if (look !== this.#look) gone.push(pid);
    for (const pid of gone) this.#seen.delete(pid);
    return gone;
  }

  /** Whether the texts were too many, and there is a new dictionary, with those that are still of use. */
  #renewDictionary(): boolean {
    if (this.#dictionary.size <= mostTexts + mostTextsPerRow * this.#seen.size) return false;
    this.#dictionary = new Dictionary();
    for (const seen of this.#seen.values()) seen.wire = encodeRow(seen.row, this.#dictionary);
    return true;
  }
}
