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
import type { At, Seen } from './shared-effects.ts';
import type { SupervisorReports } from './supervisor-reports.ts';

/** What reports are made with. */
interface Witness {
  readonly self: ProcessContext;
  readonly handles: ChildHandles;
  readonly reports: SupervisorReports;
}

/** Effects that tell the world of starts and ends. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
export function effectsOnLife({ self, handles, reports }: Witness) {
  return {
    noteStart: (
      { serial, again, asked }: At & { readonly again: boolean; readonly asked: boolean },
      { context }: Seen,
    ) => {
      const [spec, pid] = [handles.spec(serial), handles.pid(serial)];
      if (spec === undefined || pid === undefined) return;
      const { children, upTo = -1 } = context;
      reports.started(spec.id, pid, again);
      // Not of dynamic children, who have no ids (RPT-004).
      if (childAt(children, serial)?.key !== null) reports.progress(spec, pid, asked);
      if (reports.awaitsOutcome && nextToStart(children, serial + 1, upTo) === undefined) {
        reports.conclude();
      }
    },
    noteEnd: ({ serial, reason, report, restarts, dropped }: EndOfChild) => {
      const spec = handles.spec(serial);
      if (spec === undefined) return;
      const pid = handles.pid(serial);
      reports.ended(spec.id, pid, reason);
      if (report !== null) {
        const offender = offenderOf(spec, pid);
        const about = { context: report, reason, offender };
        if (restarts) {
          reports.reportBeforeRestart({ ...about, notes: [] }, serial);
        } else {
          const isAsked = report === 'shutdownError';
          const note = isAsked ? shutdownNote(offender, reason) : notRestartedNote(offender);
          reports.report({ ...about, notes: [note] });
        }
      }
      handles.release(serial);
      if (dropped) handles.forget(serial);
    },
    noteIgnored: ({ serial }: At) => {
      reports.declined(serial);
      if (handles.spec(serial)?.restart === 'temporary') handles.forget(serial);
    },
    noteUnexpected: (_: unknown, { event }: Seen) => {
      const { logger } = self.system;
      logger.warn(`supervisor ${self.pid.toString()} got an unexpected message`, { event });
    },
  };
}

/** Effects that tell the world of starts that failed. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
export function effectsOnFailure({ handles, reports }: Witness) {
  return {
    noteFailure: (
      { serial, reason, again }: At & { readonly reason: ExitReason; readonly again: boolean },
      seen: Seen,
    ) => {
      const child = childOf(handles, serial, seen);
      if (child === undefined) return;
      const notes = [...handles.notesOnFailure(serial, reason), failedStartNote(again)];
      const at = again ? standing(seen.context, child.slot) : undefined;
      // Of a child that had no process to restart it is the first word (RPT-003).
      const restarting = child.offender.restarting && child.offender.pid !== undefined;
      const offender = { ...child.offender, restarting };
      reports.conclude('The restart failed, see the next report.');
      reports.report({ context: 'startError', reason, offender, notes }, at);
    },
  };
}

/** Effects that tell the world that there are too many restarts. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of defineStatechart check every effect
export function effectsOnGivingUp({ self, handles, reports }: Witness) {
  return {
    noteGivingUp: ({ serial }: At, seen: Seen) => {
      const child = childOf(handles, serial, seen);
      if (child === undefined) return;
      const { slot, offender } = child;
      const all = [...tableValues(seen.context.children.slots)];
      const others = all.filter(({ status }) => status === 'running').reverse();
      const more = { isDynamic: slot.key === null, parent: self.parent };
      const notes = givingUpNotes(offender, others, more);
      const reason = 'reachedMaxRestartIntensity';
      reports.conclude(notRestartedAgain);
      reports.report({ context: 'shutdown', reason, offender, notes }, standing(seen.context));
    },
    noteGivenUp: ({ serial }: At, seen: Seen) => {
      const child = childOf(handles, serial, seen);
      if (child === undefined) return;
      const { slot, offender } = child;
      const notes = givenUpNotes(offender, slot.key === null);
      const reason = 'spentRestartBudget';
      reports.conclude(notRestartedAgain);
      reports.givenUp(offender.id, offender.pid);
      const at = standing(seen.context, slot);
      reports.report({ context: 'childGivenUp', reason, offender, notes }, at);
    },
  };
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
