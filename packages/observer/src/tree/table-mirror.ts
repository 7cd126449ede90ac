import {
  rowColumns,
  type ActorRow,
  type DeltaLine,
  type LiveLine,
  type SnapLine,
} from '../protocol.ts';
import { decodeRow } from './row-codec.ts';

/** The tree as a reader of the stream has it: what every viewer makes of the lines. */
export class TableMirror {
  readonly #rows = new Map<number, ActorRow>();
  #texts: string[] = [];
  #columns: readonly string[] = rowColumns;
  #seq = 0;
  #epoch = '';

  /** The rows by pid, parents first. */
  get rows(): ReadonlyMap<number, ActorRow> {
    return this.#rows;
  }

  /** The number of the last delta. */
  get seq(): number {
    return this.#seq;
  }

  /** Of which run of the observer; empty before the first line. */
  get epoch(): string {
    return this.#epoch;
  }

  /**
   * Takes the next line.
   *
   * @throws RangeError when deltas are missing before it: the reader has to come back without `since`.
   */
  apply(line: LiveLine): void {
    if (line.k === 'hello') this.#epoch = line.epoch;
    else if (line.k === 'snap') this.#snap(line);
    else if (line.k === 'delta') this.#delta(line);
  }

  /** The text of a place in the dictionary: the reason of a death. */
  text(place: number): string | undefined {
    return this.#texts[place];
  }

  #snap({ seq, cols, dict, rows }: SnapLine): void {
    this.#seq = seq;
    this.#columns = cols;
    this.#texts = [...dict];
    this.#rows.clear();
    this.#put(rows);
  }

  #delta({ seq, up, dict, del }: DeltaLine): void {
    if (seq !== this.#seq + 1) {
      throw new RangeError(`delta ${String(seq)} came after ${String(this.#seq)}`);
    }
    this.#seq = seq;
    this.#texts.push(...dict);
    for (const [pid] of del) this.#rows.delete(pid);
    this.#put(up);
  }

  #put(rows: SnapLine['rows']): void {
    for (const wire of rows) {
      const row = decodeRow(wire, (place) => this.#texts[place], this.#columns);
      this.#rows.set(row.pid, row);
    }
  }
}
