import {
  type ActorRow,
  type DeltaLine,
  type HelloLine,
  internedColumns,
  rowColumns,
  type SnapLine,
  type WireRow,
} from '../../src/protocol.ts';
import { createStore, type ProcessRow } from './store.ts';

export const hello: HelloLine = {
  k: 'hello',
  v: 1,
  epoch: 'one',
  system: 'test',
  startedAt: 0,
  now: 1_000,
  wall: 1_700_000_000_000,
  pid: 7,
  node: 'v20',
  xstate: '5',
  hz: 4,
  can: { act: false, context: 'full' },
};
const counts = { turns: 10, born: 0, died: 0, waiting: 0, processes: 1 };

/** A row with everything that is not given being quiet and ordinary. */
export function rowOf(row: Partial<ActorRow> & Pick<ActorRow, 'pid' | 'path'>): ActorRow {
  return {
    parent: 0,
    inc: 1,
    kind: 'statechart',
    name: row.path.slice(row.path.lastIndexOf('/') + 1),
    label: 'thing',
    value: 'idle',
    status: 'waiting',
    restarts: 0,
    window: null,
    mbox: 0,
    since: 1_000,
    last: null,
    lastAt: null,
    err: null,
    chart: null,
    os: null,
    rss: null,
    hb: null,
    inflight: null,
    ...row,
  };
}

/** Writes lines as the server does. */
export class Wire {
  readonly #dictionary: string[] = [];
  #told = 0;
  #seq = 0;

  snap(t: number, rows: readonly ActorRow[]): SnapLine {
    const wire = rows.map((row) => this.#encode(row));
    this.#told = this.#dictionary.length;
    return {
      k: 'snap',
      seq: (this.#seq += 1),
      t,
      cols: rowColumns,
      dict: [...this.#dictionary],
      rows: wire,
    };
  }

  delta(
    t: number,
    up: readonly ActorRow[],
    del: readonly (readonly [pid: number, reason: string | null])[] = [],
  ): DeltaLine {
    const rows = up.map((row) => this.#encode(row));
    const ends = del.map(
      ([pid, reason]) => [pid, reason === null ? -1 : this.#intern(reason), t] as const,
    );
    const dict = this.#dictionary.slice(this.#told);
    this.#told = this.#dictionary.length;
    return { k: 'delta', seq: (this.#seq += 1), t, up: rows, dict, del: ends, n: counts };
  }

  #encode(row: ActorRow): WireRow {
    return rowColumns.map((column) => {
      const value = row[column];
      return internedColumns.has(column) && typeof value === 'string' ? this.#intern(value) : value;
    });
  }

  #intern(text: string): number {
    const known = this.#dictionary.indexOf(text);
    return known >= 0 ? known : this.#dictionary.push(text) - 1;
  }
}

/** Rows as the store makes them. */
export function shownRows(rows: readonly ActorRow[]): ProcessRow[] {
  const store = createStore();
  store.apply(hello);
  store.apply(new Wire().snap(1_000, rows));
  return [...store.living.values()];
}
