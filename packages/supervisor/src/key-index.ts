import { emptyTable, tableDelete, tableGet, tableSet, type OrderedTable } from './ordered-table.ts';

/** Rows of the index; three levels of the table below it. */
const rows = 32_768;

/**
 * An immutable index from a key to a whole number, hashed into the rows of an ordered table.
 *
 * As cheap to change as the table, and as plain.
 */
export type KeyIndex<K extends string | number> = OrderedTable<readonly (readonly [K, number])[]>;

/** The index without entries. */
export function emptyIndex<K extends string | number>(): KeyIndex<K> {
  return emptyTable();
}

/** The number at a key, or `undefined`. */
export function indexGet<K extends string | number>(
  index: KeyIndex<K>,
  key: K,
): number | undefined {
  return tableGet(index, rowOf(key))?.find((entry) => entry[0] === key)?.[1];
}

/** The index with this number at this key. */
export function indexSet<K extends string | number>(
  index: KeyIndex<K>,
  key: K,
  value: number,
): KeyIndex<K> {
  const row = rowOf(key);
  const others = (tableGet(index, row) ?? []).filter((entry) => entry[0] !== key);
  return tableSet(index, row, [...others, [key, value] as const]);
}

/** The index without this key. */
export function indexDelete<K extends string | number>(index: KeyIndex<K>, key: K): KeyIndex<K> {
  const row = rowOf(key);
  const entries = tableGet(index, row);
  if (entries === undefined) return index;
  const others = entries.filter((entry) => entry[0] !== key);
  if (others.length === entries.length) return index;
  return others.length === 0 ? tableDelete(index, row) : tableSet(index, row, others);
}

function rowOf(key: string | number): number {
  return typeof key === 'number' ? key % rows : hash(key) % rows;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}
