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
