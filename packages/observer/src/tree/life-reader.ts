import { formatExitReason, isCleanExit, type ActorSystem, type ExitReason } from '@snakepit/core';
import type { LifeRecord } from '../protocol.ts';
import type { Shower } from '../shown/show.ts';
import { shortText } from './short-text.ts';

/** A record as the core has it. */
type CoreRecord = ReturnType<ActorSystem['records']['lifeSince']>['records'][number];

/** Why and when a process ended. */
export interface End {
  /** Why, in one line. */
  readonly reason: string;
  /** When. */
  readonly at: number;
}

/** What happened in the lives of processes since it was asked last. */
export interface News {
  /** As it is sent, oldest first. */
  readonly list: readonly LifeRecord[];
  /** Who ended, by pid. */
  readonly ends: ReadonlyMap<number, End>;
}

/** Abnormal ends that are remembered for the successors. */
const mostFailures = 10_000;

/** Reads what the core records of lives, and remembers how those ended whose successors will be shown. */
export class LifeReader {
  readonly #system: ActorSystem;
  readonly #failures = new Map<string, { readonly inc: number; readonly reason: string }>();
  readonly #pathOf: (pid: number) => string | undefined;
  readonly #show: Shower['show'];
  #next = 0;

  /**
   * @param system - Whose processes.
   * @param pathOf - The path of a process that lives, or lived when it was looked at last.
   * @param show - Makes values fit to be shown.
   */
  constructor(
    system: ActorSystem,
    pathOf: (pid: number) => string | undefined,
    show: Shower['show'],
  ) {
    this.#system = system;
    this.#pathOf = pathOf;
    this.#show = show;
  }

  /** What happened since it was asked last. */
  take(): News {
    const { records, next } = this.#system.records.lifeSince(this.#next);
    this.#next = next;
    const ends = new Map<number, End>();
    for (const { what, pid, path, incarnation, reason, at } of records) {
      if (what !== 'exited' || reason === undefined) continue;
      const text = reasonText(reason);
      if (pid !== undefined) ends.set(pid, { reason: text, at });
      if (isCleanExit(reason)) this.#failures.delete(path);
      else this.#remember(path, incarnation, text);
    }
    return { list: this.#wire(records), ends };
  }

  /** The number of the next record. */
  get next(): number {
    return this.#next;
  }

  /** What was taken already, from a number on; at most so many records, the last ones. */
  history(from: number, most: number): readonly LifeRecord[] {
    const { records } = this.#system.records.lifeSince(from);
    return this.#wire(records.filter(({ seq }) => seq < this.#next).slice(-most));
  }

  /** Why the predecessor of a process ended, when that was abnormal. */
  failureBefore(path: string, inc: number): string | null {
    const failure = this.#failures.get(path);
    return failure !== undefined && failure.inc < inc ? failure.reason : null;
  }

  #remember(path: string, inc: number, reason: string): void {
    this.#failures.delete(path);
    this.#failures.set(path, { inc, reason });
    if (this.#failures.size <= mostFailures) return;
    const oldest = this.#failures.keys().next();
    if (oldest.done !== true) this.#failures.delete(oldest.value);
  }

  #wire(records: readonly CoreRecord[]): readonly LifeRecord[] {
    return records.map((record) => wireLife(record, this.#pathOf, this.#show));
  }
}

/** An exit reason in one short line. */
export function reasonText(reason: ExitReason): string {
  return shortText(formatExitReason(reason));
}

/** A life record as it is sent. */
export function wireLife(
  record: CoreRecord,
  pathOf: (pid: number) => string | undefined,
  show: Shower['show'],
): LifeRecord {
  const { seq, at, what, path, pid, incarnation, reason, afterMs, supervisor, details } = record;
  const sup = supervisor === undefined ? undefined : pathOf(supervisor);
  return {
    seq,
    at,
    what,
    path,
    pid: pid ?? null,
    inc: incarnation,
    ...(reason === undefined ? {} : { reason: reasonText(reason) }),
    ...(sup === undefined ? {} : { sup }),
    ...(afterMs === undefined ? {} : { afterMs }),
    // A plain object stays one.
    ...(details === undefined ? {} : { details: show(details) as LifeRecord['details'] & object }),
  };
}
