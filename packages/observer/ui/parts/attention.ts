import type { LifeRecord } from '../../src/protocol.ts';
import type { ProcessRow, Store } from '../live/store.ts';
import { standingOf, standings, valueText, type Standing } from './standing.ts';
import { duration, plural } from './words.ts';

/** Somebody who needs to be looked at. */
export interface Attention {
  readonly path: string;
  readonly standing: Standing;
  /** Why, as a sentence without its subject. */
  readonly why: string;
  /** The lower, the worse. */
  readonly rank: number;
}

const RANK = {
  ...{ gaveUp: 0, failed: 1, unavailable: 2, restarting: 3, degraded: 4 },
  ...{ missed: 5, window: 6, mailbox: 7, slow: 8 },
};
const RECENT = { gaveUp: 300_000, missed: 30_000, restarted: 10_000 };
const SLOW_MS = 5_000;
const LONG_MAILBOX = 20;
const MOST = 100;

/** Lists who needs attention, the worst first, each process once. */
export function attentionOf(store: Store, now: number): Attention[] {
  const found = new Map<string, Attention>();
  const add = (path: string, rank: number, standing: Standing, why: string): void => {
    const known = found.get(path);
    if (known === undefined || rank < known.rank) found.set(path, { path, rank, standing, why });
  };
  for (const record of store.life) addRecord(record, now, add);
  for (const row of store.dead.values()) addDead(row, now, add);
  for (const row of store.living.values()) addLiving(row, now, add);
  return [...found.values()]
    .sort((a, b) => a.rank - b.rank || a.path.localeCompare(b.path))
    .slice(0, MOST);
}

type Add = (path: string, rank: number, standing: Standing, why: string) => void;

function addRecord(record: LifeRecord, now: number, add: Add): void {
  const age = now - record.at;
  if (record.what === 'gaveUp' && age < RECENT.gaveUp) {
    const reason = record.reason === undefined ? '' : `: ${record.reason}`;
    add(record.path, RANK.gaveUp, standings.gaveUp, `gave up ${ago(age)}${reason}`);
  } else if (/^(missedHeartbeat|heartbeatMissed)$/.test(record.what) && age < RECENT.missed) {
    add(record.path, RANK.missed, standings.failed, `missed a heartbeat ${ago(age)}`);
  } else if (record.what === 'restarted' && age < RECENT.restarted) {
    const reason = record.reason === undefined ? '' : `: ${record.reason}`;
    add(record.path, RANK.restarting, standings.restarting, `was restarted ${ago(age)}${reason}`);
  }
}

function addDead(row: ProcessRow, now: number, add: Add): void {
  const standing = standingOf(row);
  if (standing !== standings.failed || row.ended === null) return;
  if (now - row.ended.at > RECENT.gaveUp) return;
  const why = `ended ${ago(now - row.ended.at)}: ${row.ended.reason ?? 'reason not known'}`;
  add(row.path, RANK.failed, standing, why);
}

function addLiving(row: ProcessRow, now: number, add: Add): void {
  const standing = standingOf(row);
  if (standing === standings.gaveUp) add(row.path, RANK.gaveUp, standing, 'has given up');
  if (standing === standings.failed) {
    add(
      row.path,
      RANK.failed,
      standing,
      `is in state ${valueText(row.value) || 'failed'}${because(row)}`,
    );
  }
  if (standing === standings.unavailable) {
    add(row.path, RANK.unavailable, standing, 'has nobody who could serve now; what comes waits');
  }
  if (standing === standings.degraded) {
    add(row.path, RANK.degraded, standing, 'serves, but not with all that it should have');
  }
  if (standing === standings.restarting) {
    const nth = row.inc > 1 ? `, incarnation ${row.inc}` : '';
    add(row.path, RANK.restarting, standing, `is restarting${nth}${because(row)}`);
  }
  const [used = 0, allowed = 0] = (row.window ?? '').split('/').map(Number);
  if (allowed > 0 && used * 2 >= allowed) {
    const why = `has used ${used} of ${plural(allowed, 'restart')} before it gives up`;
    add(row.path, RANK.window, standings.restarting, why);
  }
  if (row.mbox >= LONG_MAILBOX && row.mbox > row.earlier.mbox) {
    const why = `has ${plural(row.mbox, 'message')} waiting, ${row.earlier.mbox} before`;
    add(row.path, RANK.mailbox, standings.busy, why);
  }
  if (row.status === 'busy' && now - row.since > SLOW_MS) {
    const why = `handles one message since ${duration(now - row.since)}`;
    add(row.path, RANK.slow, standings.busy, why);
  }
}

function because(row: ProcessRow): string {
  return row.err === null ? '' : `; its predecessor ended: ${row.err}`;
}

function ago(ms: number): string {
  return `${duration(Math.max(0, ms))} ago`;
}

/** The health of the system in one line. */
export function healthLine(store: Store): string {
  const workers: ProcessRow[] = [];
  let restarting = 0;
  let waiting = 0;
  for (const row of store.living.values()) {
    waiting += row.mbox;
    if (row.kind !== 'worker') continue;
    workers.push(row);
    if (standingOf(row).tone === 'waiting') restarting += 1;
  }
  const ready = workers.filter((row) => standingOf(row).tone === 'running').length;
  return [
    ...(workers.length === 0 ? [] : [`${ready} of ${plural(workers.length, 'worker')} ready`]),
    ...(restarting === 0 ? [] : [`${restarting} starting, restarting or stopping`]),
    plural(store.living.size, 'process', 'processes'),
    waiting === 0 ? 'no message waits' : `${plural(waiting, 'message')} wait`,
  ].join(', ');
}
