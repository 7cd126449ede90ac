import { join, win32 as path } from 'node:path';
import { errorCode } from '../system-error.ts';
import {
  attempt,
  type Delivery,
  type KillSignal,
  type Platform,
  type PlatformFacts,
  type PlatformLayer,
  type ProcessMemory,
  type ProcessStat,
  type SystemCalls,
} from './platform.ts';

const LAYERS: readonly PlatformLayer[] = [
  { layer: 'record', how: 'files, with creation times of PowerShell' },
  { layer: 'exit', how: '`taskkill /T /F`' },
  { layer: 'lifeline', how: 'job object of Node: the worker itself' },
  { layer: 'eof', how: 'thread on the beat channel' },
  { layer: 'opinion', how: 'job object of the worker; handle of its parent' },
  { layer: 'watchdog', how: '`watchdog.bat`: process trees' },
  { layer: 'strict', how: undefined },
  { layer: 'sweep', how: 'records' },
];

const FACTS: PlatformFacts = {
  name: 'win32',
  evidence: 'documented',
  layers: LAYERS,
  advice: '',
  hasGroups: false,
  // A detached child would leave the job that Windows ends together with Node.
  spawnOptions: { detached: false, windowsHide: true },
  gracefulAsk: 'message',
  sockets: undefined,
  interpreterPath: ['Scripts', 'python.exe'],
  executableSuffix: '.exe',
  neutralDirectory: undefined,
};

/** Exit code of taskkill for a number that no process has. */
const TASKKILL_NOT_FOUND = 128;

/**
 * Windows: no signals and no groups. A process ends by `taskkill`, with the tree below it; its
 * creation time tells it from the next owner of its number, and is asked of PowerShell, which takes
 * some tenths of a second each time. What the runtime's death leaves is the job objects' work.
 */
export function createWin32(calls: SystemCalls): Platform {
  const system32 = path.join(calls.env['SystemRoot'] ?? 'C:\\Windows', 'System32');
  const powershell = path.join(system32, 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const isKnown = (pid: number): boolean => {
    try {
      // Windows has no signal 0; Node asks whether the process runs.
      calls.kill(pid, 0);
      return true;
    } catch (error) {
      return errorCode(error) === 'EPERM';
    }
  };
  const linesOf = (command: string): readonly string[] => runScript(calls, powershell, command);
  const processes = (selection: string): readonly ProcessStat[] =>
    linesOf(creationTimes(selection)).flatMap((line) => parseCreationTime(line, calls) ?? []);
  const end = (pid: number, signal: KillSignal): Delivery => {
    if (signal !== 'SIGKILL') return 'unsupported';
    const taskkill = path.join(system32, 'taskkill.exe');
    try {
      calls.run(taskkill, ['/PID', String(pid), '/T', '/F']);
      return 'sent';
    } catch (error) {
      if (statusOf(error) === TASKKILL_NOT_FOUND) return 'gone';
      return endAlone(calls, pid);
    }
  };
  return {
    ...FACTS,
    identityRemedy: `allow ${powershell} to be run`,
    stateDirectory: ({ LOCALAPPDATA: place = '' }) =>
      place === '' ? undefined : join(place, 'snakepit'),
    watchdogCommand: (scriptsDir, { ComSpec: shell = path.join(system32, 'cmd.exe') }) => [
      ...([shell, '/d', '/c', join(scriptsDir, 'watchdog.bat')] as const),
    ],
    // The cheap question first: PowerShell takes a while to say that there is nobody.
    readStat: (pid) =>
      isKnown(pid) ? processes(`-Id ${pid}`).find((stat) => stat.pid === pid) : undefined,
    listProcesses: () => processes(''),
    bootId: () => '',
    pidNamespace: () => '',
    ownGroupId: () => undefined,
    isOwnedByUs: () => true,
    ...memoryOf(linesOf),
    canCarry: () => false,
    readMarks: () => undefined,
    listMarks: () => [],
    signalProcess: end,
    signalGroup: end,
    isGroupKnown: isKnown,
  };
}

/** Prints `number creation-time` a line; processes of the system do not tell theirs. */
function creationTimes(selection: string): string {
  return (
    `Get-Process ${selection} -ErrorAction SilentlyContinue | ForEach-Object { ` +
    `try { '{0} {1}' -f $_.Id, $_.StartTime.ToFileTimeUtc() } catch { } }`
  );
}

function runScript(calls: SystemCalls, powershell: string, command: string): readonly string[] {
  const args = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command'];
  return (attempt(() => calls.run(powershell, [...args, command])) ?? '').split('\n');
}

function memoryOf(
  linesOf: (command: string) => readonly string[],
): Pick<Platform, 'readMemory' | 'readMemoryShare'> {
  return {
    readMemory: (pids) =>
      pids.length === 0 ? [] : linesOf(workingSets(pids)).flatMap((line) => parseWorkingSet(line)),
    readMemoryShare: () => undefined,
  };
}

/** Prints `number bytes` a line. */
function workingSets(pids: readonly number[]): string {
  return (
    `Get-Process -Id ${pids.join(',')} -ErrorAction SilentlyContinue | ` +
    `ForEach-Object { '{0} {1}' -f $_.Id, $_.WorkingSet64 }`
  );
}

function parseWorkingSet(line: string): readonly ProcessMemory[] {
  const [, pid, bytes] = /^(\d+) (\d+)$/u.exec(line.trim()) ?? [];
  return bytes === undefined ? [] : [{ pid: Number(pid), residentBytes: Number(bytes) }];
}

function parseCreationTime(
  line: string,
  own: Pick<SystemCalls, 'pid' | 'parentPid'>,
): ProcessStat | undefined {
  const [, digits, startTime] = /^(\d+) (\d+)$/u.exec(line.trim()) ?? [];
  if (digits === undefined || startTime === undefined) return undefined;
  const pid = Number(digits);
  const parentPid = pid === own.pid ? own.parentPid : 0;
  return { pid, state: 'R', parentPid, groupId: pid, startTime };
}

/** Without taskkill, or where it could not end the whole tree: the process itself, by Node. */
function endAlone(calls: SystemCalls, pid: number): Delivery {
  try {
    calls.kill(pid, 'SIGKILL');
    return 'sent';
  } catch (error) {
    return errorCode(error) === 'EPERM' ? 'notPermitted' : 'gone';
  }
}

function statusOf(error: unknown): number | undefined {
  const status: unknown =
    typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
}
