import type { ExitReason, Pid } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildType, RestartType, Shutdown } from './child-spec.ts';
import type { ReportContext } from './reports.ts';

/** The child that a supervisor report is about (OTP RPT-001). */
export interface Offender {
  /** Its process, if it had one. */
  readonly pid: Pid | undefined;
  /** Whether it is waiting for another attempt to restart it. */
  readonly restarting: boolean;
  /** Its id. */
  readonly id: ChildId;
  /** When it is restarted. */
  readonly restart: RestartType;
  /** Whether its end may end the supervisor. */
  readonly significant: boolean;
  /** How it is stopped. */
  readonly shutdown: Shutdown;
  /** What it is. */
  readonly type: ChildType;
}

/** Why a supervisor report of the kind `shutdown` or `childGivenUp` is made, instead of an exit reason. */
export type GivingUp = 'reachedMaxRestartIntensity' | 'spentRestartBudget';

/** Events of supervisors. */
export interface SupervisorTelemetryEvents {
  /** A child was started: at first, again, or on request. */
  'snakepit.supervisor.child.started': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly supervisor: Pid; readonly id: ChildId; readonly pid: Pid };
  };
  /** A child was started again after its end. */
  'snakepit.supervisor.child.restarted': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: { readonly supervisor: Pid; readonly id: ChildId; readonly pid: Pid };
  };
  /** A child ended, by itself or because it was asked to. */
  'snakepit.supervisor.child.terminated': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly supervisor: Pid;
      readonly id: ChildId;
      readonly pid: Pid | undefined;
      readonly reason: ExitReason;
    };
  };
  /** The restart of a child waits for its time; an extension, see {@link RestartBackoff}. */
  'snakepit.supervisor.child.backing_off': {
    readonly measurements: { readonly count: 1; readonly delayMs: number };
    readonly metadata: {
      readonly supervisor: Pid;
      readonly id: ChildId;
      /** The process that it had. */
      readonly pid: Pid | undefined;
    };
  };
  /** A child was given up: its restart budget is spent; an extension, see {@link RestartBudget}. */
  'snakepit.supervisor.child.failed': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly supervisor: Pid;
      readonly id: ChildId;
      /** The process that it had. */
      readonly pid: Pid | undefined;
    };
  };
  /** A supervisor report (OTP RPT-001); also logged as an error. */
  'snakepit.supervisor.report': {
    readonly measurements: { readonly count: 1 };
    readonly metadata: {
      readonly supervisor: Pid;
      readonly name: string | undefined;
      readonly context: ReportContext;
      readonly reason: ExitReason | GivingUp;
      readonly offender: Offender;
    };
  };
}

declare module '@snakepit/core' {
  interface TelemetryEvents extends SupervisorTelemetryEvents {}
}

/** A child that was started, and the process that it has now. */
export interface Restarted {
  /** Its id. */
  readonly id: ChildId;
  /** Its process. */
  readonly pid: Pid;
}

/** What is reported: the child, why, and what is known besides. */
export interface Incident {
  /** What the report is about. */
  readonly context: ReportContext;
  /** Why. */
  readonly reason: ExitReason | GivingUp;
  /** The child. */
  readonly offender: Offender;
  /** Further lines for people: what to know about it, what follows. */
  readonly notes: readonly string[];
}
