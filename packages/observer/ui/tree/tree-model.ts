import type { ProcessRow } from '../live/store.ts';
import { standingOf } from '../parts/standing.ts';
import type { Filter } from './filter.ts';

/** A line of the tree: a process, or many equal ones in one. */
export type TreeNode = ProcessNode | GroupNode;

interface Placed {
  /** Names the node across updates, and across restarts of its process. */
  readonly key: string;
  /** 1 for what the outside spawned. */
  readonly level: number;
  readonly isOpen: boolean;
  readonly hasChildren: boolean;
  /** Its place among its siblings, from 1, and how many there are. */
  readonly position: number;
  readonly siblings: number;
}

export interface ProcessNode extends Placed {
  readonly kind: 'process';
  readonly path: string;
}

export interface GroupNode extends Placed {
  readonly kind: 'group';
  readonly label: string;
  readonly paths: readonly string[];
}

export interface TreeOptions {
  readonly filter: Filter | null;
  /** Keys of the nodes that somebody closed; of groups, of those that somebody opened. */
  readonly toggled: ReadonlySet<string>;
}

/** More equal children than this are shown as one line. */
const GROUPED_ABOVE = 20;

/**
 * Lists what is to be seen of a tree, from top to bottom.
 *
 * With a filter these are the processes that pass, each under those above it, and nothing is closed or grouped.
 *
 * @param rows - All processes that are shown; parents may come after children.
 */
export function listTree(rows: Iterable<ProcessRow>, { filter, toggled }: TreeOptions): TreeNode[] {
  const children = childrenOf(rows);
  const wanted = filter === null ? null : wantedPaths(children, filter);
  const list: TreeNode[] = [];
  const visit = (parent: string | null, level: number): void => {
    const all = children.get(parent) ?? [];
    const shown = wanted === null ? all : all.filter(({ path }) => wanted.has(path));
    const entries = wanted === null ? grouped(parent, shown) : shown;
    for (const [index, entry] of entries.entries()) {
      const place = { level, position: index + 1, siblings: entries.length };
      if (isGroup(entry)) {
        const isOpen = toggled.has(entry.key);
        list.push({ kind: 'group', ...entry, ...place, isOpen, hasChildren: true });
        if (isOpen) addMembers(entry.members, level + 1);
      } else addProcess(entry, place);
    }
  };
  const addProcess = (
    { path }: ProcessRow,
    place: Pick<Placed, 'level' | 'position' | 'siblings'>,
  ): void => {
    const hasChildren = (children.get(path)?.length ?? 0) > 0;
    const isOpen = hasChildren && (wanted !== null || !toggled.has(path));
    list.push({ kind: 'process', key: path, path, ...place, isOpen, hasChildren });
    if (isOpen) visit(path, place.level + 1);
  };
  const addMembers = (members: readonly ProcessRow[], level: number): void => {
    for (const [index, row] of members.entries()) {
      addProcess(row, { level, position: index + 1, siblings: members.length });
    }
  };
  visit(null, 1);
  return list;
}

/**
 * Finds which groups must be opened for a process to be seen.
 *
 * @returns Their keys; none when it is seen anyway, or not there.
 */
export function groupsAbove(rows: readonly ProcessRow[], path: string): ReadonlySet<string> {
  const toggled = new Set<string>();
  for (;;) {
    const nodes = listTree(rows, { filter: null, toggled });
    const group = nodes.find(
      (node) =>
        node.kind === 'group' &&
        !node.isOpen &&
        node.paths.some((member) => member === path || path.startsWith(`${member}/`)),
    );
    if (group === undefined) return toggled;
    toggled.add(group.key);
  }
}

/** How many of some processes stand in each way, most first: `97 running, 3 restarting`. */
export function countStandings(rows: Iterable<ProcessRow>): string {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const { word } = standingOf(row);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}

interface Group {
  readonly key: string;
  readonly label: string;
  readonly paths: readonly string[];
  readonly members: readonly ProcessRow[];
}

function isGroup(entry: Group | ProcessRow): entry is Group {
  return 'members' in entry;
}

function childrenOf(rows: Iterable<ProcessRow>): Map<string | null, ProcessRow[]> {
  const all = [...rows];
  const known = new Set(all.map(({ path }) => path));
  const children = new Map<string | null, ProcessRow[]>();
  for (const row of all) {
    // The parent of one that ended may be gone too: then it stands at the top.
    const parent = row.parentPath !== null && known.has(row.parentPath) ? row.parentPath : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [row]);
    else siblings.push(row);
  }
  return children;
}

function wantedPaths(children: Map<string | null, ProcessRow[]>, filter: Filter): Set<string> {
  const wanted = new Set<string>();
  const visit = (parent: string | null): boolean => {
    let isAny = false;
    for (const row of children.get(parent) ?? []) {
      const isBelow = visit(row.path);
      if (!isBelow && !filter(row)) continue;
      wanted.add(row.path);
      isAny = true;
    }
    return isAny;
  };
  visit(null);
  return wanted;
}

/** Puts many children of one definition into one entry, where the first of them was. */
function grouped(parent: string | null, rows: readonly ProcessRow[]): (ProcessRow | Group)[] {
  if (rows.length <= GROUPED_ABOVE) return [...rows];
  const byLabel = new Map<string, ProcessRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.kind, row.label]);
    const members = byLabel.get(key);
    if (members === undefined) byLabel.set(key, [row]);
    else members.push(row);
  }
  return [...byLabel].flatMap(([key, members]): (ProcessRow | Group)[] => {
    if (members.length <= GROUPED_ABOVE) return members;
    const label = members[0]?.label ?? '';
    const paths = members.map(({ path }) => path);
    return [{ key: `${parent ?? ''} ${key}`, label, paths, members }];
  });
}
