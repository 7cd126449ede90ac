import { emptyTable, tableDelete, tableGet, tableSet, type OrderedTable } from './ordered-table.ts';

/** Rows of a large index; three levels of the table below it. */
const rows = 32_768;

/** So many keys are found as fast without rows; most supervisors have no more, and there are many of those. */
const fewKeys = 8;

type Entries<K> = readonly (readonly [K, number])[];

/**
 * An immutable index from a key to a whole number: a list while the keys are few, then hashed into the rows of an
 * ordered table.
 *
 * As cheap to change as the table, and as plain.
 */
export type KeyIndex<K extends string | number> = Entries<K> | OrderedTable<Entries<K>>;

/** The index without entries. */
export function emptyIndex<K extends string | number>(): KeyIndex<K> {
  return [];
}

/** The number at a key, or `undefined`. */
export function indexGet<K extends string | number>(
  index: KeyIndex<K>,
  key: K,
): number | undefined {
  const entries = isList(index) ? index : tableGet(index, rowOf(key));
  return entries?.find((entry) => entry[0] === key)?.[1];
}

/** The index with this number at this key. */
export function indexSet<K extends string | number>(
  index: KeyIndex<K>,
  key: K,
  value: number,
): KeyIndex<K> {
  if (!isList(index)) return setInRow(index, key, value);
  const entries = [...without(index, key), [key, value] as const];
  if (entries.length <= fewKeys) return entries;
  const none: OrderedTable<Entries<K>> = emptyTable();
  return entries.reduce((table, [each, at]) => setInRow(table, each, at), none);
}

/** The index without this key. */
export function indexDelete<K extends string | number>(index: KeyIndex<K>, key: K): KeyIndex<K> {
  if (indexGet(index, key) === undefined) return index;
  if (isList(index)) return without(index, key);
  const row = rowOf(key);
  const others = without(tableGet(index, row) ?? [], key);
  return others.length === 0 ? tableDelete(index, row) : tableSet(index, row, others);
}

function isList<K extends string | number>(index: KeyIndex<K>): index is Entries<K> {
  return Array.isArray(index);
}

function setInRow<K extends string | number>(
  table: OrderedTable<Entries<K>>,
  key: K,
  value: number,
): OrderedTable<Entries<K>> {
  const row = rowOf(key);
  const others = without(tableGet(table, row) ?? [], key);
  return tableSet(table, row, [...others, [key, value] as const]);
}

function without<K>(entries: Entries<K>, key: K): Entries<K> {
  return entries.filter((entry) => entry[0] !== key);
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
