import type { ProcessInfo } from './process/process-info.ts';

/** What `console.log` and Node's `util.inspect` ask a thing for, instead of looking inside. */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** A process as plain data, without what only its crash report needs. */
export function shownOf(info: ProcessInfo): Omit<ProcessInfo, 'recent' | 'reason'> {
  const { pid, name, label, behaviour, parent, status, stateValue, state } = info;
  const { mailboxLength, linkedPids, monitorCount, turns } = info;
  const who = { pid, name, label, behaviour, parent };
  return { ...who, status, stateValue, state, mailboxLength, linkedPids, monitorCount, turns };
}
