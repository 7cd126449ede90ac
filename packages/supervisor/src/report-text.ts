import { causesOf, formatExitReason, type ExitReason, type Pid } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildSlot } from './children.ts';
import type { GivingUp, Incident, Offender, Restarted } from './incident.ts';
import { showValue } from './plain-values.ts';
import type { RestartContext } from './restart-decisions.ts';
import type { RestartWindow } from './restart-window.ts';
import { traceOfStart } from './start-failure.ts';

/** How near the limit of restarts somebody is. */
export interface Standing {
  /** Restarts that count now. */
  readonly count: number;
  /** Restarts allowed. */
  readonly allowed: number;
  /** Within how many seconds. */
  readonly seconds: number;
  /** Whose they are: of all children together, or of this one, which has a budget of its own. */
  readonly of: 'all' | 'child';
}

/** Where the restarts of a child stand. */
export function standing({ window }: RestartContext, slot?: ChildSlot): Standing {
  const budget = slot?.history?.budget ?? null;
  return budget === null ? standingIn(window, 'all') : standingIn(budget, 'child');
}

function standingIn({ count, intensity, period }: RestartWindow, of: Standing['of']): Standing {
  return { count, allowed: intensity, seconds: period, of };
}

/** A child by its id and pid. */
export function nameOfChild(id: ChildId, pid: Pid | undefined): string {
  return pid === undefined ? showValue(id) : `${showValue(id)} ${pid.toString()}`;
}

/**
 * A report as people read it: who, what, why; then what was done and how near the limit is; then the error's stack.
 *
 * @param who - The supervisor.
 * @param restarted - Who was started because of it.
 * @param at - Where the restarts stand, if the child is restarted.
 */
export function linesOfReport(
  who: string,
  incident: Incident,
  restarted: readonly Restarted[],
  at: Standing | undefined,
): string[] {
  const [path, reason] = innermost(incident.reason);
  const facts = [
    ...(path.length === 0 ? [] : [`It failed in its child ${path.join(' › ')}.`]),
    ...(restarted.length === 0 ? [] : [restartedLine(incident.offender, restarted)]),
    ...incident.notes,
    ...(at === undefined || isGivingUp(incident) ? [] : limitLines(at)),
  ];
  return [
    `${who}${headOf({ ...incident, reason }, at)}`,
    ...facts.map((fact) => `  ${fact}`),
    ...(typeof reason === 'string' ? [] : causesOf(reason)),
  ];
}

/** What follows for a child that ended and is not to be restarted. */
export function notRestartedNote({ restart }: Offender): string {
  return `It is not restarted, for it is ${restart}.`;
}

/** What follows when a start fails. */
export function failedStartNote(again: boolean): string {
  return again
    ? 'The restart will be tried again, after what waits in the mailbox.'
    : 'So the supervisor does not start: the children before it are stopped again, those after it never start.';
}

/** Why the end of a child that was asked to end is worth a report. */
export function shutdownNote({ restart, shutdown }: Offender, reason: ExitReason): string {
  if (reason.kind === 'killed' && typeof shutdown === 'number') {
    return `It was asked to end, did not within its ${String(shutdown)} ms, and was killed.`;
  }
  if (restart === 'permanent' && (reason.kind === 'normal' || reason.kind === 'shutdownWith')) {
    return 'It was asked to end; a permanent child is to end with shutdown then.';
  }
  return 'It ended so while it was to be stopped, and is not restarted.';
}

/** What follows when a supervisor gives up. */
export function givingUpNotes(
  offender: Offender,
  others: readonly ChildSlot[],
  more: { readonly isDynamic: boolean; readonly parent: Pid },
): string[] {
  const stops =
    others.length === 0
      ? 'It has no other child to stop'
      : more.isDynamic
        ? `It stops what else it has, ${String(others.length)} running, all at once`
        : `It stops its other children in reverse order (${listed(others.map(({ id }) => showValue(id)))})`;
  const parent = more.parent.id === 0 ? 'it was started from outside' : more.parent.toString();
  return [
    `The last was to be child ${nameOfChild(offender.id, offender.pid)}.`,
    `${stops} and exits with shutdown. What follows is up to its parent: ${parent}.`,
  ];
}

/** What follows when a child is given up. */
export function givenUpNotes({ id, pid }: Offender, isDynamic: boolean): string[] {
  const call = isDynamic
    ? `DynamicSupervisor.restartChild() with the pid ${String(pid)}`
    : `Supervisor.restartChild() with the id ${showValue(id)}`;
  return [
    'It stays stopped, and is listed as failed. Its siblings and the supervisor go on.',
    `${call} starts it again, its budget unused.`,
  ];
}

function headOf({ context, reason, offender }: Incident, at: Standing | undefined): string {
  const child = nameOfChild(offender.id, offender.pid);
  const why = typeof reason === 'string' ? reason : formatExitReason(reason);
  switch (context) {
    case 'childTerminated':
      return `: child ${child} ended: ${why}`;
    case 'startError':
      return `: child ${child} could not be started: ${why}`;
    case 'shutdownError':
      return `: child ${child} did not end as it was asked to: ${why}`;
    case 'shutdown':
      return ` gives up: ${limitText(at)}`;
    case 'childGivenUp':
      return ` gives up child ${child}: ${limitText(at)}`;
  }
}

function limitText(at: Standing | undefined): string {
  if (at === undefined) return 'too many restarts';
  const allowed = at.allowed === 1 ? '1 is allowed' : `${String(at.allowed)} are allowed`;
  return `${times(at.count)} within ${String(at.seconds)} s, and ${allowed}`;
}

function limitLines({ count, allowed, seconds, of }: Standing): string[] {
  const whose = of === 'child' ? ' of this child' : '';
  const line = `That is ${String(count)} of ${times(allowed)}${whose} within ${String(seconds)} s.`;
  if (count < allowed) return [line];
  return [
    of === 'child'
      ? `${line} One more within that time, and it is given up.`
      : `${line} One more within that time, and the supervisor stops all its children and exits.`,
  ];
}

function restartedLine({ id }: Offender, restarted: readonly Restarted[]): string {
  const [first] = restarted;
  if (restarted.length === 1 && first !== undefined && showValue(first.id) === showValue(id)) {
    return `It was restarted as ${first.pid.toString()}.`;
  }
  return `Restarted, in this order: ${listed(restarted.map((one) => nameOfChild(one.id, one.pid)))}.`;
}

/** The most that are named in one line. */
const mostListed = 8;

function listed(names: readonly string[]): string {
  const more = names.length - mostListed;
  const shown = names.slice(0, mostListed).join(', ');
  return more > 0 ? `${shown} and ${String(more)} more` : shown;
}

function times(count: number): string {
  return count === 1 ? '1 restart' : `${String(count)} restarts`;
}

function isGivingUp({ context }: Incident): boolean {
  return context === 'shutdown' || context === 'childGivenUp';
}

function innermost(
  reason: ExitReason | GivingUp,
): readonly [readonly string[], ExitReason | GivingUp] {
  return typeof reason === 'string' ? [[], reason] : traceOfStart(reason);
}
