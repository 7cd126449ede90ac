import type { AnyStateMachine } from 'xstate';
import type { Pid } from '../process/pid.ts';
import type { ProcessInfo } from '../process/process-info.ts';
import type { ProcessIdentity } from './life-record.ts';
import type { MessageKind } from './message-record.ts';
import type { RestartWindowView, SupervisedChild } from './supervision.ts';

/** A message that waits. */
export interface WaitingMessage {
  /** How it came. */
  readonly kind: MessageKind;
  /** Its type. */
  readonly event: string;
  /** Number of the pid that sent it, where that is known. */
  readonly from: number | undefined;
  /** Itself, by reference; of a call or a cast the request. */
  readonly message: unknown;
}

/** A timer that will go off. */
export interface PendingTimer {
  /**
   * What it is: a delay of its chart (`after`), the time that a server waits for messages (`timeout`), or a message that
   * somebody sends later (`sendAfter`).
   */
  readonly kind: 'after' | 'timeout' | 'sendAfter';
  /** Type of the event that it brings. */
  readonly event: string;
  /** Id of the state that it belongs to; of `after` only. */
  readonly state: string | undefined;
  /** How long it runs in all, in milliseconds. */
  readonly delayMs: number;
  /** How long it runs still, in milliseconds; 0 when it is due. */
  readonly leftMs: number;
}

/** Everything about one process, as it is now. Data by reference: nobody may change it, and it may be large. */
export interface ProcessDetails extends ProcessIdentity {
  /** What the process table says. */
  readonly info: ProcessInfo;
  /** Its data: of a statechart its context, of a server its state. */
  readonly context: unknown;
  /** Whether exit signals become messages. */
  readonly trapExit: boolean;
  /** Since when it awaits something in a callback, in milliseconds of the system's clock; `undefined`: it does not. */
  readonly busySince: number | undefined;
  /** The last message that it handled. Coarse: without a recording the clock is not looked at for each. */
  readonly lastEvent: { readonly event: string; readonly at: number } | undefined;
  /** Who watches it. */
  readonly monitoredBy: readonly Pid[];
  /** Whom it watches. */
  readonly monitoring: readonly Pid[];
  /** Its timers, the next first. */
  readonly timers: readonly PendingTimer[];
  /** What waits for its turn, oldest first; at most 1,000. */
  readonly mailbox: readonly WaitingMessage[];
  /** What waits for another state, oldest first; at most 1,000. */
  readonly postponed: readonly WaitingMessage[];
  /** The machine, of a statechart. */
  readonly machine: AnyStateMachine | undefined;
  /** Ids of the states that it is in, of a statechart. */
  readonly activeStates: readonly string[];
  /** What its supervisor says of it. */
  readonly child: SupervisedChild | undefined;
  /** Of a supervisor: its strategy. */
  readonly strategy: string | undefined;
  /** Of a supervisor: what it may still restart. */
  readonly restartWindow: RestartWindowView | undefined;
  /** Of a supervisor: its children in start order. */
  readonly children: readonly SupervisedChild[];
}
