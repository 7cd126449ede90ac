import type { TreeNode } from './tree-model.ts';

/** What keys can do to a tree. */
export interface TreeKeys {
  readonly nodes: readonly TreeNode[];
  /** Place of the selected node; below 0 when there is none. */
  readonly selected: number;
  readonly pageLength: number;
  readonly nameOf: (node: TreeNode) => string;
  readonly select: (index: number) => void;
  /** Opens what is closed and closes what is open. */
  readonly toggle: (nodes: readonly TreeNode[]) => void;
  readonly open: (node: TreeNode) => void;
  readonly search: () => void;
}

/** Collects the letters of a name that somebody types. */
export interface TypeAhead {
  readonly add: (letter: string, atMs: number) => string;
}

type Pressed = Pick<
  KeyboardEvent,
  'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp' | 'preventDefault'
>;

const PAUSE_MS = 700;

export function createTypeAhead(): TypeAhead {
  let typed = '';
  let last = 0;
  return {
    add(letter, atMs) {
      typed = atMs - last > PAUSE_MS ? letter : typed + letter;
      last = atMs;
      return typed.toLowerCase();
    },
  };
}

/** Does what a key means in a tree; any other key is left alone. */
export function treeKey(event: Pressed, keys: TreeKeys, ahead: TypeAhead): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const action = MOVES[event.key];
  if (action !== undefined) action(keys);
  else if (event.key.length === 1 && event.key !== ' ') {
    jump(keys, ahead.add(event.key, event.timeStamp));
  } else return;
  event.preventDefault();
}

const MOVES: Readonly<Record<string, (keys: TreeKeys) => void>> = {
  ArrowDown: (keys) => move(keys, keys.selected + 1),
  ArrowUp: (keys) => move(keys, keys.selected - 1),
  Home: (keys) => move(keys, 0),
  End: (keys) => move(keys, keys.nodes.length - 1),
  PageDown: (keys) => move(keys, keys.selected + keys.pageLength),
  PageUp: (keys) => move(keys, keys.selected - keys.pageLength),
  ArrowRight: openOrEnter,
  ArrowLeft: closeOrLeave,
  '.': toParent,
  '*': openSiblings,
  '/': (keys) => keys.search(),
  Enter: ({ nodes, selected, open }) => {
    const node = nodes[selected];
    if (node !== undefined) open(node);
  },
};

function move({ nodes, select }: TreeKeys, index: number): void {
  if (nodes.length > 0) select(Math.min(nodes.length - 1, Math.max(0, index)));
}

function openOrEnter(keys: TreeKeys): void {
  const node = keys.nodes[keys.selected];
  if (!node?.hasChildren) return;
  if (node.isOpen) move(keys, keys.selected + 1);
  else keys.toggle([node]);
}

function closeOrLeave(keys: TreeKeys): void {
  const node = keys.nodes[keys.selected];
  if (node === undefined) return;
  if (node.isOpen) keys.toggle([node]);
  else toParent(keys);
}

function toParent(keys: TreeKeys): void {
  const level = keys.nodes[keys.selected]?.level ?? 1;
  for (let index = keys.selected - 1; index >= 0; index--) {
    if ((keys.nodes[index]?.level ?? level) < level) {
      keys.select(index);
      return;
    }
  }
}

/** Siblings are those of one level that no line of a lower level parts. */
function openSiblings(keys: TreeKeys): void {
  const level = keys.nodes[keys.selected]?.level;
  if (level === undefined) return;
  const siblings: TreeNode[] = [];
  const collect = (from: number, step: number): void => {
    for (let index = from; ; index += step) {
      const node = keys.nodes[index];
      if (node === undefined || node.level < level) return;
      if (node.level === level && node.hasChildren && !node.isOpen) siblings.push(node);
    }
  };
  collect(keys.selected, 1);
  collect(keys.selected - 1, -1);
  keys.toggle(siblings);
}

/** To the next node whose name begins so; the present one too, while more than one letter is typed. */
function jump(keys: TreeKeys, typed: string): void {
  const { nodes, selected, nameOf, select } = keys;
  const start = typed.length > 1 ? Math.max(0, selected) : selected + 1;
  for (let step = 0; step < nodes.length; step++) {
    const index = (start + step) % nodes.length;
    const node = nodes[index];
    if (node !== undefined && nameOf(node).toLowerCase().startsWith(typed)) {
      select(index);
      return;
    }
  }
}
