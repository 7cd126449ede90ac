import type { Pid } from '../process/pid.ts';

/** How a message came to a process; `own`: of its chart itself, by a delay (`after`) or an actor that it invoked. */
export type MessageKind = 'call' | 'cast' | 'info' | 'own';

/**
 * What became of a message.
 *
 * - `ignored`: its process had no use for it: no transition, no handler.
 * - `postponed`: it waits until its process is in another state; once that is so, it has a second record.
 * - `stopped`, `crashed`: its process ended by it, in order or not.
 * - `deadletter`: its process was gone, or went before its turn came.
 */
export type MessageOutcome =
  'handled' | 'ignored' | 'postponed' | 'stopped' | 'crashed' | 'deadletter';

/** A transition that a chart took. */
export interface TransitionStep {
  /** Id of the state that has the transition. */
  readonly source: string;
  /** Type of the event that it was taken for; `undefined` for one that needs none (`always`). */
  readonly event: string | undefined;
  /** Ids of the states that it leads to; none when it stays. */
  readonly targets: readonly string[];
  /** Name of the guard that allowed it; `'(inline)'` for a function; `undefined` when it has none. */
  readonly guard: string | undefined;
}

/** A message that a process sent in its turn. */
export interface SentMessage {
  /** Number of the pid that it went to; `undefined` when it went to a name that nobody had, or will be looked up later. */
  readonly to: number | undefined;
  /** How; `reply` answers a call. */
  readonly kind: MessageKind | 'reply';
  /** Its type; of an answer that of the message that was being handled. */
  readonly event: string;
  /** After which time it is sent, in milliseconds; `undefined` at once. */
  readonly delayMs: number | undefined;
}

/** One message and what became of it. The shape follows XState v6's `@xstate.transition`. */
export interface HandledRecord {
  /** Its number: one more than that of the record before, in this system. */
  readonly seq: number;
  /** When its handling began, in milliseconds of the system's clock. */
  readonly atMs: number;
  /** How long it had waited in the mailbox, in milliseconds; `undefined` when it was there before the recording. */
  readonly waitedMs: number | undefined;
  /** How long its turn took, in milliseconds; what an async handler does after its first `await` is not in it. */
  readonly tookMs: number;
  /** Number of the pid that it was sent to; 0 when it was sent to a name that nobody had. */
  readonly pid: number;
  /** Number of the pid that sent it; `undefined` when that was no process, or is not known. */
  readonly from: number | undefined;
  /** How it came. */
  readonly kind: MessageKind;
  /** Its type. */
  readonly event: string;
  /** What became of it. */
  readonly outcome: MessageOutcome;
  /** Where the process was in its life afterwards. */
  readonly status: string;
  /** The state value of its chart afterwards, or the phase of a flat behaviour. */
  readonly stateValue: unknown;
  /** What it crashed with, as a sentence. */
  readonly error: string | undefined;
  /** Transitions taken, in order. Of a watched process only; else there are none. */
  readonly steps: readonly TransitionStep[];
  /** Names of the actions that ran, in order; assignments included. Of a watched process only. */
  readonly actions: readonly string[];
  /** What it sent in its turn. Of a watched process only. */
  readonly sent: readonly SentMessage[];
}

/** The record of a message to a process that is watched: with all there is to see, by reference. Nobody may change it. */
export interface WatchedRecord extends HandledRecord {
  /** The process. */
  readonly process: Pid;
  /** The message; of a call or a cast the request. */
  readonly message: unknown;
  /** Its data afterwards: a GenServer's state, a statechart's snapshot. */
  readonly state: unknown;
  /** The OpenTelemetry trace that was active where it was sent; `undefined` without one. */
  readonly traceId: string | undefined;
}

/** What is watched: processes, or one and all below it, also those that it spawns later. */
export type WatchTarget = Pid | readonly Pid[] | { readonly tree: Pid };

/** Records from one number on. */
export interface RecordsSince<R> {
  /** Oldest first. */
  readonly records: readonly R[];
  /** How many between were overwritten already. */
  readonly dropped: number;
  /** The number to ask for the next time: that of the next record to come, or of the first left out by a limit. */
  readonly next: number;
}
