import type { AnyActorLogic } from 'xstate';
import type { ExitReason } from '../process/exit-reason.ts';
import type { PendingTimer } from '../observation/process-details.ts';
import type { Supervision } from '../observation/supervision.ts';
import type { Frame } from '../observation/watches.ts';
import type { Mailbox } from '../process/mailbox.ts';
import type { Process } from '../process/process.ts';

/** What a behaviour does for one process. The process calls it, one turn at a time. */
export interface Instance {
  /** The first turn. Ends in {@link Process.acknowledge}, or the process ends. */
  start(): void;
  /** Handles one message; what it throws ends the process. */
  receive(message: unknown): void;
  /** The process is gone: let go of everything. What it throws, or the promise it returns rejects with, is reported. */
  dispose(reason: ExitReason): unknown;
  /** What a viewer calls the state: a state value, or the phase of a flat behaviour. */
  readonly stateValue: unknown;
  /** The data of the process. */
  readonly state: unknown;
  /** Puts another in its place: what `sys.getState` gives, changed (SYS-005). What it throws refuses that. */
  replaceState?(state: unknown): void;
  /** Ends in its own way, in its turn (GEN-031, SYS-008). Without it the process just ends. */
  terminate?(reason: ExitReason): void;
  /** What the effects of a chart are, for its supervision. */
  readonly effects?: unknown;
  /** Tells what it does from now on, until told otherwise. */
  observe?(frame: Frame | undefined): void;
  /** What it waits for in time. */
  readonly delays?: readonly PendingTimer[];
  /** A system message was handled; the process is suspended now or not (GEN-032). */
  attended?(isSuspended: boolean): void;
}

/** What a child spec that leaves it out gets, instead of the defaults of all child specs. */
export interface ChildDefaults {
  /** When it is started again. */
  readonly restart?: 'permanent' | 'transient' | 'temporary';
  /** What it is; a supervisor is given all the time it needs to stop its own children. */
  readonly type?: 'worker' | 'supervisor';
}

/** A way to run a process: GenServer, statechart, task, or any XState logic. */
export interface Behaviour<TInput = unknown> {
  /** Which way; shown in the process table. */
  readonly kind: 'genServer' | 'statechart' | 'task' | 'actor';
  /** What it is called in reports. */
  readonly label: string;
  /** What child specs of it leave out: a task is temporary, a supervisor is of the type supervisor (OTP TSK-009). */
  readonly childDefaults?: ChildDefaults;
  /** Makes what one process needs. Runs in the process's first turn. @internal */
  createInstance(process: Process, input: TInput): Instance;
  /** What can be asked of a process that is a supervisor. @internal */
  supervision?(state: unknown, effects: unknown): Supervision | undefined;
  /** Makes the mailbox of one process, where it is no plain queue. @internal */
  createMailbox?(): Mailbox;
}

/** What can be spawned: one of our behaviours, or any XState v5 logic. */
export type Spawnable<TInput = unknown> = Behaviour<TInput> | AnyActorLogic;

/** What is given beside the logic: the input, which may be left out only where it may be `undefined`, and options. */
export type Given<I, O> = undefined extends I ? [input?: I, options?: O] : [input: I, options?: O];

/** Whether this is one of our behaviours rather than bare XState logic. */
export function isBehaviour(logic: Spawnable<never>): logic is Behaviour<never> {
  // Plain JavaScript callers can give anything; what is none of ours is looked at more closely where it is used.
  return (
    typeof logic === 'object' && (logic as object | null) !== null && 'createInstance' in logic
  );
}
