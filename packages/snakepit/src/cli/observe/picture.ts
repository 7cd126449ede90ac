import { lifeText } from './life-text.ts';
import { poolsLines } from './pools.ts';
import { storyLines } from './story.ts';
import { listLines, tableOf, treeLines } from './table.ts';
import { plain } from './text.ts';
import { listOf, type View } from './view.ts';
import type { ViewedSystem } from './viewed-system.ts';

/** How large a terminal is. */
export interface Size {
  /** Signs of a line. */
  readonly columns: number;
  /** Lines. */
  readonly rows: number;
}

/** One line of a picture. */
export interface PictureLine {
  /** Its text; no wider than the terminal. */
  readonly text: string;
  /** Whether it is set off. */
  readonly isMarked?: true;
}

/** Lines about what happened last, under a list. */
const lifeLines = 3;
/** Above and below a list: two lines of title, one of keys, and the head of a table. */
const otherLines = 4;

const help = [
  't  tree of processes             l  list of all processes',
  'w  pools, workers and calls      s  sort the list by the next: mailbox, turns, memory, latency',
  'up down, k j  mark a process     enter  open it      12 enter  open that of line 12',
  'f b  next, last page             esc  back',
  'left right  back and forth in a saved incident, [ ] by ten moments',
  'p  pause, and go on              i 250 enter  a new picture each 250 ms',
  'q  quit',
];

/** How many lines of a list a terminal shows. */
export function pageOf({ rows }: Size): number {
  return Math.max(1, rows - otherLines - lifeLines);
}

/** What is seen. */
export function pictureOf(system: ViewedSystem, view: View, size: Size): readonly PictureLine[] {
  const body = bodyOf(system, view, size);
  const room = Math.max(0, size.rows - 3);
  const lines: PictureLine[] = [
    { text: ` ${titleOf(system)}`, isMarked: true },
    { text: countsOf(system) },
    ...body.slice(0, room),
    ...Array.from({ length: Math.max(0, room - body.length) }, () => ({ text: '' })),
    { text: footOf(view), isMarked: true },
  ];
  return lines.slice(-size.rows).map((line) => {
    const text = plain(line.text, size.columns);
    return line.isMarked ? { text: text.padEnd(size.columns), isMarked: true } : { text };
  });
}

function titleOf({ name, standing }: ViewedSystem): string {
  return name === '' ? standing : `${name}: ${standing}`;
}

function countsOf({ rows, turnsPerSecond }: ViewedSystem): string {
  const waiting = rows.reduce((sum, { mbox }) => sum + mbox, 0);
  const restarts = rows.reduce((sum, row) => sum + row.restarts, 0);
  const counts = [
    `${String(rows.length)} processes`,
    `${String(waiting)} messages wait`,
    `${turnsPerSecond.toFixed(0)} turns/s`,
    `${String(restarts)} restarts`,
  ];
  return ` ${counts.join(', ')}`;
}

function footOf({ screen, sort, digits, isInterval, isPaused, intervalMs }: View): string {
  if (isInterval) return ` new interval in ms, now ${String(intervalMs)}: ${digits}_`;
  if (digits !== '') return ` open line: ${digits}_`;
  const where = screen === 'top' ? `top by ${sort}` : screen;
  const paused = isPaused ? ' PAUSED' : '';
  return ` ${where}${paused} | t tree  l list  w pools  s sort  enter open  esc back  p pause  ? help  q quit`;
}

function bodyOf(system: ViewedSystem, view: View, size: Size): readonly PictureLine[] {
  switch (view.screen) {
    case 'tree':
    case 'top':
      return listBody(system, view, size);
    case 'process':
      return scrolled(storyLines(system, view.path), view.scroll);
    case 'pools':
      return scrolled(poolsLines(system, size.columns), view.scroll);
    case 'help':
      return help.map((text) => ({ text: ` ${text}` }));
  }
}

function scrolled(lines: readonly string[], scroll: number): readonly PictureLine[] {
  // The last line stays in sight.
  return lines.slice(Math.min(scroll, Math.max(0, lines.length - 1))).map((text) => ({ text }));
}

function listBody(system: ViewedSystem, view: View, size: Size): readonly PictureLine[] {
  const { rows, turns, life } = system;
  const list = listOf(view, rows, turns);
  const lines = view.screen === 'tree' ? treeLines(rows, turns) : listLines(list, turns);
  const page = pageOf(size);
  const at = Math.max(
    0,
    list.findIndex(({ path }) => path === view.path),
  );
  const from = at - (at % page);
  const [head = '', ...table] = tableOf(lines.slice(from, from + page), from, size.columns);
  const filled = [...table, ...Array.from({ length: page - table.length }, () => '')];
  return [
    { text: head },
    ...filled.map((text, index) => {
      const isMarked = view.path !== undefined && lines[from + index]?.row.path === view.path;
      return isMarked ? ({ text, isMarked } as const) : { text };
    }),
    ...life.slice(-lifeLines).map((record) => ({ text: lifeText(record, system.wallOffset) })),
  ];
}
