import { activeStates } from '../../src/chart/active-states.ts';
import type { Chart } from '../../src/chart/chart.ts';
import type { ProcessRow } from '../live/store.ts';
import { parseValue } from './standing.ts';

/** A machine definition and those that run it. */
export interface Machine {
  /** Names its chart. */
  readonly hash: string;
  readonly label: string;
  readonly rows: readonly ProcessRow[];
}

/** Lists the machines that run, the most used first. */
export function machinesOf(rows: Iterable<ProcessRow>): Machine[] {
  const byHash = new Map<string, ProcessRow[]>();
  for (const row of rows) {
    if (row.chart === null) continue;
    const same = byHash.get(row.chart);
    if (same === undefined) byHash.set(row.chart, [row]);
    else same.push(row);
  }
  return [...byHash]
    .map(([hash, all]) => ({ hash, label: all[0]?.label ?? '', rows: all }))
    .sort((a, b) => b.rows.length - a.rows.length || a.label.localeCompare(b.label));
}

/** Says who is in each state: ids of the states of a chart, the machine itself left out. */
export function populationOf(
  chart: Chart,
  rows: readonly ProcessRow[],
): ReadonlyMap<string, readonly ProcessRow[]> {
  const found = new Map<string, ProcessRow[]>();
  // Many are in the same state, and to find out what a value means takes time.
  const known = new Map<string | null, readonly string[]>();
  for (const row of rows) {
    const states = known.get(row.value) ?? activeStates(chart, parseValue(row.value));
    known.set(row.value, states);
    for (const id of states) {
      if (id === chart.root) continue;
      const there = found.get(id);
      if (there === undefined) found.set(id, [row]);
      else there.push(row);
    }
  }
  return found;
}

/** Half of them are in their present state for so long, in milliseconds. */
export function medianStay(rows: readonly ProcessRow[], now: number): number {
  const stays = rows.map(({ since }) => Math.max(0, now - since)).sort((a, b) => a - b);
  return stays[Math.floor((stays.length - 1) / 2)] ?? 0;
}
