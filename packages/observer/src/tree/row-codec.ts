import { internedColumns, rowColumns, type ActorRow, type WireRow } from '../protocol.ts';
import type { Dictionary } from './dictionary.ts';

const columns = rowColumns.map((column) => ({ column, isInterned: internedColumns.has(column) }));

/** A row as it is sent, its new texts put into the dictionary. */
export function encodeRow(row: ActorRow, dictionary: Dictionary): WireRow {
  return columns.map(({ column, isInterned }) => {
    const value = row[column];
    return isInterned && typeof value === 'string' ? dictionary.intern(value) : value;
  });
}

/**
 * The row that was sent so.
 *
 * @param text - Gives the text of a place in the dictionary.
 */
export function decodeRow(
  wire: WireRow,
  text: (place: number) => string | undefined,
  order: readonly string[] = rowColumns,
): ActorRow {
  const interned: ReadonlySet<string> = internedColumns;
  const members = order.map((column, index) => {
    const value = wire[index] ?? null;
    const isPlace = interned.has(column) && typeof value === 'number';
    return [column, isPlace ? (text(value) ?? null) : value] as const;
  });
  // Each column has the type that its encoder gave it; a stream of another version may have other columns.
  return Object.fromEntries(members) as unknown as ActorRow;
}
