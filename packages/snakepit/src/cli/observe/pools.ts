import { tableOf } from './table.ts';
import { jsonText, shortPath } from './text.ts';
import type { ViewedSystem } from './viewed-system.ts';

/** Calls of each kind that are shown. */
const mostCalls = 8;

/** Pools, workers and calls, as lines. What a newer observer adds is shown as it comes. */
export function poolsLines({ panels, rows, turns }: ViewedSystem, width: number): string[] {
  const pools = listIn(panels['python']?.['pools']);
  const calls = recordOf(panels['python']?.['calls']);
  const workers = rows
    .filter(({ os }) => os !== null)
    .map((row) => ({ row, title: shortPath(row.path), turns: turns.get(row.pid) }));
  if (pools.length === 0 && workers.length === 0) return [' There are no pools, or not yet.'];
  return [
    ...pools.flatMap(poolLines),
    '',
    ...(workers.length === 0 ? [] : tableOf(workers, 0, width)),
    ...callLines('slowest calls', calls['slowest']),
    ...callLines('failing calls', calls['failing']),
  ];
}

function poolLines(pool: Members): string[] {
  const { name, state, latency, ...rest } = pool;
  const scalars = Object.entries(rest).filter(([, value]) => typeof value !== 'object');
  const counts = scalars.map(([key, value]) => `${key} ${jsonText(value)}`);
  const times = Object.entries(recordOf(latency)).map(([key, value]) => `${key} ${brief(value)}`);
  return [
    ` pool ${jsonText(name)}: ${jsonText(state)}`,
    `   ${counts.join(', ')}`,
    ...(times.length === 0 ? [] : [`   latency ${times.join(', ')}`]),
  ];
}

function callLines(title: string, calls: unknown): string[] {
  const shown = listIn(calls).slice(0, mostCalls);
  if (shown.length === 0) return [];
  const lines = shown.map(({ tool, pool, worker, durationMs, code, message }) => {
    const why = code === undefined ? '' : ` ${jsonText(code)}: ${jsonText(message)}`;
    return `   ${brief(durationMs)} ms ${jsonText(tool)} in ${jsonText(pool)} by ${jsonText(worker ?? '-')}${why}`;
  });
  return ['', ` ${title}`, ...lines];
}

type Members = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function listIn(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

function brief(value: unknown): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : jsonText(value);
}
