import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

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
   * Linux: field 22 of `/proc/PID/stat`, clock ticks since boot. Elsewhere: what `ps -o lstart=`
   * prints, whole seconds, words separated by one blank.
   */
  readonly startTime: string;
}

/** One process as the operating system describes it at this moment. */
export interface ProcessStat {
  /** Number of the process. */
  readonly pid: number;
  /** One letter: `R`, `S`, `D`, `T`, … ; `Z` and `X` are dead. */
  readonly state: string;
  /** Number of the parent; 0 for none. */
  readonly parentPid: number;
  /** Number of the process group. */
  readonly groupId: number;
  /** Start time in the spelling of {@link ProcessIdentity.startTime}. */
  readonly startTime: string;
}

/**
 * Parses the text of `/proc/PID/stat`.
 *
 * Reads after the *last* `)`: a process may call itself `) S 1 (x y`, and a naive split then reports
 * a parent that is none.
 *
 * @returns `undefined` for text that is not such a file.
 */
export function parseProcStat(text: string): ProcessStat | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/u);
  const [state, parentPid, groupId] = fields;
  const startTime = fields[19];
  if (state === undefined || !/^[A-Za-z]$/u.test(state)) return undefined;
  if (startTime === undefined || !/^\d+$/u.test(startTime) || !Number.isInteger(pid)) {
    return undefined;
  }
  return { pid, state, parentPid: Number(parentPid), groupId: Number(groupId), startTime };
}

/**
 * Parses one line of `ps -o pid=,ppid=,pgid=,stat=,lstart=` printed in the C locale.
 *
 * @returns `undefined` for a line that does not have that form.
 */
export function parsePsLine(line: string): ProcessStat | undefined {
  const [pid, parentPid, groupId, state, ...start] = line.trim().split(/\s+/u);
  if (pid === undefined || !/^\d+$/u.test(pid) || state === undefined || start.length === 0) {
    return undefined;
  }
  return {
    pid: Number(pid),
    state: state.slice(0, 1),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    startTime: start.join(' '),
  };
}

/**
 * Runs the BSD-compatible form of `ps`, without a shell.
 *
 * @param selection - `['-axo']` for every process, or `['-p', '123', '-o']`.
 * @returns Every line that could be parsed; empty when `ps` fails or is not there.
 */
export function readPs(selection: readonly string[]): readonly ProcessStat[] {
  const format = 'pid=,ppid=,pgid=,stat=,lstart=';
  try {
    const text = execFileSync('ps', [...selection, format], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
    return text.split('\n').flatMap((line) => parsePsLine(line) ?? []);
  } catch {
    // ps exits with 1 for a process that is gone: nothing found is the answer, not an error.
    return [];
  }
}

/**
 * Reads what the operating system knows of one process.
 *
 * Linux reads `/proc` (25 µs); other systems run `ps` (some milliseconds).
 *
 * @param platform - Chooses the way; tests run the portable one on Linux by naming another.
 * @returns `undefined` when there is no such process, or it cannot be seen.
 */
export function readProcessStat(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): ProcessStat | undefined {
  if (!Number.isInteger(pid) || pid < 1) return undefined;
  if (platform !== 'linux') {
    return readPs(['-p', String(pid), '-o']).find((stat) => stat.pid === pid);
  }
  const text = readText(`/proc/${String(pid)}/stat`);
  return text === undefined ? undefined : parseProcStat(text);
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

/** Whether a state letter means dead: zombies (`Z`) and what is being removed (`X`, `x`). */
export function isDeadState(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

/** Id of this boot: changes with every start of the machine. Empty where the platform tells none. */
export function readBootId(platform: NodeJS.Platform = process.platform): string {
  if (platform === 'linux') return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  if (platform !== 'darwin') return '';
  try {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

/** Inode of the pid namespace this process lives in (Linux); empty elsewhere. */
export function readPidNamespace(platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'linux') return '';
  try {
    return /\[(\d+)\]/u.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/**
 * Identity of a process that exists now.
 *
 * Race-free for a child that was not reaped yet: an unreaped child pins its number.
 *
 * @returns `undefined` when there is no such process.
 */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = readStartTime(pid);
  if (startTime === undefined) return undefined;
  return { bootId: readBootId(), pidNamespace: readPidNamespace(), pid, startTime };
}

/**
 * Identity of this very process.
 *
 * @throws Error where the platform tells no start times (neither `/proc` nor `ps`).
 */
export function currentIdentity(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (identity === undefined) {
    throw new Error(
      `cannot read the start time of process ${String(process.pid)}: ` +
        'mount /proc (Linux) or put ps into the PATH, worker processes cannot be told apart without',
    );
  }
  return identity;
}

/**
 * Whether the process that carries this number now is the one that was meant. Zombies are the same
 * process; {@link isRunning} tells them apart.
 */
export function isSameProcess(identity: ProcessIdentity): boolean {
  return matchingStat(identity) !== undefined;
}

/** Whether the process still runs: the same one and not a zombie. A stopped process runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const stat = matchingStat(identity);
  return stat !== undefined && !isDeadState(stat.state);
}

function matchingStat(identity: ProcessIdentity): ProcessStat | undefined {
  const stat = readProcessStat(identity.pid);
  if (stat?.startTime !== identity.startTime) return undefined;
  const sameBoot = identity.bootId === readBootId();
  return sameBoot && identity.pidNamespace === readPidNamespace() ? stat : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process went away between looking and reading, or belongs to somebody else.
    return undefined;
  }
}
