import type { ActorSystem, ExecutedCall, HandledRecord, Pid, WatchedRecord } from '@snakepit/core';
import type { Handled, RecLine } from '../protocol.ts';
import type { Shower } from '../shown/show.ts';
import { shortText, valueText } from '../tree/short-text.ts';

/** Processes that one viewer may watch. */
export const mostWatched = 200;
/** Records of one look that are told; the last ones. Each has to be shown, which takes its time. */
const mostRecords = 200;
/** Records a second that are made for one viewer; each costs the process that is watched some microseconds. */
const recordsPerSecond = 800;

/** What one viewer watches of messages. */
export class MessageWatch {
  readonly #system: ActorSystem;
  readonly #shower: Shower;
  #records: (WatchedRecord | SeenCall)[] = [];
  /** How many were left out, of whom. */
  readonly #dropped = new Map<number, number>();
  #calls = 0;
  #ends: readonly (() => void)[] = [];

  /**
   * @param system - Whose processes.
   * @param shower - Makes messages fit to be shown.
   */
  constructor(system: ActorSystem, shower: Shower) {
    this.#system = system;
    this.#shower = shower;
  }

  /** Watches these, and nobody else any more. */
  watch(pids: readonly Pid[]): void {
    this.stop();
    if (pids.length === 0) return;
    const take = (record: WatchedRecord | SeenCall): void => {
      // In the turn of the process: nothing is done here that could wait.
      if (this.#records.length >= 2 * mostRecords) this.#forgetOldest();
      this.#records.push(record);
    };
    const missed = (pid: number): void => {
      this.#leaveOut(pid);
    };
    this.#ends = [
      this.#system.records.watch(pids, take, { perSecond: recordsPerSecond, missed }),
      ...pids.flatMap((pid) =>
        this.#listen(pid, (call) => {
          this.#calls += 1;
          take({ pid: pid.id, nth: this.#calls, call });
        }),
      ),
    ];
  }

  /** Watches nobody. */
  stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#records = [];
    this.#dropped.clear();
  }

  /** Hears of the calls that a process executes, from who knows of them. */
  #listen(pid: Pid, listener: (call: ExecutedCall) => void): readonly (() => void)[] {
    const process = this.#system.processInfo(pid);
    if (process === undefined) return [];
    return this.#system.observation.sources.flatMap(({ name, calls }) => {
      try {
        return calls?.(process, listener) ?? [];
      } catch (error) {
        this.#system.logger.warn(`the observation source ${name} failed`, { error });
        return [];
      }
    });
  }

  /** What was seen since it was asked last. */
  take(seq: number): readonly RecLine[] {
    this.#forgetOldest();
    const records = this.#records;
    const droppedOf = [...this.#dropped];
    this.#records = [];
    this.#dropped.clear();
    if (records.length + droppedOf.length === 0) return [];
    const dropped = droppedOf.reduce((sum, [, count]) => sum + count, 0);
    // The newest first: where there is too much, it is the oldest that are not shown.
    const shower = this.#shower.together();
    const list = records
      .reverse()
      .map((record) => ('call' in record ? wireCall(record) : wireRecord(record, shower)));
    list.reverse();
    return [{ k: 'rec', seq, list, dropped, ...(dropped > 0 && { droppedOf }) }];
  }

  #forgetOldest(): void {
    const extra = this.#records.length - mostRecords;
    if (extra <= 0) return;
    for (const { pid } of this.#records.slice(0, extra)) this.#leaveOut(pid);
    this.#records = this.#records.slice(extra);
  }

  #leaveOut(pid: number): void {
    this.#dropped.set(pid, (this.#dropped.get(pid) ?? 0) + 1);
  }
}

/** A call that a watched process has executed. */
interface SeenCall {
  readonly pid: number;
  /** Counts the calls that this viewer has seen, from 1. */
  readonly nth: number;
  readonly call: ExecutedCall;
}

/** A call as it is sent. */
function wireCall({ pid, nth, call }: SeenCall): Handled {
  const { name, from, atMs, waitedMs, tookMs, error } = call;
  return {
    // It is no record of the system, and has no number there.
    seq: -nth,
    t: atMs,
    waitedMs,
    tookMs,
    actor: pid,
    from: from?.id ?? null,
    kind: 'call',
    event: shortText(name),
    steps: [],
    actions: [],
    sent: [],
    status: '',
    value: null,
    outcome: error === undefined ? 'handled' : 'failed',
    ...(error === undefined ? {} : { error: shortText(error) }),
  };
}

/** A record as it is sent; without the message, where that was not recorded. */
export function wireRecord(
  record: HandledRecord & Partial<Pick<WatchedRecord, 'message' | 'traceId'>>,
  shower: Shower,
): Handled {
  const { from, waitedMs, steps, sent, error, traceId } = record;
  return {
    seq: record.seq,
    t: record.atMs,
    waitedMs: waitedMs ?? null,
    tookMs: record.tookMs,
    actor: record.pid,
    from: from ?? null,
    kind: record.kind,
    event: shortText(record.event),
    ...('message' in record ? { body: shower.showData(record.message) } : {}),
    steps: steps.map(({ source, event, targets, guard }) => ({
      source,
      event: event ?? null,
      targets,
      ...(guard === undefined ? {} : { guard }),
    })),
    actions: record.actions,
    sent: sent.map(({ to, event, delayMs }) => ({
      to: to ?? null,
      event,
      ...(delayMs === undefined ? {} : { delay: delayMs }),
    })),
    outcome: record.outcome,
    status: record.status,
    value: valueText(record.stateValue),
    ...(error === undefined ? {} : { error: shortText(error) }),
    ...(traceId === undefined ? {} : { trace: traceId }),
  };
}
