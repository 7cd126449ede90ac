import type { ExitReason, Pid } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildSpecFault, ChildType } from './child-spec.ts';

/** A child that runs; `undefined` when it declined to start (OTP SUP-012, SUP-015). */
export interface Started {
  /** Told by this. */
  readonly ok: true;
  /** Its process. */
  readonly pid: Pid | undefined;
}

/** A request was carried out. */
export interface Done {
  /** Told by this. */
  readonly ok: true;
}

/** A request was refused or failed. */
export interface Refused<E> {
  /** Told by this. */
  readonly ok: false;
  /** Why. */
  readonly error: E;
}

/** There is no child with that id (OTP SUP-016). */
export interface NotFound {
  /** Told by this. */
  readonly kind: 'notFound';
}

/** It is a dynamic supervisor: its children have no ids, and are meant by their pids (OTP DYN-003). */
export interface NoChildIds {
  /** Told by this. */
  readonly kind: 'noChildIds';
}

/** The child runs, or is being restarted (OTP SUP-018, SUP-019). */
export interface NotStopped {
  /** Told by this. */
  readonly kind: 'running' | 'restarting';
}

/** The id, or the name of the process, is taken by that running process (OTP SUP-013, SUP-014). */
export interface AlreadyStarted {
  /** Told by this. */
  readonly kind: 'alreadyStarted';
  /** Who has it. */
  readonly pid: Pid;
}

/** The id is taken by a child that is stopped or being restarted (OTP SUP-013). */
export interface AlreadyPresent {
  /** Told by this. */
  readonly kind: 'alreadyPresent';
}

/** The start failed. */
export interface StartFailed {
  /** Told by this. */
  readonly kind: 'startFailed';
  /** With what. */
  readonly reason: ExitReason;
  /** The child that was not added, when it was a new one. */
  readonly id?: ChildId;
}

/** A dynamic supervisor has as many children as it may (OTP DYN-014). */
export interface MaxChildren {
  /** Told by this. */
  readonly kind: 'maxChildren';
  /** How many that is. */
  readonly limit: number;
}

/** Why a child was not added. */
export type StartChildError = ChildSpecFault | AlreadyStarted | AlreadyPresent | StartFailed;

/** Why a child was not started again. */
export type RestartChildError = NotFound | NoChildIds | NotStopped | AlreadyStarted | StartFailed;

/** One child in a list (OTP SUP-021). */
export interface ChildInfo {
  /** Its id; `undefined` under a dynamic supervisor. */
  readonly id: ChildId | undefined;
  /**
   * Its process; `'restarting'` while another attempt is due, `undefined` while it is stopped.
   *
   * `'failed'` when it was given up: its restart budget is spent. An extension, see {@link RestartBudget}.
   */
  readonly pid: Pid | 'restarting' | 'failed' | undefined;
  /** The process that a child had which was given up; a dynamic supervisor knows it by that. */
  readonly lastPid?: Pid;
  /** What it is. */
  readonly type: ChildType;
  /** What it runs; `'function'` when a function starts it. */
  readonly behaviour: string;
}

/** How many children there are (OTP SUP-022, DYN-018). */
export interface ChildCounts {
  /** Specs held, or running and restarting children of a dynamic supervisor. */
  readonly specs: number;
  /** Processes alive, looked at just now. */
  readonly active: number;
  /** Supervisors among the specs, alive or not. */
  readonly supervisors: number;
  /** Workers among the specs, alive or not. */
  readonly workers: number;
}
