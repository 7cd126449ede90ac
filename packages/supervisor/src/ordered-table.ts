/** How many entries a branch has; a power of two keeps the arithmetic exact. */
const width = 32;

/** An inner node or a leaf row; `null` where there is nothing, and no longer than it must be. */
type Branch<T> = readonly (Branch<T> | T | null)[];

/**
 * An immutable table from whole numbers ≥ 0 to values, in order of the numbers.
 *
 * A change copies the path to one entry, a few dozen words, and shares all the rest: a statechart's context can
 * hold 10,000 children and still be replaced at every event. Made of plain arrays, so it can be stored and shown.
 */
export interface OrderedTable<T> {
  /** How many entries. */
  readonly size: number;
  /** How many levels of branches. */
  readonly depth: number;
  /** The uppermost branch. */
  readonly root: Branch<T> | null;
}

/** One entry: its number and its value. */
export type TableEntry<T> = readonly [key: number, value: T];

const empty: OrderedTable<never> = { size: 0, depth: 1, root: null };

/** The table without entries. */
export function emptyTable<T>(): OrderedTable<T> {
  return empty;
}

/** The value at a number, or `undefined`. */
export function tableGet<T>(table: OrderedTable<T>, key: number): T | undefined {
  if (key < 0 || key >= width ** table.depth) return undefined;
  let node: Branch<T> | T | null = table.root;
  for (let level = table.depth - 1; level >= 0; level--) {
    if (node === null) return undefined;
    node = childOf(node as Branch<T>, digit(key, level));
  }
  // Below the last level there are values only.
  return node === null ? undefined : (node as T);
}

/** The table with this value at this number, a whole one ≥ 0. */
export function tableSet<T>(table: OrderedTable<T>, key: number, value: T): OrderedTable<T> {
  let { root, depth } = table;
  while (key >= width ** depth) {
    root = root === null ? null : [root];
    depth += 1;
  }
  const known = tableGet(table, key) !== undefined;
  return {
    size: known ? table.size : table.size + 1,
    depth,
    root: put(root, depth - 1, key, value),
  };
}

/** The table without what is at this number. */
export function tableDelete<T>(table: OrderedTable<T>, key: number): OrderedTable<T> {
  if (tableGet(table, key) === undefined) return table;
  if (table.size === 1) return empty;
  const { size, depth } = table;
  return { size: size - 1, depth, root: drop(table.root, depth - 1, key) };
}

/** The first entry between two numbers, both included, that passes the test. */
export function firstBetween<T>(
  table: OrderedTable<T>,
  from: number,
  upTo: number,
  passes: (value: T) => boolean = () => true,
): TableEntry<T> | undefined {
  return seek(table.root, table.depth - 1, 0, { from, upTo, up: true, passes });
}

/** The last entry between two numbers, both included, that passes the test. */
export function lastBetween<T>(
  table: OrderedTable<T>,
  from: number,
  upTo: number,
  passes: (value: T) => boolean = () => true,
): TableEntry<T> | undefined {
  return seek(table.root, table.depth - 1, 0, { from, upTo, up: false, passes });
}

/** All values, in order. */
export function* tableValues<T>(table: OrderedTable<T>): Generator<T> {
  yield* valuesOf(table.root, table.depth - 1);
}

interface Search<T> {
  readonly from: number;
  readonly upTo: number;
  readonly up: boolean;
  readonly passes: (value: T) => boolean;
}

function digit(key: number, level: number): number {
  return Math.floor(key / width ** level) % width;
}

function childOf<T>(node: Branch<T>, index: number): Branch<T> | T | null {
  return node[index] ?? null;
}

function put<T>(node: Branch<T> | null, level: number, key: number, value: T): Branch<T> {
  const index = digit(key, level);
  const copy = copyWithPlace(node ?? [], index);
  copy[index] =
    level === 0 ? value : put((copy[index] ?? null) as Branch<T> | null, level - 1, key, value);
  return copy;
}

function copyWithPlace<T>(node: Branch<T>, index: number): (Branch<T> | T | null)[] {
  if (index < node.length) return node.slice();
  return Array.from({ length: index + 1 }, (_, at) => childOf(node, at));
}

function drop<T>(node: Branch<T> | null, level: number, key: number): Branch<T> | null {
  if (node === null) return null;
  const copy = node.slice();
  const index = digit(key, level);
  copy[index] =
    level === 0 ? null : drop((copy[index] ?? null) as Branch<T> | null, level - 1, key);
  return copy.every((entry) => entry === null) ? null : copy;
}

function seek<T>(
  node: Branch<T> | null,
  level: number,
  base: number,
  search: Search<T>,
): TableEntry<T> | undefined {
  if (node === null) return undefined;
  const span = width ** level;
  for (let step = 0; step < width; step++) {
    const index = search.up ? step : width - 1 - step;
    const entry = childOf(node, index);
    if (entry === null) continue;
    const key = base + index * span;
    if (key + span <= search.from || key > search.upTo) continue;
    if (level > 0) {
      const found = seek(entry as Branch<T>, level - 1, key, search);
      if (found !== undefined) return found;
    } else if (search.passes(entry as T)) {
      return [key, entry as T];
    }
  }
  return undefined;
}

function* valuesOf<T>(node: Branch<T> | null, level: number): Generator<T> {
  for (const entry of node ?? []) {
    if (entry === null) continue;
    if (level === 0) yield entry as T;
    else yield* valuesOf(entry as Branch<T>, level - 1);
  }
}
