import type { HandledRecord, MessageKind, MessageOutcome, RecordsSince } from './message-record.ts';

const kinds: readonly MessageKind[] = ['call', 'cast', 'info', 'own'];

const outcomes: readonly MessageOutcome[] = [
  'handled',
  'ignored',
  'postponed',
  'stopped',
  'crashed',
  'deadletter',
];

/** Nothing to tell. */
const none = Object.freeze([]) as readonly never[];

/** What is written of one message. @internal */
export interface MessageNote extends Omit<
  HandledRecord,
  'seq' | 'waitedMs' | 'steps' | 'actions' | 'sent'
> {
  /** How long it had waited; not a number when that is not known. */
  readonly waitedMs: number;
}

/**
 * The last messages of a system, the oldest overwritten.
 *
 * Columns that are made once: a record costs no object. Names and state values are kept by reference; charts have one
 * object for each combination of states, and types are mostly literals, so that they need not be interned.
 *
 * @internal
 */
export class MessageRing {
  readonly #size: number;
  readonly #first: number;
  /** The oldest that was written here: of before it grew, only what was left then. */
  readonly #oldest: number;
  readonly #at: Float64Array;
  readonly #pids: Float64Array;
  readonly #froms: Float64Array;
  readonly #waited: Float32Array;
  readonly #took: Float32Array;
  readonly #codes: Uint8Array;
  readonly #events: string[];
  readonly #statuses: string[];
  readonly #values: unknown[];
  readonly #errors: (string | undefined)[];
  #next: number;

  /**
   * @param size - How many are kept.
   * @param next - The number of the next one.
   * @param first - The number of the first of all.
   */
  constructor(size: number, next: number, first: number = next) {
    this.#size = size;
    this.#first = first;
    this.#oldest = next;
    this.#next = next;
    this.#at = new Float64Array(size);
    this.#pids = new Float64Array(size);
    this.#froms = new Float64Array(size);
    this.#waited = new Float32Array(size);
    this.#took = new Float32Array(size);
    this.#codes = new Uint8Array(size);
    this.#events = new Array<string>(size).fill('');
    this.#statuses = new Array<string>(size).fill('');
    this.#values = new Array<unknown>(size).fill(undefined);
    this.#errors = new Array<string | undefined>(size).fill(undefined);
  }

  /** Writes the next one. */
  write(note: MessageNote): void {
    const slot = this.#next % this.#size;
    this.#next += 1;
    this.#at[slot] = note.atMs;
    this.#pids[slot] = note.pid;
    this.#froms[slot] = note.from ?? -1;
    this.#waited[slot] = note.waitedMs;
    this.#took[slot] = note.tookMs;
    this.#codes[slot] = kinds.indexOf(note.kind) * 8 + outcomes.indexOf(note.outcome);
    this.#events[slot] = note.event;
    this.#statuses[slot] = note.status;
    this.#values[slot] = note.stateValue;
    if (this.#errors[slot] !== note.error) this.#errors[slot] = note.error;
  }

  /** The same with room for more, if it has less. */
  grownTo(size: number): MessageRing {
    if (size <= this.#size) return this;
    const oldest = Math.max(this.#oldest, this.#next - this.#size);
    const grown = new MessageRing(size, oldest, this.#first);
    for (let seq = oldest; seq < this.#next; seq += 1) {
      const { waitedMs = NaN, ...record } = this.#read(seq);
      grown.write({ ...record, waitedMs });
    }
    return grown;
  }

  /** What is kept from a number on. */
  since(seq: number, limit: number): RecordsSince<HandledRecord> {
    const oldest = Math.max(this.#oldest, this.#next - this.#size);
    const from = Math.max(oldest, Math.min(seq, this.#next));
    const length = Math.max(0, Math.min(limit, this.#next - from));
    return {
      records: Array.from({ length }, (_, index) => this.#read(from + index)),
      dropped: Math.max(0, from - Math.max(seq, this.#first)),
      next: from + length,
    };
  }

  /** What is kept from a time on, at most so many. */
  sinceTime(fromMs: number, limit: number): readonly HandledRecord[] {
    const oldest = Math.max(this.#oldest, this.#next - this.#size, this.#next - limit);
    let seq = this.#next;
    while (seq > oldest && (this.#at[(seq - 1) % this.#size] ?? 0) >= fromMs) seq -= 1;
    return this.since(seq, limit).records;
  }

  #read(seq: number): HandledRecord {
    const slot = seq % this.#size;
    const code = this.#codes[slot] ?? 0;
    const waitedMs = this.#waited[slot] ?? NaN;
    const from = this.#froms[slot] ?? -1;
    return {
      seq,
      atMs: this.#at[slot] ?? 0,
      waitedMs: Number.isNaN(waitedMs) ? undefined : waitedMs,
      tookMs: this.#took[slot] ?? 0,
      pid: this.#pids[slot] ?? 0,
      from: from < 0 ? undefined : from,
      kind: kinds[code >> 3] ?? 'info',
      event: this.#events[slot] ?? '',
      outcome: outcomes[code & 7] ?? 'handled',
      status: this.#statuses[slot] ?? '',
      stateValue: this.#values[slot],
      error: this.#errors[slot],
      steps: none,
      actions: none,
      sent: none,
    };
  }
}
