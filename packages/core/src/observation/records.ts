import type { Pid } from '../process/pid.ts';
import type { Incident, LifeEvent, LifeRecord, ProcessIdentity } from './life-record.ts';
import type { HandledRecord, RecordsSince, WatchedRecord, WatchTarget } from './message-record.ts';
import type { ProcessDetails } from './process-details.ts';
import type { WatchLimit } from './watch-budget.ts';

/**
 * What happens in a system, for those who look. Nothing is recorded, and nothing costs anything, until somebody asks; each
 * who asks gets a function that ends it, and what several asked for ends with the last of them.
 */
export interface Records {
  /**
   * Records each message that is handled from now on: a ring, the oldest overwritten.
   *
   * @param options - `size`: how many are kept; default 65,536. The largest that was asked for counts.
   * @returns A function that ends it; then the records are forgotten.
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a size that is no whole number from 1 to 1,048,576.
   */
  recordMessages(options?: { readonly size?: number }): () => void;
  /** Messages that were handled, from a number on; 0 for all that are kept. At most `limit`, default all. */
  messagesSince(seq: number, limit?: number): RecordsSince<HandledRecord>;
  /**
   * Shows each message to some processes, in full, in the turn in which it was handled. What the listener throws or rejects
   * with is logged, and it is removed.
   *
   * A process that is gone is watched no more; its successor has to be watched by itself, unless the tree above is.
   *
   * @param limit - How much of it is wanted; default: all, whatever it costs. The rest is counted and costs next to nothing:
   *   a sample is shown, what a process ends with in any case.
   * @returns A function that ends it.
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no pid of this system, or a limit that cannot be used.
   */
  watch(
    target: WatchTarget,
    listener: (record: WatchedRecord) => void,
    limit?: WatchLimit,
  ): () => void;
  /**
   * Records what happens in the lives of processes from now on: a ring of 10,000. Besides, it keeps incidents, and counts
   * incarnations across the restarts of supervisors.
   *
   * @returns A function that ends it; then the records are forgotten, the incidents are not.
   */
  recordLife(): () => void;
  /** What happened in the lives of processes, from a number on; 0 for all that is kept. */
  lifeSince(seq: number): RecordsSince<LifeRecord>;
  /**
   * Says which events of a package tell of lives.
   *
   * @returns A function that takes them away again.
   */
  addLifeEvents(events: readonly LifeEvent[]): () => void;
  /**
   * What was kept when something went wrong, oldest first: the 30 s before, and, when they are over, the 2 s after. At most
   * 20, the oldest dropped.
   */
  readonly incidents: readonly Incident[];
  /** Keeps what happened in the last 30 s, now. */
  keepIncident(title: string): Incident;
  /** Everything about one process, as it is now; `undefined` when it is gone. Takes no turn of it. */
  describeProcess(pid: Pid): ProcessDetails | undefined;
  /**
   * Who a process is across restarts; of one that is gone only while lives are recorded, else `undefined`.
   *
   * The incarnation is what its supervisor counts; while lives are recorded it goes on when that one is restarted itself.
   */
  identityOf(pid: Pid): ProcessIdentity | undefined;
}
