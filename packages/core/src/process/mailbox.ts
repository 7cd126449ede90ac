import { Fifo } from './fifo.ts';

/** The messages that wait for one process, oldest first. A {@link Fifo} is the plain kind. @internal */
export interface Mailbox {
  /** How many wait, those that must wait included. */
  readonly length: number;
  /** Whether there is one that may be taken now. */
  readonly ready: boolean;
  /** Adds at the end. */
  push(message: unknown): void;
  /** Takes the oldest that may be taken, or `undefined`. */
  shift(): unknown;
  /** Takes the oldest that matches, wherever it stands, or `undefined`. */
  take(matches: (message: unknown) => boolean): unknown;
  /** Forgets everything. */
  clear(): void;
  /** All of them, the oldest first, those that must wait included. */
  [Symbol.iterator](): IterableIterator<unknown>;
}

interface Entry {
  readonly sequence: number;
  readonly message: unknown;
}

interface Lane {
  readonly waiting: Fifo<Entry>;
  held: boolean;
}

/** Empty lanes are kept for the next message of their type, but not without limit: types may be made up. */
const mostEmptyLanes = 32;

/**
 * A mailbox in which kinds of messages can be told to wait, as gen_statem postpones events.
 *
 * One lane a kind, and a number on each message: taking costs the number of kinds, however many messages are held
 * back. With one queue, a busy supervisor would go through all of its waiting exits again after each restart.
 *
 * @internal
 */
export class SelectiveMailbox implements Mailbox {
  readonly #kindOf: (message: unknown) => string;
  readonly #lanes = new Map<string, Lane>();
  #isHeld: (kind: string) => boolean = () => false;
  #sequence = 0;
  #length = 0;

  /** @param kindOf - What decides whether a message must wait. */
  constructor(kindOf: (message: unknown) => string) {
    this.#kindOf = kindOf;
  }

  /** How many wait, held or not. */
  get length(): number {
    return this.#length;
  }

  /** Whether one of them may be taken. */
  get ready(): boolean {
    return this.#next() !== undefined;
  }

  /** Whether a message of this one's kind must wait now. */
  mustWait(message: unknown): boolean {
    return this.#isHeld(this.#kindOf(message));
  }

  /** Says from now on which kinds must wait. What waited and need not any more keeps its place. */
  hold(isHeld: (kind: string) => boolean): void {
    this.#isHeld = isHeld;
    for (const [kind, lane] of this.#lanes) lane.held = isHeld(kind);
  }

  /** Adds at the end. */
  push(message: unknown): void {
    const kind = this.#kindOf(message);
    let lane = this.#lanes.get(kind);
    if (lane === undefined) {
      this.#dropEmptyLanes();
      lane = { waiting: new Fifo(), held: this.#isHeld(kind) };
      this.#lanes.set(kind, lane);
    }
    lane.waiting.push({ sequence: ++this.#sequence, message });
    this.#length += 1;
  }

  /** Takes the oldest that is not held. */
  shift(): unknown {
    const entry = this.#next()?.waiting.shift();
    if (entry !== undefined) this.#length -= 1;
    return entry?.message;
  }

  /** Takes the oldest that matches, held or not, or `undefined`. */
  take(matches: (message: unknown) => boolean): unknown {
    let lane: Lane | undefined;
    let oldest: Entry | undefined;
    let lowest = Infinity;
    for (const one of this.#lanes.values()) {
      // A lane is in order: what stands behind the oldest that was found need not be looked at.
      const found = one.waiting.find((entry) => entry.sequence > lowest || matches(entry.message));
      if (found === undefined || found.sequence > lowest) continue;
      lane = one;
      oldest = found;
      lowest = found.sequence;
    }
    const entry = lane?.waiting.take((other) => other === oldest);
    if (entry !== undefined) this.#length -= 1;
    return entry?.message;
  }

  /** All of them, the oldest first, held or not. */
  *[Symbol.iterator](): IterableIterator<unknown> {
    const entries = [...this.#lanes.values()].flatMap(({ waiting }) => [...waiting]);
    entries.sort((a, b) => a.sequence - b.sequence);
    for (const { message } of entries) yield message;
  }

  /** Forgets everything. */
  clear(): void {
    this.#lanes.clear();
    this.#length = 0;
  }

  #next(): Lane | undefined {
    let oldest: Lane | undefined;
    let lowest = Infinity;
    for (const lane of this.#lanes.values()) {
      if (lane.held) continue;
      const { first } = lane.waiting;
      if (first === undefined || first.sequence > lowest) continue;
      oldest = lane;
      lowest = first.sequence;
    }
    return oldest;
  }

  #dropEmptyLanes(): void {
    if (this.#lanes.size < mostEmptyLanes) return;
    for (const [kind, { waiting }] of this.#lanes) {
      if (!waiting.ready) this.#lanes.delete(kind);
    }
  }
}
