import type { Instance } from '../behaviours/behaviour.ts';
import { formatExitReason, isCleanExit, type ExitReason } from '../process/exit-reason.ts';
import type { Process } from '../process/process.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Clock } from '../clock.ts';
import type { Envelope } from './envelope.ts';
import { bodyOfMessage, eventOfMessage, senderIn } from './message-kind.ts';
import type { WatchedRecord } from './message-record.ts';
import type { MessageNote } from './message-ring.ts';
import type { Frame } from './watches.ts';

/** What who watches sees besides the record. @internal */
export interface Seen {
  /** The message, as it came. */
  readonly message: unknown;
  /** The trace that was active where it was sent. */
  readonly traceId: string | undefined;
  /** What its process did. */
  readonly frame: Frame;
}

/** The message whose handling goes on: its record, as far as it is known. @internal */
export interface Handling extends Writable<MessageNote> {
  /** Who handles it. */
  process: Process | undefined;
  /** Of a watched process only. */
  seen: Seen | undefined;
  /** Whether the process has no use for it. */
  isIgnored: boolean;
  /** Whether there is a record of it however it ends: of others nothing is known but when they began. */
  isRecorded: boolean;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Nothing is handled. @internal */
export function noHandling(): Handling {
  return {
    ...{ process: undefined, seen: undefined, isIgnored: false, isRecorded: false },
    ...{ atMs: NaN, waitedMs: NaN, tookMs: NaN, pid: 0, from: undefined, kind: 'info', event: '' },
    ...{ outcome: 'handled', status: '', stateValue: undefined, error: undefined },
  };
}

/** What is shown of a message that nobody looked at while it was handled. @internal */
export function unseen(message: unknown): Seen {
  return { message, traceId: undefined, frame: { steps: [], actions: [], sent: [] } };
}

/** Notes what a message says of itself, and its envelope of its way. @internal */
export function describeHandling(
  handling: Handling,
  message: unknown,
  envelope: Envelope | undefined,
): void {
  handling.event = eventOfMessage(message);
  handling.from = envelope === undefined ? senderIn(message) : envelope.from;
  handling.waitedMs = envelope === undefined ? NaN : Math.max(0, handling.atMs - envelope.atMs);
}

/** What who watches is shown. Member by member: spreading takes several times as long. @internal */
export function watchedRecord(
  seq: number,
  process: Process,
  note: MessageNote,
  { message, traceId, frame }: Seen,
): WatchedRecord {
  return {
    seq,
    atMs: note.atMs,
    waitedMs: Number.isNaN(note.waitedMs) ? undefined : note.waitedMs,
    tookMs: note.tookMs,
    pid: note.pid,
    from: note.from,
    kind: note.kind,
    event: note.event,
    outcome: note.outcome,
    status: note.status,
    stateValue: note.stateValue,
    error: note.error,
    steps: frame.steps,
    actions: frame.actions,
    sent: frame.sent,
    process: process.pid,
    message: bodyOfMessage(message),
    state: process.state,
    traceId,
  };
}

/** Notes how it ended. @internal */
export function concludeHandling(
  handling: Handling,
  process: Process,
  instance: Instance,
  doom: ExitReason | undefined,
): void {
  handling.stateValue = instance.stateValue;
  if (doom === undefined) {
    handling.outcome = handling.isIgnored ? 'ignored' : 'handled';
    // Where it is once this turn is over.
    handling.status = process.status === 'running' ? 'waiting' : process.status;
    handling.error = undefined;
  } else {
    const isClean = isCleanExit(doom);
    handling.outcome = isClean ? 'stopped' : 'crashed';
    handling.status = 'exiting';
    handling.error = isClean ? undefined : formatExitReason(doom);
  }
}

/** Tells when turns begin and end. A look at the clock is a good part of what a record costs. @internal */
export class TurnClock {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler<Process>;
  #endedMs = 0;
  #endedTurn = -1;
  #endedStretch = -1;
  #sentMs = 0;
  #sentStretch = -1;

  /**
   * @param clock - The system's.
   * @param scheduler - Counts turns.
   */
  constructor(clock: Clock, scheduler: Scheduler<Process>) {
    this.#clock = clock;
    this.#scheduler = scheduler;
  }

  /**
   * Something is sent, not in a turn: as what is sent in one turn, all that is sent in one go, once a turn is due,
   * has one time.
   */
  sent(): number {
    const { isAwaited, stretch } = this.#scheduler;
    if (!isAwaited || stretch !== this.#sentStretch) {
      this.#sentMs = this.#clock.now();
      // In the middle of a stretch much may happen before the next one is awaited.
      this.#sentStretch = isAwaited ? stretch : -1;
    }
    return this.#sentMs;
  }

  /** A turn begins: right after the one before, if nothing was in between. */
  begin(): number {
    const { turn, stretch } = this.#scheduler;
    const isNext = turn === this.#endedTurn + 1 && stretch === this.#endedStretch;
    return isNext ? this.#endedMs : this.#clock.now();
  }

  /** A turn ends, or what is recorded of it: who comes to its end has more to do in its turn, which may take long. */
  end(isAllOfTheTurn: boolean): number {
    this.#endedMs = this.#clock.now();
    this.#endedTurn = isAllOfTheTurn ? this.#scheduler.turn : -1;
    this.#endedStretch = this.#scheduler.stretch;
    return this.#endedMs;
  }
}
