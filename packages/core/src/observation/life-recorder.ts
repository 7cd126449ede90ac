import type { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';
import { coreLifeEvents } from './core-life-events.ts';
import { pathBelow, type Identities } from './identities.ts';
import type { Incidents } from './incidents.ts';
import type { LifeEvent, LifeNote, LifeRecord } from './life-record.ts';
import type { RecordsSince } from './message-record.ts';
import { supervisionOf, type CountedRestart } from './supervision.ts';
import { writeStacks } from './write-stacks.ts';

/** How many records are kept. */
const mostRecords = 10_000;

/** A record whose subject may not be known yet. */
interface Entry {
  readonly seq: number;
  readonly at: number;
  readonly note: LifeNote;
  what: string;
  /** What its readers get, once all of it is known. */
  record: LifeRecord | undefined;
}

/** Records what happens in the lives of processes, as the event bus tells it. @internal */
export class LifeRecorder {
  readonly #runtime: Runtime;
  readonly #identities: Identities;
  readonly #incidents: Incidents;
  /** Each with how often it was added. */
  readonly #tables = new Map<readonly LifeEvent[], number>([[coreLifeEvents, 1]]);
  readonly #attached = new Map<readonly LifeEvent[], () => void>();
  /** Processes of which it is not known yet who they are: their supervisors are about to say so. */
  readonly #open = new Map<Pid, Process>();
  #entries: Entry[] = [];
  #first = 1;
  #next = 1;
  #users = 0;
  #isResolving = false;

  /**
   * @param runtime - Of which system.
   * @param identities - Tells who processes are.
   * @param incidents - Keeps what happened before something went wrong.
   */
  constructor(runtime: Runtime, identities: Identities, incidents: Incidents) {
    this.#runtime = runtime;
    this.#identities = identities;
    this.#incidents = incidents;
  }

  /** Takes in events of a package; returns what takes them out. The same table is taken in once, whoever adds it again. */
  add(table: readonly LifeEvent[]): () => void {
    this.#tables.set(table, (this.#tables.get(table) ?? 0) + 1);
    if (this.#users > 0) this.#attach(table);
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      const left = (this.#tables.get(table) ?? 1) - 1;
      if (left > 0) {
        this.#tables.set(table, left);
        return;
      }
      this.#tables.delete(table);
      this.#detach(table);
    };
  }

  /** Begins, or goes on for one more who wants it; returns what ends it for that one. */
  record(): () => void {
    this.#users += 1;
    if (this.#users === 1) this.#begin();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#users -= 1;
      if (this.#users === 0) this.#end();
    };
  }

  #begin(): void {
    this.#identities.count(true);
    for (const process of this.#runtime.processes.values()) this.#identify(process);
    for (const table of this.#tables.keys()) this.#attach(table);
  }

  #end(): void {
    for (const table of this.#tables.keys()) this.#detach(table);
    this.#incidents.complete();
    this.#identities.count(false);
    this.#open.clear();
    this.#entries = [];
    this.#first = this.#next;
  }

  #attach(table: readonly LifeEvent[]): void {
    if (this.#attached.has(table)) return;
    const { telemetry } = this.#runtime;
    const offs = table.map(({ event, note }) =>
      telemetry.on(event, (measurements, metadata) => {
        const noted = note(measurements, metadata);
        if (noted !== undefined) this.#take(noted);
      }),
    );
    this.#attached.set(table, () => {
      for (const off of offs) off();
    });
  }

  #detach(table: readonly LifeEvent[]): void {
    this.#attached.get(table)?.();
    this.#attached.delete(table);
  }

  #take(note: LifeNote): void {
    const { pid, what } = note;
    const process = pid === undefined ? undefined : this.#runtime.processes.get(pid);
    if (process !== undefined && what === 'started' && note.child === undefined) {
      const isSupervised = supervisionOf(this.#runtime.processes.get(process.parent)) !== undefined;
      if (isSupervised) {
        // Its supervisor tells when it has started, and who it is.
        this.#open.set(process.pid, process);
        this.#resolveSoon();
        return;
      }
      this.#identities.of(process);
    }
    const at = this.#runtime.clock.now();
    if (what === 'exited' && pid !== undefined) this.#ended(pid);
    const last = this.#entries.at(-1);
    if (what === 'restarted' && last?.note.pid === pid && last?.what === 'started') {
      // A supervisor tells both of one start.
      last.what = what;
      return;
    }
    this.#write({ seq: this.#next, at, note, what, record: undefined });
    this.#resolveSoon();
    if (note.incident !== undefined) {
      const path = pid === undefined ? note.path : this.#identities.known(pid)?.path;
      this.#incidents.notice(note.incident, path ?? note.incident, what === 'gaveUp');
    }
  }

  #write(entry: Entry): void {
    const { reason } = entry.note;
    if (reason?.kind === 'error') writeStacks(reason.error);
    this.#next += 1;
    this.#entries.push(entry);
    // In batches: shifting an array of this length costs as much as copying it.
    if (this.#entries.length >= mostRecords * 2) this.#entries = this.#entries.slice(-mostRecords);
  }

  /** Its identity is settled as long as its supervisor still knows it. */
  #ended(pid: Pid): void {
    const process = this.#open.get(pid);
    this.#open.delete(pid);
    if (process !== undefined) this.#identities.settle(process);
  }

  #identify(process: Process): void {
    if (this.#identities.isOpen(process)) this.#open.set(process.pid, process);
    else this.#identities.of(process);
  }

  /** When this turn is over: in the middle of it a supervisor does not know yet what it does. */
  #resolveSoon(): void {
    if (this.#isResolving) return;
    this.#isResolving = true;
    queueMicrotask(() => {
      this.#isResolving = false;
      this.#resolve();
    });
  }

  #resolve(): void {
    for (const [pid, process] of this.#open) {
      if (this.#identities.isOpen(process)) continue;
      this.#identities.of(process);
      this.#open.delete(pid);
    }
  }

  /** What is kept from a number on, at most so many. */
  since(seq: number, limit = Infinity): RecordsSince<LifeRecord> {
    this.#resolve();
    const oldest = Math.max(this.#first, this.#next - Math.min(mostRecords, this.#entries.length));
    const from = Math.max(oldest, Math.min(seq, this.#next));
    const start = this.#entries.length - (this.#next - from);
    const kept = this.#entries.slice(start, start + limit);
    return {
      records: kept.map((entry) => this.#read(entry)),
      dropped: Math.max(0, from - Math.max(seq, this.#first)),
      next: from + kept.length,
    };
  }

  /** What is kept from a time on; of more than so many the last ones. */
  sinceTime(fromMs: number, limit: number): readonly LifeRecord[] {
    const later = this.#entries.length - 1 - this.#entries.findLastIndex(({ at }) => at < fromMs);
    return this.since(this.#next - Math.min(later, limit)).records;
  }

  /** The restarts of a supervisor's children that are kept, oldest first. */
  restartsBy(supervisor: Pid): readonly CountedRestart[] {
    return this.#entries
      .filter(({ what, note }) => what === 'restarted' && note.child?.supervisor === supervisor)
      .map((entry) => {
        const { at, reason } = this.#read(entry);
        return { at, childId: entry.note.child?.id, reason };
      });
  }

  #read(entry: Entry): LifeRecord {
    if (entry.record !== undefined) return entry.record;
    const { pid } = entry.note;
    const record = this.#recordOf(entry);
    if (pid === undefined || this.#identities.known(pid) !== undefined) entry.record = record;
    return record;
  }

  #recordOf({ seq, at, what, note }: Entry): LifeRecord {
    const { pid, child } = note;
    const process = pid === undefined ? undefined : this.#runtime.processes.get(pid);
    const known = pid === undefined ? undefined : this.#identities.known(pid);
    const identity = known ?? (process === undefined ? undefined : this.#identities.of(process));
    const before = what === 'restarted' ? this.#endBefore(seq, identity?.path) : undefined;
    return {
      seq,
      at,
      what,
      path: identity?.path ?? note.path ?? this.#childPath(child) ?? '',
      pid: pid?.id,
      incarnation: identity?.incarnation ?? 0,
      reason: note.reason ?? before?.note.reason,
      afterMs: note.afterMs ?? (before === undefined ? undefined : at - before.at),
      supervisor: child?.supervisor.id,
      details: note.details,
    };
  }

  /** The end that a restart followed: the last one before it. */
  #endBefore(seq: number, path: string | undefined): Entry | undefined {
    if (path === undefined) return undefined;
    const first = this.#entries[0]?.seq ?? seq;
    for (let at = seq - first - 1; at >= 0; at -= 1) {
      const entry = this.#entries[at];
      const pid = entry?.what === 'exited' ? entry.note.pid : undefined;
      if (pid !== undefined && this.#identities.known(pid)?.path === path) return entry;
    }
    return undefined;
  }

  /** Of a child without a process: where it would be. */
  #childPath(child: LifeNote['child']): string | undefined {
    if (child === undefined) return undefined;
    const { supervisor, id } = child;
    const process = this.#runtime.processes.get(supervisor);
    const above = this.#identities.known(supervisor) ?? (process && this.#identities.of(process));
    const segment = typeof id === 'string' ? id : JSON.stringify(id ?? null);
    return pathBelow(supervisor, above?.path ?? supervisor.toString(), segment);
  }
}
