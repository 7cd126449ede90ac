import type { ActorRow } from '@snakepit/observer';
import type { Interest } from './viewed-system.ts';

/** What a list of processes is sorted by. */
export const sorts = ['mailbox', 'turns', 'memory', 'latency'] as const;

/** One of {@link sorts}. */
export type Sort = (typeof sorts)[number];

/** What somebody looks at. */
export interface View {
  /** Which picture. */
  readonly screen: 'tree' | 'top' | 'pools' | 'process' | 'help';
  /** Where `esc` leads. */
  readonly back: 'tree' | 'top' | 'pools';
  /** What the list of all processes is sorted by. */
  readonly sort: Sort;
  /** Path of the process that is marked, or open. */
  readonly path: string | undefined;
  /** The first line that is seen, of a picture that is no list. */
  readonly scroll: number;
  /** Whether the picture stands still. */
  readonly isPaused: boolean;
  /** Digits that were typed: the number of a line, or the new interval. */
  readonly digits: string;
  /** Whether the digits are an interval. */
  readonly isInterval: boolean;
  /** How often there is a new picture, in milliseconds. */
  readonly intervalMs: number;
}

/** What is looked at first. */
export const firstView: View = {
  screen: 'tree',
  back: 'tree',
  sort: 'mailbox',
  path: undefined,
  scroll: 0,
  isPaused: false,
  digits: '',
  isInterval: false,
  intervalMs: 500,
};

/** The shortest and the longest time between two pictures, in milliseconds. */
const intervals = { least: 100, most: 60_000 };

/** What a key means besides a change of the view. */
export type Pressed = View | 'quit' | { readonly move: number };

/** What is on the screen where a key is pressed. */
export interface Shown {
  /** The processes in their order. */
  readonly list: readonly ActorRow[];
  /** Lines of a page. */
  readonly page: number;
}

/**
 * What follows from a key.
 *
 * @param view - What is looked at.
 * @param key - The name of the key, as Node has it, or the sign that was typed.
 * @param shown - What is on the screen.
 */
export function press(view: View, key: string, shown: Shown): Pressed {
  if (key === 'q' || key === 'ctrl-c') return 'quit';
  if (/^\d$/.test(key)) return { ...view, digits: `${view.digits}${key}`.slice(0, 7) };
  const typed = view.digits !== '' || view.isInterval;
  const rest = { ...view, digits: '', isInterval: false };
  if (typed && key === 'return') return entered(view, shown);
  if (typed && key === 'escape') return rest;
  if (typed && key === 'backspace') return { ...view, digits: view.digits.slice(0, -1) };
  return switched(rest, key) ?? moved(rest, key, shown) ?? rest;
}

/** What of the system is looked at. */
export function interestOf({ screen, path, sort }: View): Interest {
  return {
    path: screen === 'process' ? path : undefined,
    turns: screen === 'top' && sort === 'turns',
    panels: screen === 'pools',
  };
}

/**
 * The processes in the order in which a view has them.
 *
 * @param turns - Turns per second, by pid.
 */
export function listOf(
  { screen, back, sort }: View,
  rows: readonly ActorRow[],
  turns: ReadonlyMap<number, number>,
): readonly ActorRow[] {
  const isTop = screen === 'top' || (screen !== 'tree' && back === 'top');
  if (!isTop) return treeOf(rows).map(({ row }) => row);
  const measure: Readonly<Record<Sort, (row: ActorRow) => number>> = {
    mailbox: ({ mbox }) => mbox,
    turns: ({ pid }) => turns.get(pid) ?? 0,
    memory: ({ rss }) => rss ?? -1,
    latency: ({ hb }) => hb ?? -1,
  };
  const value = measure[sort];
  return [...rows].sort((a, b) => value(b) - value(a) || a.pid - b.pid);
}

/** Rows as a tree: each with how deep it is, parents before their children. */
export function treeOf(
  rows: readonly ActorRow[],
): readonly { readonly row: ActorRow; readonly depth: number }[] {
  const pids = new Set(rows.map(({ pid }) => pid));
  const children = new Map<number, ActorRow[]>();
  for (const row of rows) {
    // A process may outlive who spawned it.
    const parent = pids.has(row.parent) ? row.parent : 0;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [row]);
    else siblings.push(row);
  }
  const found: { row: ActorRow; depth: number }[] = [];
  const open = (children.get(0) ?? []).map((row) => ({ row, depth: 0 })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    found.push(next);
    const depth = next.depth + 1;
    for (const row of (children.get(next.row.pid) ?? []).reverse()) open.push({ row, depth });
  }
  return found;
}

function entered(view: View, { list }: Shown): View {
  const rest = { ...view, digits: '', isInterval: false };
  if (view.isInterval) {
    const asked = Math.min(Math.max(Number(view.digits), intervals.least), intervals.most);
    return view.digits === '' ? rest : { ...rest, intervalMs: asked };
  }
  const row = list[Number(view.digits) - 1];
  return row === undefined ? rest : opened(rest, row.path);
}

function opened(view: View, path: string | undefined): View {
  return path === undefined ? view : { ...view, screen: 'process', path, scroll: 0 };
}

/** Another picture, or another way to have it. */
function switched(view: View, key: string): View | undefined {
  const next = sorts[(sorts.indexOf(view.sort) + 1) % sorts.length] ?? 'mailbox';
  const to = (screen: 'tree' | 'top' | 'pools'): View => {
    return { ...view, screen, back: screen, scroll: 0 };
  };
  switch (key) {
    case 't':
      return to('tree');
    case 'l':
      return to('top');
    case 'w':
      return to('pools');
    case 's':
      return view.screen === 'top' ? { ...view, sort: next } : to('top');
    case 'p':
      return { ...view, isPaused: !view.isPaused };
    case 'i':
      return { ...view, isInterval: true };
    case '?':
    case 'h':
      return { ...view, screen: 'help', scroll: 0 };
    case 'escape':
    case 'backspace':
      return { ...view, screen: view.back, scroll: 0 };
    default:
      return undefined;
  }
}

/** Another place in the picture, or another time. */
function moved(view: View, key: string, { list, page }: Shown): Pressed | undefined {
  const steps: Readonly<Record<string, number | undefined>> = {
    ...{ up: -1, k: -1, down: 1, j: 1, b: -page, pageup: -page, f: page, pagedown: page },
    ...{ home: -Infinity, end: Infinity },
  };
  const times: Readonly<Record<string, number | undefined>> = {
    left: -1,
    right: 1,
    '[': -10,
    ']': 10,
  };
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
  const time = Object.hasOwn(times, key) ? times[key] : undefined;
  if (time !== undefined) return { move: time };
  const isList = view.screen === 'tree' || view.screen === 'top';
  const at = list.findIndex(({ path }) => path === view.path);
  if (key === 'return' && isList) return opened(view, list[Math.max(at, 0)]?.path);
  if (step === undefined) return undefined;
  if (!isList) return { ...view, scroll: Math.max(0, Math.min(view.scroll + step, 100_000)) };
  // The first line is marked where none is.
  const place = Math.min(Math.max(Math.max(at, 0) + step, 0), list.length - 1);
  return { ...view, path: list[place]?.path };
}
