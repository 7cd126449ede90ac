import { currentPlatform } from './platform/current.ts';
import {
  isDeadState,
  type MarkedProcess,
  type Marks,
  type Platform,
  type ProcessStat,
} from './platform/platform.ts';
import { readProcessStat } from './process-identity.ts';

/**
 * Every live process of a group; zombies are not listed, they only wait to be reaped.
 *
 * @param groupId - Number of the group, which is the pid of the worker that leads it.
 */
export function groupMembers(
  groupId: number,
  platform: Platform = currentPlatform,
): readonly ProcessStat[] {
  return platform
    .listProcesses()
    .filter((stat) => stat.groupId === groupId && !isDeadState(stat.state));
}

/**
 * Whether no process of the group lives any more.
 *
 * Asks the kernel first, which costs a microsecond; only when it still knows the group are the
 * states read, because an unreaped zombie keeps the number in use.
 */
export function isGroupEmpty(groupId: number, platform: Platform = currentPlatform): boolean {
  const isKnown = Number.isInteger(groupId) && groupId > 1 && platform.isGroupKnown(groupId);
  return !isKnown || groupMembers(groupId, platform).length === 0;
}

/** Every process that can be seen, dead ones included. */
export function listProcesses(platform: Platform = currentPlatform): readonly ProcessStat[] {
  return platform.listProcesses();
}

/**
 * Live processes of this user that carry each of the entries, exactly.
 *
 * Linux looks at the environment given at exec: a fork shows its parent's, later changes do not
 * appear. macOS looks at the command line, which tells only the run. Windows tells nobody.
 *
 * @param entries - `NAME=value`; all of them must be present.
 */
export function markedProcesses(
  entries: readonly string[],
  platform: Platform = currentPlatform,
): readonly ProcessStat[] {
  if (!entries.every((entry) => platform.canCarry(entry))) return [];
  const wanted = entries.map((entry) => Buffer.from(entry, 'utf8'));
  const found: ProcessStat[] = [];
  for (const { pid, marks } of platform.listMarks()) {
    const stat = wanted.every((entry) => marks.has(entry)) ? markedStat(pid, platform) : undefined;
    if (stat !== undefined) found.push(stat);
  }
  return found;
}

/** Every process with what it carries, read one by one while they are taken. */
export function listMarks(platform: Platform = currentPlatform): Iterable<MarkedProcess> {
  return platform.listMarks();
}

/** What a process carries; `undefined` when it is gone, not ours to read, or nobody can read it here. */
export function readMarks(pid: number, platform: Platform = currentPlatform): Marks | undefined {
  return platform.readMarks(pid);
}

/**
 * The process behind a number, if it may count as ours: alive, and of this user.
 *
 * A superuser can read everybody's environment, so that reading it proves nothing.
 */
export function markedStat(
  pid: number,
  platform: Platform = currentPlatform,
): ProcessStat | undefined {
  const stat = readProcessStat(pid, platform);
  const isOurs = stat !== undefined && !isDeadState(stat.state) && platform.isOwnedByUs(pid);
  return isOurs ? stat : undefined;
}

/** Whether a process runs under our user id; `true` where that cannot be asked. */
export function isOwnedByUs(pid: number, platform: Platform = currentPlatform): boolean {
  return platform.isOwnedByUs(pid);
}
