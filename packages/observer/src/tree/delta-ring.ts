/** One look at the system, as it is sent. */
export interface Look {
  /** The number of its delta. */
  readonly seq: number;
  /** Its life records and its delta. */
  readonly text: string;
  /** The number of the first life record that is not in it, nor in those before. */
  readonly nextLife: number;
}

/** How many deltas are kept for those who come back, and how long they may be together, in characters. */
const mostEntries = 256;
const mostCharacters = 8_000_000;

/** The last deltas, as text, so that each is written once for all viewers. */
export class DeltaRing {
  #entries: Look[] = [];
  #length = 0;

  /** Adds the next one. */
  push(look: Look): void {
    this.#entries.push(look);
    this.#length += look.text.length;
    while (this.#entries.length > mostEntries || this.#length > mostCharacters) {
      const oldest = this.#entries.shift();
      if (oldest === undefined) return;
      this.#length -= oldest.text.length;
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#entries = [];
    this.#length = 0;
  }

  /** The one with a number. */
  at(seq: number): Look | undefined {
    const first = this.#entries[0]?.seq ?? 0;
    return this.#entries[seq - first];
  }

  /** Those that begin at or after a number, oldest first. */
  *since(seq: number): IterableIterator<string> {
    for (const entry of this.#entries) if (entry.seq >= seq) yield entry.text;
  }
}
