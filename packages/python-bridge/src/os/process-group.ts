import { readFileSync, readdirSync, statSync } from 'node:fs';
import {
  isDeadState,
  parseProcStat,
  readProcessStat,
  readPs,
  type ProcessStat,
} from './process-identity.ts';
import { errorCode } from './system-error.ts';

/**
 * Every live process of a group; zombies are not listed, they only wait to be reaped.
 *
 * @param groupId - Number of the group, which is the pid of the worker that leads it.
 * @param platform - Chooses the way; tests run the portable one on Linux by naming another.
 */
export function groupMembers(
  groupId: number,
  platform: NodeJS.Platform = process.platform,
): readonly ProcessStat[] {
  return listProcesses(platform).filter(
    (stat) => stat.groupId === groupId && !isDeadState(stat.state),
  );
}

/**
 * Whether no process of the group lives any more.
 *
 * Asks the kernel first, which costs a microsecond; only when it still knows the group are the
 * states read, because an unreaped zombie keeps the number in use.
 */
export function isGroupEmpty(groupId: number): boolean {
  return !groupIsKnown(groupId) || groupMembers(groupId).length === 0;
}

/** Every process that can be seen, dead ones included. */
export function listProcesses(
  platform: NodeJS.Platform = process.platform,
): readonly ProcessStat[] {
  if (platform !== 'linux') return readPs(['-axo']);
  return listPids().flatMap((pid) => {
    const text = readBytes(`/proc/${String(pid)}/stat`)?.toString('utf8');
    return (text === undefined ? undefined : parseProcStat(text)) ?? [];
  });
}

/**
 * Live processes of this user whose environment holds each of the entries, exactly.
 *
 * The environment is the one given at exec: a fork shows its parent's, later changes do not appear.
 * Where no environments can be read (everything but Linux) the answer is empty.
 *
 * @param entries - `NAME=value`; all of them must be present.
 */
export function markedProcesses(entries: readonly string[]): readonly ProcessStat[] {
  const wanted = entries.map((entry) => Buffer.from(entry, 'utf8'));
  return listPids().flatMap((pid) => {
    const environ = readEnvironment(pid);
    if (environ === undefined || !wanted.every((entry) => hasEntry(environ, entry))) return [];
    return markedStat(pid) ?? [];
  });
}

/** Numbers of all processes in `/proc`; empty where there is none. */
export function listPids(): readonly number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/u.test(name) ? Number(name) : []));
  } catch {
    return [];
  }
}

/** Environment of a process as given at exec; `undefined` when gone or not ours to read. */
export function readEnvironment(pid: number): Buffer | undefined {
  return readBytes(`/proc/${String(pid)}/environ`);
}

/** Whether NUL-separated environment text holds an entry from its first to its last byte. */
export function hasEntry(environ: Buffer, entry: Buffer): boolean {
  for (let at = environ.indexOf(entry); at !== -1; at = environ.indexOf(entry, at + 1)) {
    const end = at + entry.length;
    const startsEntry = at === 0 || environ[at - 1] === 0;
    if (startsEntry && (end === environ.length || environ[end] === 0)) return true;
  }
  return false;
}

/**
 * The process behind a number, if it may count as ours: alive, and of this user.
 *
 * A superuser can read everybody's environment, so that reading it proves nothing.
 */
export function markedStat(pid: number): ProcessStat | undefined {
  const stat = readProcessStat(pid);
  return stat === undefined || isDeadState(stat.state) || !isOwnedByUs(pid) ? undefined : stat;
}

/** Whether a process runs under our user id (Linux); `true` where that cannot be asked. */
export function isOwnedByUs(pid: number): boolean {
  const ownUid = process.getuid?.();
  if (ownUid === undefined || process.platform !== 'linux') return true;
  try {
    return statSync(`/proc/${String(pid)}`).uid === ownUid;
  } catch {
    return false;
  }
}

function groupIsKnown(groupId: number): boolean {
  if (!Number.isInteger(groupId) || groupId <= 1) return false;
  try {
    // Signal 0 sends nothing: the kernel only says whether the group has a member.
    process.kill(-groupId, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function readBytes(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // Gone meanwhile, or another user's: nothing of ours.
    return undefined;
  }
}
