import type { EventTable } from './event-table.ts';

type Reader = (table: EventTable) => void;

/** The tables of the events of one bus, each once. */
export class Descriptions {
  readonly #tables = new Set<EventTable>();
  readonly #readers = new Set<Reader>();

  /** Adds a table and tells of it, unless it is there. */
  add(table: EventTable): void {
    if (this.#tables.has(table)) return;
    this.#tables.add(table);
    for (const read of [...this.#readers]) read(table);
  }

  /** Tells all tables, and those that come; returns what ends that. */
  read(reader: Reader): () => void {
    const own: Reader = (table) => {
      reader(table);
    };
    this.#readers.add(own);
    for (const table of this.#tables) own(table);
    return () => void this.#readers.delete(own);
  }
}
