import { formatExitReason, type ExitReason } from '../process/exit-reason.ts';
import type { Pid } from '../process/pid.ts';
import type { Process } from '../process/process.ts';
import { showValue } from '../show-value.ts';
import type { RecentEvent } from './flight-recorder.ts';

/** What is known of a process that ended abnormally; the fields of the report in the log (OTP RPT-005). */
export interface CrashFields {
  /** Who died. */
  readonly pid: string;
  /** The name it was registered under. */
  readonly name: string | undefined;
  /** What its definition is called. */
  readonly label: string;
  /** Which way it ran. */
  readonly behaviour: string;
  /** Who spawned it. */
  readonly parent: string;
  /** Why. */
  readonly reason: ExitReason;
  /** Where it was in its life: the state value of its chart, or the phase of a flat behaviour. */
  readonly stateValue: unknown;
  /** How many messages nobody will handle now. */
  readonly mailboxLength: number;
  /** Who is linked to it, and hears of it. */
  readonly links: readonly Pid[];
  /** The last messages it handled, oldest first; the last one is often the one that it died of. */
  readonly recent: readonly RecentEvent[];
}

/** A crash in words and in fields. @internal */
export interface CrashReport {
  /** Several lines, for people. */
  readonly text: string;
  /** The same for programs. */
  readonly fields: CrashFields;
}

/** Makes the report on a process that is about to be let go of; `undefined` when nobody would read it. @internal */
export function crashReportOf(process: Process, reason: ExitReason): CrashReport | undefined {
  if (process.runtime.logger.isSilent('error')) return undefined;
  const fields: CrashFields = {
    pid: process.pid.toString(),
    name: process.name,
    label: process.label,
    behaviour: process.behaviour,
    parent: process.parent.toString(),
    reason,
    stateValue: process.stateValue,
    mailboxLength: process.mailboxLength,
    links: process.linkedPids,
    recent: process.recent,
  };
  return { fields, text: linesOf(fields).join('\n') };
}

function linesOf(crash: CrashFields): string[] {
  const { reason, recent, mailboxLength } = crash;
  const waiting = `${String(mailboxLength)} ${mailboxLength === 1 ? 'message' : 'messages'} waiting`;
  return [
    `process ${crash.pid} (${crash.name ?? crash.label}) ended: ${formatExitReason(reason)}`,
    `  what: ${crash.behaviour} ${crash.label}, started by ${crash.parent}`,
    `  state: ${showValue(crash.stateValue)}, ${waiting}`,
    `  links: ${crash.links.map(String).join(', ') || 'none'}`,
    ...(recent.length === 0 ? [] : ['  last messages:']),
    ...recent.map(({ kind, type, agoMs }) => `    ${kind} ${type} (${String(agoMs)} ms ago)`),
    ...causesOf(reason),
  ];
}

/** The stack of the error that a process died of, and of what caused it, indented. @internal */
export function causesOf(reason: ExitReason): string[] {
  if (reason.kind !== 'error') return [];
  const shown = new Set<unknown>();
  // Causes may go round in a circle.
  for (let error: unknown = reason.error; error !== undefined && !shown.has(error);) {
    shown.add(error);
    error = causeOf(error);
  }
  return Array.from(shown, stackOf).map((text, at) =>
    indent(at === 0 ? text : `caused by: ${text}`),
  );
}

// Anything can be thrown, also an object whose getters throw; a report must not add to the damage.
function stackOf(error: unknown): string {
  try {
    const { stack } = Object(error) as { readonly stack?: unknown };
    return typeof stack === 'string' ? stack : showValue(error);
  } catch {
    return showValue(error);
  }
}

function causeOf(error: unknown): unknown {
  try {
    return (Object(error) as { readonly cause?: unknown }).cause;
  } catch {
    return undefined;
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
