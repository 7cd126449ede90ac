import { isCleanExit, type ExitReason } from '@snakepit/core';
import { callsForRestart, childOfPid, type Children, type ChildSlot } from './children.ts';

/** What a supervisor report is about (OTP RPT-001). */
export type ReportContext =
  /** A child could not be started, at first or again. */
  | 'startError'
  /** A child ended by itself. */
  | 'childTerminated'
  /** A child ended otherwise than it was asked to. */
  | 'shutdownError'
  /** The supervisor gives up: too many restarts. */
  | 'shutdown'
  /** The supervisor gives up this child alone: its restart budget is spent; an extension. */
  | 'childGivenUp';

/** Whether a child's own end is reported: every one of a permanent child, abnormal ones of others (OTP RPT-002). */
function reportOfOwnEnd(slot: ChildSlot, reason: ExitReason): ReportContext | null {
  return slot.restart === 'permanent' || !isCleanExit(reason) ? 'childTerminated' : null;
}

/** Whether the end of a child that was asked to stop is reported, by a supervisor (OTP SHD-006). */
function reportOfStop(slot: ChildSlot, reason: ExitReason): ReportContext | null {
  return isProperStop(slot, reason) ? null : 'shutdownError';
}

/** The same by a dynamic supervisor, which lets a permanent child say more (OTP DYN-020). */
function reportOfDynamicStop(slot: ChildSlot, reason: ExitReason): ReportContext | null {
  if (slot.shutdown === 'brutalKill') return reason.kind === 'killed' ? null : 'shutdownError';
  const proper =
    reason.kind === 'shutdown' ||
    reason.kind === 'shutdownWith' ||
    (reason.kind === 'normal' && slot.restart !== 'permanent');
  return proper ? null : 'shutdownError';
}

/** The end of a child, as an effect needs to know it. */
export interface EndOfChild {
  /** Its place. */
  readonly serial: number;
  /** Why it ended. */
  readonly reason: ExitReason;
  /** Whether that is worth a report, and which. */
  readonly report: ReportContext | null;
  /** Whether it is to be restarted, unless that is once too often. */
  readonly restarts: boolean;
  /** Whether its spec is forgotten with it (OTP SUP-024). */
  readonly dropped: boolean;
}

/** A child ended by itself. */
export function endByItself(children: Children, pid: number, reason: ExitReason): EndOfChild {
  return endOf(children, pid, reason, reportOfOwnEnd, callsForRestart);
}

/** A child ended that a supervisor is stopping. */
export function endOfStopped(
  children: Children,
  pid: number | undefined,
  reason: ExitReason,
): EndOfChild {
  return endOf(children, pid, reason, reportOfStop);
}

/** A child ended that a dynamic supervisor is stopping. */
export function endOfDynamicStopped(
  children: Children,
  pid: number | undefined,
  reason: ExitReason,
): EndOfChild {
  // Whatever its restart type: who is stopped here is no child any more (OTP DYN-017).
  return { ...endOf(children, pid, reason, reportOfDynamicStop), dropped: true };
}

function endOf(
  children: Children,
  pid: number | undefined,
  reason: ExitReason,
  reportOf: (slot: ChildSlot, reason: ExitReason) => ReportContext | null,
  restarts: (slot: ChildSlot, isClean: boolean) => boolean = () => false,
): EndOfChild {
  const slot = pid === undefined ? undefined : childOfPid(children, pid);
  if (slot === undefined) {
    return { serial: -1, reason, report: null, restarts: false, dropped: false };
  }
  const report = reportOf(slot, reason);
  return {
    serial: slot.serial,
    reason,
    report,
    restarts: restarts(slot, isCleanExit(reason)),
    dropped: slot.restart === 'temporary',
  };
}

function isProperStop(slot: ChildSlot, reason: ExitReason): boolean {
  const wanted = slot.shutdown === 'brutalKill' ? 'killed' : 'shutdown';
  return reason.kind === wanted || (slot.restart !== 'permanent' && isCleanExit(reason));
}
