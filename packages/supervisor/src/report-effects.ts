import type { ExitReason, Pid, ProcessContext } from '@snakepit/core';
import type { ChildHandles } from './child-handles.ts';
import type { CompleteChildSpec } from './child-spec.ts';
import { childAt, nextToStart, type ChildSlot } from './children.ts';
import type { Offender } from './incident.ts';
import { tableValues } from './ordered-table.ts';
import {
  failedStartNote,
  givenUpNotes,
  givingUpNotes,
  notRestartedNote,
  shutdownNote,
  standing,
} from './report-text.ts';
import type { EndOfChild } from './reports.ts';
import type { RestartContext } from './restart-decisions.ts';
import type { SupervisorReports } from './supervisor-reports.ts';

/** Params of an effect on one child. */
export interface At {
  /** Its place. */
  readonly serial: number;
}

/** What an effect may look at. */
export interface Seen {
  /** The supervisor's; `upTo` of one that restarts in groups is the last place of the group. */
  readonly context: RestartContext & { readonly upTo?: number };
  /** What led to it. */
  readonly event: unknown;
}

/** What reports are made with. */
export interface Witness {
  /** The supervisor. */
  readonly self: ProcessContext;
  /** Its children's specs and pids. */
  readonly handles: ChildHandles;
  /** What it says about them. */
  readonly reports: SupervisorReports;
}

/** Effects of both kinds of supervisor that tell the world of starts, ends and too many restarts. */
export class ReportEffects {
  protected readonly self: ProcessContext;
  protected readonly handles: ChildHandles;
  protected readonly reports: SupervisorReports;

  /** @param witness - What it tells of, and by. */
  constructor({ self, handles, reports }: Witness) {
    this.self = self;
    this.handles = handles;
    this.reports = reports;
  }

  /** Says that a child was started. */
  noteStart(
    { serial, again, asked }: At & { readonly again: boolean; readonly asked: boolean },
    { context }: Seen,
  ): void {
    const [spec, pid] = [this.handles.spec(serial), this.handles.pid(serial)];
    if (spec === undefined || pid === undefined) return;
    const { children, upTo = -1 } = context;
    this.reports.started(spec.id, pid, again);
    // Not of dynamic children, who have no ids (RPT-004).
    if (childAt(children, serial)?.key !== null) this.reports.progress(spec, pid, asked);
    if (this.reports.awaitsOutcome && nextToStart(children, serial + 1, upTo) === undefined) {
      this.reports.conclude();
    }
  }

  /** Says that a child has ended, and lets go of what belonged to it. */
  noteEnd({ serial, reason, report, restarts, dropped }: EndOfChild): void {
    const spec = this.handles.spec(serial);
    if (spec === undefined) return;
    const pid = this.handles.pid(serial);
    this.reports.ended(spec.id, pid, reason);
    if (report !== null) {
      const offender = offenderOf(spec, pid);
      const about = { context: report, reason, offender };
      if (restarts) {
        this.reports.reportBeforeRestart({ ...about, notes: [] }, serial);
      } else {
        const isAsked = report === 'shutdownError';
        const note = isAsked ? shutdownNote(offender, reason) : notRestartedNote(offender);
        this.reports.report({ ...about, notes: [note] });
      }
    }
    this.handles.release(serial);
    if (dropped) this.handles.forget(serial);
  }

  /** A child declined to start; a temporary one is forgotten. */
  noteIgnored({ serial }: At): void {
    this.reports.declined(serial);
    if (this.handles.spec(serial)?.restart === 'temporary') this.handles.forget(serial);
  }

  /** Warns of a message that means nothing to a supervisor. */
  noteUnexpected(_: unknown, { event }: Seen): void {
    const { logger } = this.self.system;
    logger.warn(`supervisor ${this.self.pid.toString()} got an unexpected message`, { event });
  }

  /** Says that a start failed. */
  noteFailure(
    { serial, reason, again }: At & { readonly reason: ExitReason; readonly again: boolean },
    seen: Seen,
  ): void {
    const child = childOf(this.handles, serial, seen);
    if (child === undefined) return;
    const notes = [...this.handles.notesOnFailure(serial, reason), failedStartNote(again)];
    const at = again ? standing(seen.context, child.slot) : undefined;
    // Of a child that had no process to restart it is the first word (RPT-003).
    const restarting = child.offender.restarting && child.offender.pid !== undefined;
    const offender = { ...child.offender, restarting };
    this.reports.conclude('The restart failed, see the next report.');
    this.reports.report({ context: 'startError', reason, offender, notes }, at);
  }

  /** Says that there are too many restarts, and the supervisor ends. */
  noteGivingUp({ serial }: At, seen: Seen): void {
    const child = childOf(this.handles, serial, seen);
    if (child === undefined) return;
    const { slot, offender } = child;
    const all = [...tableValues(seen.context.children.slots)];
    const others = all.filter(({ status }) => status === 'running').reverse();
    const more = { isDynamic: slot.key === null, parent: this.self.parent };
    const notes = givingUpNotes(offender, others, more);
    const reason = 'reachedMaxRestartIntensity';
    this.reports.conclude(notRestartedAgain);
    this.reports.report({ context: 'shutdown', reason, offender, notes }, standing(seen.context));
  }

  /** Says that one child is restarted too often, and stays down. */
  noteGivenUp({ serial }: At, seen: Seen): void {
    const child = childOf(this.handles, serial, seen);
    if (child === undefined) return;
    const { slot, offender } = child;
    const notes = givenUpNotes(offender, slot.key === null);
    const reason = 'spentRestartBudget';
    this.reports.conclude(notRestartedAgain);
    this.reports.givenUp(offender.id, offender.pid);
    const at = standing(seen.context, slot);
    this.reports.report({ context: 'childGivenUp', reason, offender, notes }, at);
  }
}

const notRestartedAgain = 'It is not restarted: that would be once too often.';

/** A child, and how reports have it: with its pid only while its last end is what they are about. */
function childOf(
  handles: ChildHandles,
  serial: number,
  { context }: Seen,
): { readonly slot: ChildSlot; readonly offender: Offender } | undefined {
  const [spec, slot] = [handles.spec(serial), childAt(context.children, serial)];
  if (spec === undefined || slot === undefined) return undefined;
  const pid = slot.pid === null ? undefined : handles.pid(serial);
  return { slot, offender: { ...offenderOf(spec, pid), restarting: slot.failures > 0 } };
}

/** A child as reports have it. */
function offenderOf(spec: CompleteChildSpec, pid: Pid | undefined): Offender {
  const { id, restart, significant, shutdown, type } = spec;
  return { pid, restarting: false, id, restart, significant, shutdown, type };
}
