import { trace } from '@opentelemetry/api';
import type { Instance } from '../behaviours/behaviour.ts';
import type { FlightRecorder } from '../debug/flight-recorder.ts';
import { SystemMessage } from '../debug/system-message.ts';
import type { ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import { SelectiveMailbox } from '../process/mailbox.ts';
import type { From, Request } from '../process/messages.ts';
import { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import type { Runtime } from '../process/runtime.ts';
import { Envelope } from './envelope.ts';
import {
  concludeHandling,
  describeHandling,
  noHandling,
  TurnClock,
  unseen,
  watchedRecord,
  type Handling,
  type Seen,
} from './handling.ts';
import { eventOfMessage, kindOfMessage, senderIn } from './message-kind.ts';
import type { HandledRecord, RecordsSince, WatchTarget } from './message-record.ts';
import type { MessageOutcome, WatchedRecord } from './message-record.ts';
import { MessageRing, type MessageNote } from './message-ring.ts';
import type { WatchLimit } from './watch-budget.ts';
import { Watches, type Frame } from './watches.ts';

const nothing: readonly never[] = Object.freeze([]);

/**
 * Records what becomes of messages.
 *
 * The runtime has one only while somebody wants it, and some time longer: until no mailbox holds an envelope any more.
 * Without it a delivery and a turn cost one look at a field.
 *
 * @internal
 */
export class MessageRecorder {
  readonly #runtime: Runtime;
  readonly #watches: Watches;
  /**
   * Whether processes that are not watched concern it, too: all are recorded, envelopes of before wait somewhere, or a
   * watched process is at work, which may send to anybody. A look at this field is what others pay while some are watched.
   */
  mindsAll = false;
  #ring: MessageRing | undefined;
  #nextSeq = 1;
  /** How many envelopes lie in mailboxes. */
  #envelopes = 0;
  /** Whether there may be some for processes that are neither recorded nor watched any more. */
  #hasStrays = false;
  #handling: Handling | undefined;
  /** One object for all: most messages take less time than making and clearing away three of them. */
  readonly #slot: Handling = noHandling();
  readonly #turns: TurnClock;

  /** @param runtime - Of which system. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#turns = new TurnClock(runtime.clock, runtime.scheduler);
    this.#watches = new Watches(runtime, () => {
      this.#leave();
    });
  }

  /** Whether a process handles a message; what a chart gives itself meanwhile is part of that. */
  isHandledBy(process: Process): boolean {
    return this.#handling?.process === process;
  }

  /** Goes as soon as nobody wants it any more, and it is not needed either. */
  #goWhenIdle(): void {
    const isIdle = this.#ring === undefined && this.#watches.size === 0 && this.#envelopes === 0;
    if (isIdle) this.#runtime.recorder = undefined;
  }

  /** Keeps so many records from now on, or none any more. */
  keep(size: number): void {
    if (size === 0) this.#ring = undefined;
    else if (this.#ring === undefined) this.#ring = new MessageRing(size, this.#nextSeq);
    else this.#ring = this.#ring.grownTo(size);
    this.#leave();
  }

  /** Shows what some processes do, or as much of it as is wanted; returns what ends it. */
  watch(
    target: WatchTarget,
    listener: (record: WatchedRecord) => void,
    limit?: WatchLimit,
  ): () => void {
    try {
      return this.#watches.add(target, listener, limit);
    } finally {
      this.#goWhenIdle();
    }
  }

  /** What is in mailboxes now may concern nobody any more, but its envelopes have to be opened. */
  #leave(): void {
    this.#hasStrays = this.#envelopes > 0;
    this.#mind();
    this.#goWhenIdle();
  }

  #mind(): void {
    const isWatchedAtWork = this.#handling?.seen !== undefined;
    this.mindsAll = this.#ring !== undefined || this.#hasStrays || isWatchedAtWork;
  }

  /** What is kept from a number on. */
  since(seq: number, limit: number): RecordsSince<HandledRecord> {
    return this.#ring?.since(seq, limit) ?? { records: nothing, dropped: 0, next: this.#nextSeq };
  }

  /** What is kept from a time on. */
  sinceTime(fromMs: number, limit: number): readonly HandledRecord[] {
    return this.#ring?.sinceTime(fromMs, limit) ?? nothing;
  }

  /** A process exists. */
  spawned(process: Process): void {
    if (this.#watches.size > 0) this.#watches.spawned(process);
  }

  /** A message reaches a process; gives what is put into its mailbox. */
  delivered(process: Process, message: unknown): unknown {
    const handling = this.#handling;
    const isConcerned = this.#concerns(process);
    // First of all those who are not watched while others are.
    if (!isConcerned && handling === undefined) return message;
    if (message instanceof SystemMessage) return message;
    if (handling?.seen !== undefined) this.#sent(handling, process.pid.id, message);
    if (!isConcerned) return message;
    if (!this.#isWanted(process)) {
      if (mustWait(process, message)) this.#watches.miss(process);
      return message;
    }
    const { current } = this.#runtime;
    const from = current === undefined ? senderIn(message) : (senderIn(message) ?? current.pid.id);
    const atMs = handling === undefined ? this.#turns.sent() : handling.atMs;
    const envelope = new Envelope(message, from, atMs, this.#traceFor(process));
    this.#envelopes += 1;
    if (mustWait(process, message)) this.#passOver(process, envelope, 'postponed');
    return envelope;
  }

  #traceFor({ watches }: Process): string | undefined {
    return watches === undefined ? undefined : trace.getActiveSpan()?.spanContext().traceId;
  }

  /** A message will be sent by the process whose turn it is. */
  sentLater(target: unknown, message: unknown, delayMs: number): void {
    const handling = this.#handling;
    if (handling?.seen === undefined) return;
    this.#sent(handling, target instanceof Pid ? target.id : undefined, message, delayMs);
  }

  /** A call is answered. */
  answered(process: Process, to: From): void {
    const handling = this.#handling;
    if (handling?.seen === undefined || handling.process !== process) return;
    const { event } = handling;
    handling.seen.frame.sent.push({ to: to.pid?.id, kind: 'reply', event, delayMs: undefined });
  }

  #sent({ seen, process }: Handling, to?: number, message?: unknown, delayMs?: number): void {
    if (this.#runtime.current !== process) return;
    const kind = kindOfMessage(message);
    seen?.frame.sent.push({ to, kind, event: eventOfMessage(message), delayMs });
  }

  /** A call was for nobody. */
  deadCall(target: unknown, { type }: Request, caller: Process | undefined): void {
    if (this.#ring === undefined) return;
    const from = caller?.pid.id;
    this.#ring.write({
      ...this.#left({ type }, from),
      kind: 'call',
      pid: target instanceof Pid ? target.id : 0,
    });
    this.#nextSeq += 1;
  }

  /** A message was for nobody. */
  deadLetter(target: unknown, message: unknown): void {
    const to = target instanceof Pid ? target.id : undefined;
    const handling = this.#handling;
    if (handling?.seen !== undefined) this.#sent(handling, to, message);
    if (this.#ring === undefined || message instanceof SystemMessage) return;
    this.#ring.write({
      ...this.#left(message, senderIn(message) ?? this.#runtime.current?.pid.id),
      pid: to ?? 0,
    });
    this.#nextSeq += 1;
  }

  #left(message: unknown, from: number | undefined): Omit<MessageNote, 'pid'> {
    return {
      atMs: this.#now(),
      waitedMs: 0,
      tookMs: 0,
      from,
      kind: kindOfMessage(message),
      event: eventOfMessage(message),
      outcome: 'deadletter',
      status: 'dead',
      stateValue: undefined,
      error: undefined,
    };
  }

  /** The message itself; its envelope, if it has one, is used up. */
  open(held: unknown): unknown {
    if (!(held instanceof Envelope)) return held;
    this.#envelopes -= 1;
    if (this.#envelopes === 0) this.#leave();
    return held.message;
  }

  /** A process is gone: what waited for it is for nobody. Empties the mailbox. */
  ended(process: Process): void {
    const { mailbox } = process;
    const isConcerned = this.#concerns(process);
    while (mailbox.length > 0) {
      const held = mailbox.take(everything);
      const message = this.open(held);
      if (!isConcerned || message instanceof SystemMessage) continue;
      const envelope = held instanceof Envelope ? held : undefined;
      this.#passOver(process, envelope ?? new Envelope(message, undefined, NaN, undefined));
    }
    this.#watches.ended(process);
  }

  /** Writes of a message that is not handled, or not now. */
  #passOver(
    process: Process,
    envelope: Envelope,
    outcome: MessageOutcome & ('postponed' | 'deadletter') = 'deadletter',
  ): void {
    const { message, from, atMs } = envelope;
    const note = this.#left(message, from);
    const waitedMs = note.atMs - atMs;
    const { status, stateValue } = process;
    const { id } = process.pid;
    const left = { ...note, waitedMs, pid: id, outcome, status, stateValue };
    this.#write(process, left, { message, traceId: envelope.traceId, frame: idle });
  }

  /** Has a message handled. */
  handle(
    process: Process,
    held: unknown,
    instance: Instance,
    recent: FlightRecorder | undefined,
  ): void {
    const message = held instanceof Envelope ? this.open(held) : held;
    if (recent !== undefined) recent.noteMessage(message, this.#runtime.scheduler.roughMs);
    if (!this.#concerns(process)) {
      instance.receive(message);
      return;
    }
    this.#begin(process, instance, message, held instanceof Envelope ? held : undefined);
    try {
      instance.receive(message);
    } catch (error) {
      this.#end(process, instance, message, process.doom ?? reasonOfThrown(error));
      throw error;
    }
    this.#end(process, instance, message, process.doom);
  }

  /** Has an event handled that a chart gave itself; in the middle of a message it is part of that. */
  own(process: Process, event: unknown, instance: Instance, deliver: () => void): void {
    if (this.#handling !== undefined || !process.alive || !this.#concerns(process)) {
      deliver();
      return;
    }
    this.#begin(process, instance, event, undefined);
    this.#slot.kind = 'own';
    try {
      deliver();
    } catch (error) {
      this.#end(process, instance, event, process.doom ?? reasonOfThrown(error));
      throw error;
    }
    this.#end(process, instance, event, process.doom);
  }

  /** The process has no use for the message that it is handling. */
  ignored(): void {
    if (this.#handling !== undefined) this.#handling.isIgnored = true;
  }

  /** Whether anybody wants to know of a message that reaches a process that it concerns. */
  #isWanted(process: Process): boolean {
    return this.#ring !== undefined || this.#watches.want(process, true);
  }

  #concerns({ watches }: Process): boolean {
    return this.#ring !== undefined || watches !== undefined;
  }

  #begin(
    process: Process,
    instance: Instance,
    message: unknown,
    envelope: Envelope | undefined,
  ): void {
    const handling = this.#slot;
    const isSeen =
      process.watches !== undefined && this.#watches.want(process, envelope !== undefined);
    handling.process = process;
    handling.kind = kindOfMessage(message);
    handling.atMs = this.#turns.begin();
    handling.isIgnored = false;
    handling.isRecorded = isSeen || this.#ring !== undefined;
    if (handling.isRecorded) describeHandling(handling, message, envelope);
    this.#handling = handling;
    if (!isSeen) return;
    const frame = { steps: [], actions: [], sent: [] };
    handling.seen = { message, traceId: envelope?.traceId, frame };
    this.#mind();
    instance.observe?.(frame);
  }

  #end(process: Process, instance: Instance, message: unknown, doom: ExitReason | undefined): void {
    const handling = this.#slot;
    const { seen } = handling;
    this.#handling = handling.process = handling.seen = undefined;
    if (seen !== undefined) {
      this.#mind();
      instance.observe?.(undefined);
    }
    if (!handling.isRecorded) {
      if (doom === undefined) {
        this.#watches.miss(process);
        return;
      }
      describeHandling(handling, message, undefined);
    }
    handling.pid = process.pid.id;
    handling.tookMs = this.#turns.end(doom === undefined) - handling.atMs;
    concludeHandling(handling, process, instance, doom);
    // What a process ended with is told also of one that was not looked at.
    const isUnseenEnd = doom !== undefined && seen === undefined;
    this.#write(process, handling, isUnseenEnd ? unseen(message) : seen);
  }

  #write(process: Process, note: MessageNote, seen: Seen | undefined): void {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    this.#ring?.write(note);
    if (process.watches === undefined) return;
    // It may be watched only since it is at work.
    if (seen === undefined) this.#watches.miss(process);
    else this.#watches.show(process, watchedRecord(seq, process, note, seen));
  }

  #now(): number {
    return this.#runtime.clock.now();
  }
}

const idle: Frame = { steps: [], actions: [], sent: [] };

/** Whether a message that reaches a process now has to wait for another of its states. */
function mustWait({ mailbox }: Process, message: unknown): boolean {
  return mailbox instanceof SelectiveMailbox && mailbox.mustWait(message);
}

function everything(): boolean {
  return true;
}
