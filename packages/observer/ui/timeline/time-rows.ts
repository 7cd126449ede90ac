import type { Handled, LifeRecord } from '../../src/protocol.ts';
import type { ProcessRow, Store } from '../live/store.ts';
import { type Incarnation, incarnationsOf } from '../parts/incarnations.ts';

/** Something that happened at one moment. */
export interface Tick {
  readonly at: number;
  readonly what: string;
  readonly path: string;
  readonly kind: 'life' | 'failure' | 'message';
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** The rest of what is known, in one line. */
  readonly text: string;
}

/** All that happened on one path. */
export interface TimeRow {
  readonly path: string;
  readonly bars: readonly Incarnation[];
  /** Oldest first. */
  readonly ticks: readonly Tick[];
}

/** A piece of time. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/** Whether a path is another one or below it; everything is below the empty one. */
function isWithin(path: string, root: string): boolean {
  return root === '' || path === root || path.startsWith(`${root}/`);
}

/** The living processes of a subtree. */
export function subtreeOf(store: Store, root: string): ProcessRow[] {
  return [...store.living.values()].filter(({ path }) => isWithin(path, root));
}

/**
 * Lists what happened in a subtree, a row for each path in the order of the tree.
 *
 * @param isFailure - Whether a life record tells of something that went wrong.
 */
export function timeRows(
  store: Store,
  root: string,
  isFailure: (record: LifeRecord) => boolean,
): TimeRow[] {
  const living = subtreeOf(store, root);
  const life = store.life.filter(({ path }) => isWithin(path, root));
  const incarnations = incarnationsOf(life);
  const ticks = new Map<string, Tick[]>();
  const add = (tick: Tick): void => {
    const known = ticks.get(tick.path);
    if (known === undefined) ticks.set(tick.path, [tick]);
    else known.push(tick);
  };
  for (const record of life) add(lifeTick(record, isFailure(record)));
  for (const row of living) {
    for (const record of store.messagesOf(row.pid).list) add(messageTick(record, row.path));
  }
  const paths = new Set([
    ...living.map(({ path }) => path),
    ...incarnations.keys(),
    ...ticks.keys(),
  ]);
  const alive = new Map(living.map((row) => [row.path, row]));
  return inTreeOrder(paths).map((path) => ({
    path,
    bars: withLiving(incarnations.get(path) ?? [], alive.get(path)),
    ticks: (ticks.get(path) ?? []).sort((a, b) => a.at - b.at),
  }));
}

/** Parents before their children, siblings by name. */
function inTreeOrder(paths: Iterable<string>): string[] {
  // A sign that sorts before all that names hold; there may be thousands, so each is made once.
  const keyed = Array.from(paths, (path) => ({ path, key: path.replaceAll('/', '\u0001') }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ path }) => path);
}

/** Of who began before anything was recorded no record tells. */
function withLiving(
  known: readonly Incarnation[],
  row: ProcessRow | undefined,
): readonly Incarnation[] {
  if (row === undefined || known.some(({ pid }) => pid === row.pid)) return known;
  const { path, inc, pid } = row;
  return [...known, { path, inc, pid, from: null, until: null, reason: null }];
}

function lifeTick({ at, what, path, reason, inc }: LifeRecord, isFailure: boolean): Tick {
  const text = `incarnation ${inc}${reason === undefined ? '' : `: ${reason}`}`;
  return { at, what, path, kind: isFailure ? 'failure' : 'life', tookMs: 0, text };
}

function messageTick({ t, seq, event, outcome, tookMs, error }: Handled, path: string): Tick {
  const text = `${outcome} in ${tookMs.toFixed(2)} ms${error === undefined ? '' : `: ${error}`}`;
  const kind = outcome === 'crashed' || outcome === 'failed' ? 'failure' : 'message';
  // A call of Python is no message.
  return { at: t, what: seq < 0 ? `${event}()` : event, path, kind, tookMs, text };
}

/** Makes a span longer or shorter around a moment of it, at least 10 ms and at most `whole`. */
export function zoomed(span: Span, factor: number, around: number, whole: Span): Span {
  const length = Math.min(
    whole.until - whole.from,
    Math.max(10, (span.until - span.from) * factor),
  );
  const part = (around - span.from) / Math.max(1e-6, span.until - span.from);
  return shifted({ from: around - part * length, until: around + (1 - part) * length }, 0, whole);
}

/** Moves a span, as far as the whole goes. */
export function shifted({ from, until }: Span, by: number, whole: Span): Span {
  const length = Math.min(until - from, whole.until - whole.from);
  const start = Math.min(whole.until - length, Math.max(whole.from, from + by));
  return { from: start, until: start + length };
}
