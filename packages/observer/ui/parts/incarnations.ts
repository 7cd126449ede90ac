import type { LifeRecord } from '../../src/protocol.ts';

/** One process among those that had the same path. */
export interface Incarnation {
  readonly path: string;
  readonly inc: number;
  readonly pid: number | null;
  /** When it began; null: before anything was recorded. */
  readonly from: number | null;
  /** When it ended; null while it lives. */
  readonly until: number | null;
  /** Why it ended. */
  readonly reason: string | null;
}

const BEGINNINGS = new Set(['started', 'restarted']);

/**
 * Makes the incarnations of each path out of life records.
 *
 * @param records - Life records, oldest first; of other kinds are ignored.
 * @returns Those of each path, the first one first.
 */
export function incarnationsOf(records: Iterable<LifeRecord>): Map<string, Incarnation[]> {
  const byPath = new Map<string, Incarnation[]>();
  for (const { what, path, inc, pid, at, reason } of records) {
    const isBeginning = BEGINNINGS.has(what);
    if (!isBeginning && what !== 'exited') continue;
    const all = byPath.get(path) ?? [];
    byPath.set(path, all);
    const index = all.findIndex((one) => one.inc === inc && (pid === null || one.pid === pid));
    const known = all[index];
    if (isBeginning) {
      if (known === undefined) all.push({ path, inc, pid, from: at, until: null, reason: null });
      continue;
    }
    const ended = { path, inc, pid, from: known?.from ?? null, until: at, reason: reason ?? null };
    if (known === undefined) all.push(ended);
    else all[index] = ended;
  }
  return byPath;
}
