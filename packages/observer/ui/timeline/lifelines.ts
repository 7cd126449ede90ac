import type { Handled } from '../../src/protocol.ts';
import type { Store } from '../live/store.ts';

/** One that takes part in an exchange of messages. */
export interface Lifeline {
  /** Pids; more than one of those that are folded. */
  readonly pids: ReadonlySet<number>;
  readonly title: string;
}

/** An arrow from one lifeline to another: places in the list. */
export interface Arrow {
  readonly from: number;
  readonly to: number;
  readonly record: Handled;
}

/** What a sequence diagram shows. */
export interface Sequence {
  readonly lifelines: readonly Lifeline[];
  readonly arrows: readonly Arrow[];
  /** How many earlier messages are left out. */
  readonly left: number;
}

const MOST = { lifelines: 12, arrows: 200 };

/** The messages of some processes, oldest first. */
export function messagesOf(store: Store, pids: Iterable<number>): Handled[] {
  return [...pids]
    .flatMap((pid) => store.messagesOf(pid).list)
    .sort((a, b) => a.t - b.t || a.seq - b.seq);
}

/**
 * Makes lifelines and arrows: at most 12 lifelines; those with the fewest messages are folded into one.
 *
 * @param titleOf - What a process is called: kind and name.
 */
export function sequenceOf(
  records: readonly Handled[],
  titleOf: (pid: number) => string,
): Sequence {
  const shown = records.slice(-MOST.arrows);
  const counts = new Map<number, number>();
  for (const { from, actor } of shown) {
    for (const pid of [from ?? 0, actor]) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  }
  const busiest = [...counts].sort(([, a], [, b]) => b - a).map(([pid]) => pid);
  const isFolding = busiest.length > MOST.lifelines;
  const kept = new Set(isFolding ? busiest.slice(0, MOST.lifelines - 1) : busiest);
  const folded = new Set(busiest.filter((pid) => !kept.has(pid)));
  // In the order in which they take part.
  const lifelines: Lifeline[] = [...counts.keys()]
    .filter((pid) => kept.has(pid))
    .map((pid) => ({ pids: new Set([pid]), title: titleOf(pid) }));
  if (isFolding) lifelines.push({ pids: folded, title: `${folded.size} others` });
  const place = (pid: number): number => lifelines.findIndex(({ pids }) => pids.has(pid));
  const arrows = shown.map((record) => ({
    from: place(record.from ?? 0),
    to: place(record.actor),
    record,
  }));
  return { lifelines, arrows, left: records.length - shown.length };
}
