import { currentPlatform } from './platform/current.ts';
import { isDeadState, type Platform, type ProcessStat } from './platform/platform.ts';

export { isDeadState, type ProcessStat } from './platform/platform.ts';

/**
 * What tells one process from every other one, also after its number was given to somebody else.
 *
 * A bare pid is never enough: Linux hands out numbers in a circle, so a number read a second ago may
 * belong to a stranger now.
 */
export interface ProcessIdentity {
  /** Id of this boot of the machine; empty where the platform tells none. */
  readonly bootId: string;
  /** Inode of the pid namespace (Linux); empty elsewhere. */
  readonly pidNamespace: string;
  /** Number of the process, greater than 1 for everything that may be signalled. */
  readonly pid: number;
  /**
   * When it started, in the platform's spelling. Linux: field 22 of `/proc/PID/stat`, clock ticks
   * since boot. macOS: what `ps -o lstart=` prints, whole seconds of UTC, words separated by one
   * blank. Windows: creation time in tenths of a microsecond since 1601.
   */
  readonly startTime: string;
}

/**
 * Reads what the operating system knows of one process.
 *
 * Linux reads `/proc` (25 µs); macOS runs `ps` (some milliseconds), Windows PowerShell (some tenths
 * of a second).
 *
 * @returns `undefined` when there is no such process, or it cannot be seen.
 */
export function readProcessStat(
  pid: number,
  platform: Platform = currentPlatform,
): ProcessStat | undefined {
  return Number.isInteger(pid) && pid >= 1 ? platform.readStat(pid) : undefined;
}

/**
 * Start time of a process, in the spelling of {@link ProcessIdentity.startTime}.
 *
 * @returns `undefined` when there is no such process. A zombie still has one.
 */
export function readStartTime(pid: number): string | undefined {
  return readProcessStat(pid)?.startTime;
}

/**
 * State letter of a process.
 *
 * @returns `undefined` when there is no such process. See {@link isDeadState}.
 */
export function readProcessState(pid: number): string | undefined {
  return readProcessStat(pid)?.state;
}

/** Id of this boot: changes with every start of the machine. Empty where the platform tells none. */
export function readBootId(platform: Platform = currentPlatform): string {
  return platform.bootId();
}

/** Inode of the pid namespace this process lives in (Linux); empty elsewhere. */
export function readPidNamespace(platform: Platform = currentPlatform): string {
  return platform.pidNamespace();
}

/**
 * Identity of a process that exists now.
 *
 * Race-free for a child that was not reaped yet: an unreaped child pins its number.
 *
 * @returns `undefined` when there is no such process.
 */
export function identityOf(
  pid: number,
  platform: Platform = currentPlatform,
): ProcessIdentity | undefined {
  const startTime = readProcessStat(pid, platform)?.startTime;
  if (startTime === undefined) return undefined;
  return { bootId: platform.bootId(), pidNamespace: platform.pidNamespace(), pid, startTime };
}

/**
 * Identity of this very process.
 *
 * @throws Error where the platform tells no start times; the message says what to do.
 */
export function currentIdentity(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (identity === undefined) {
    throw new Error(
      `cannot read the start time of process ${String(process.pid)}: ` +
        `${currentPlatform.identityRemedy}, worker processes cannot be told apart without`,
    );
  }
  return identity;
}

/**
 * Whether the process that carries this number now is the one that was meant. Zombies are the same
 * process; {@link isRunning} tells them apart.
 */
export function isSameProcess(
  identity: ProcessIdentity,
  platform: Platform = currentPlatform,
): boolean {
  return matchingStat(identity, platform) !== undefined;
}

/** Whether the process still runs: the same one and not a zombie. A stopped process runs. */
export function isRunning(
  identity: ProcessIdentity,
  platform: Platform = currentPlatform,
): boolean {
  const stat = matchingStat(identity, platform);
  return stat !== undefined && !isDeadState(stat.state);
}

function matchingStat(
  { bootId, pidNamespace, pid, startTime }: ProcessIdentity,
  platform: Platform,
): ProcessStat | undefined {
  if (bootId !== platform.bootId() || pidNamespace !== platform.pidNamespace()) return undefined;
  // Last, so that nothing comes between it and the signal that waits for the answer.
  const stat = readProcessStat(pid, platform);
  return stat?.startTime === startTime ? stat : undefined;
}
