import {
  formatExitReason,
  formatProcessName,
  type ExitReason,
  type Pid,
  type ProcessContext,
  type ProcessName,
} from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildType, CompleteChildSpec, RestartType, Shutdown } from './child-spec.ts';
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

/** Why a supervisor report of the kind `shutdown` is made, instead of an exit reason. */
export type GivingUp = 'reachedMaxRestartIntensity';

declare module '@snakepit/core' {
  interface TelemetryEvents {
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
}

/** What a supervisor says about its children: events for programs, log lines for people. */
export class SupervisorReports {
  readonly #self: ProcessContext;
  readonly #name: string | undefined;

  /**
   * @param self - The supervisor.
   * @param name - Its name, if it has one.
   */
  constructor(self: ProcessContext, name: ProcessName | undefined) {
    this.#self = self;
    this.#name = name === undefined ? undefined : formatProcessName(name);
  }

  /** A child was started. */
  started(id: ChildId, pid: Pid, again: boolean): void {
    const { telemetry } = this.#self.system;
    const metadata = { supervisor: this.#self.pid, id, pid };
    if (telemetry.enabled('snakepit.supervisor.child.started')) {
      telemetry.emit('snakepit.supervisor.child.started', { count: 1 }, metadata);
    }
    if (again && telemetry.enabled('snakepit.supervisor.child.restarted')) {
      telemetry.emit('snakepit.supervisor.child.restarted', { count: 1 }, metadata);
    }
  }

  /** A child ended. */
  ended(id: ChildId, pid: Pid | undefined, reason: ExitReason): void {
    const { telemetry } = this.#self.system;
    if (!telemetry.enabled('snakepit.supervisor.child.terminated')) return;
    telemetry.emit(
      'snakepit.supervisor.child.terminated',
      { count: 1 },
      { supervisor: this.#self.pid, id, pid, reason },
    );
  }

  /** A supervisor report. */
  report(
    context: ReportContext,
    reason: ExitReason | GivingUp,
    spec: CompleteChildSpec,
    known: { readonly pid: Pid | undefined; readonly restarting: boolean },
  ): void {
    const { id, restart, significant, shutdown, type } = spec;
    const offender: Offender = { ...known, id, restart, significant, shutdown, type };
    const supervisor = this.#self.pid;
    const { telemetry, logger } = this.#self.system;
    if (telemetry.enabled('snakepit.supervisor.report')) {
      telemetry.emit(
        'snakepit.supervisor.report',
        { count: 1 },
        { supervisor, name: this.#name, context, reason, offender },
      );
    }
    const who = this.#name ?? supervisor.toString();
    const why = typeof reason === 'string' ? reason : formatExitReason(reason);
    logger.error(`supervisor ${who}: ${context} of child ${JSON.stringify(id)}: ${why}`, {
      supervisor: supervisor.toString(),
      context,
      reason,
      offender,
    });
  }
}
