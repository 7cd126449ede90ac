import type { ActorRow } from '@snakepit/observer';
import { bytes, duration, left, plain, right, shortPath, stateText, unknown } from './text.ts';
import { treeOf } from './view.ts';

/** A line of a table of processes. */
export interface TableLine {
  /** The process. */
  readonly row: ActorRow;
  /** Its name, set in as deep as it is. */
  readonly title: string;
  /** Turns per second, where they are known. */
  readonly turns: number | undefined;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly text: (line: TableLine) => string;
  /** Whether it stands on the right. */
  readonly isNumber?: true;
}

const columns: readonly Column[] = [
  { title: 'STATE', width: 16, text: ({ row }) => stateText(row.value) },
  { title: 'STATUS', width: 9, text: ({ row }) => row.status },
  { title: 'RESTART', width: 7, text: ({ row }) => restartsOf(row), isNumber: true },
  { title: 'MBOX', width: 5, text: ({ row }) => String(row.mbox), isNumber: true },
  { title: 'TURNS/S', width: 7, text: ({ turns }) => turns?.toFixed(0) ?? unknown, isNumber: true },
  { title: 'MEMORY', width: 6, text: ({ row }) => bytes(row.rss), isNumber: true },
  { title: 'LATENCY', width: 7, text: ({ row }) => duration(row.hb), isNumber: true },
  { title: 'OS PID', width: 7, text: ({ row }) => String(row.os ?? unknown), isNumber: true },
  { title: 'LAST', width: 20, text: ({ row }) => row.err ?? row.last ?? unknown },
];

/** The name of a process has at least so much room; columns that leave less are left out, from the right. */
const leastName = 26;
const numberWidth = 5;

/** A table of processes: its head first, each line as wide as it says at most. */
export function tableOf(lines: readonly TableLine[], from: number, width: number): string[] {
  let fixed = numberWidth + 1 + leastName;
  const shown = columns.filter((column) => {
    const fits = fixed + column.width + 1 <= width;
    // One that does not fit ends it.
    fixed = fits ? fixed + column.width + 1 : Infinity;
    return fits;
  });
  const rest = shown.reduce((sum, column) => sum + column.width + 1, numberWidth + 1);
  const longest = Math.max(leastName, ...lines.map(({ title }) => title.length));
  const nameWidth = Math.max(1, Math.min(width - rest, longest));
  const write = (number: string, name: string, cell: (column: Column) => string): string => {
    const cells = shown.map((column) =>
      (column.isNumber ? right : left)(cell(column), column.width),
    );
    const text = [right(number, numberWidth), left(name, nameWidth), ...cells].join(' ');
    return text.slice(0, width).trimEnd();
  };
  return [
    write('#', 'PROCESS', ({ title }) => title),
    ...lines.map((line, index) =>
      write(String(from + index + 1), line.title, ({ text }) => text(line)),
    ),
  ];
}

/** A whole tree as lines of a table. */
export function treeLines(
  rows: readonly ActorRow[],
  turns: ReadonlyMap<number, number>,
): readonly TableLine[] {
  return treeOf(rows).map(({ row, depth }) => ({
    row,
    title: `${'  '.repeat(Math.min(depth, 20))}${titleOf(row)}`,
    turns: turns.get(row.pid),
  }));
}

/** A list as lines of a table: there the end of the path says what it is. */
export function listLines(
  rows: readonly ActorRow[],
  turns: ReadonlyMap<number, number>,
): readonly TableLine[] {
  return rows.map((row) => ({ row, title: shortPath(row.path), turns: turns.get(row.pid) }));
}

function titleOf({ name, kind }: ActorRow): string {
  return plain(name.toLowerCase() === kind.toLowerCase() ? name : `${name} (${kind})`);
}

/** How often it was restarted; of a supervisor also what counts. */
function restartsOf({ restarts, window }: ActorRow): string {
  return window === null ? String(restarts) : `${String(restarts)} ${window}`;
}
