import { join } from 'node:path';
import {
  askOnce,
  attempt,
  type MarkedProcess,
  type Marks,
  type Platform,
  type PlatformFacts,
  type PlatformLayer,
  type ProcessMemory,
  type ProcessStat,
  type SystemCalls,
} from './platform.ts';
import { posixSignals } from './posix-signals.ts';

const LAYERS: readonly PlatformLayer[] = [
  { layer: 'record', how: 'files, with start times of `/proc`' },
  { layer: 'exit', how: 'signals to the group; marker in the environment' },
  { layer: 'lifeline', how: 'SIGKILL to the group by the kernel' },
  { layer: 'eof', how: 'thread on the beat channel' },
  { layer: 'opinion', how: '`PR_SET_PDEATHSIG`' },
  { layer: 'watchdog', how: '`watchdog.sh`: groups and marker' },
  { layer: 'strict', how: 'pid namespace, else subreaper' },
  { layer: 'sweep', how: 'records, and marker in the environment' },
];

const FACTS: PlatformFacts = {
  name: 'linux',
  evidence: 'measured',
  layers: LAYERS,
  advice: '',
  hasGroups: true,
  spawnOptions: { detached: true, windowsHide: true },
  gracefulAsk: 'signal',
  sockets: { maxPathBytes: 107, shortPlaces: ['/tmp'] },
  interpreterPath: ['bin', 'python'],
  executableSuffix: '',
  neutralDirectory: '/',
};

/** Linux: `/proc`, process groups, environments that can be read. */
export function createLinux(calls: SystemCalls): Platform {
  const readStat = (pid: number): ProcessStat | undefined => {
    const text = attempt(() => calls.readText(`/proc/${pid}/stat`));
    return text === undefined ? undefined : parseProcStat(text);
  };
  const readMarks = (pid: number): Marks | undefined => {
    const environ = attempt(() => calls.readBytes(`/proc/${pid}/environ`));
    // Kernel threads and zombies have an empty one.
    if (environ === undefined || environ.length === 0) return undefined;
    return {
      has: (entry) => hasEntry(environ, entry),
      startingWith: (prefix) => entriesStartingWith(environ, prefix),
    };
  };
  return {
    ...FACTS,
    ...posixSignals(calls),
    identityRemedy: 'mount /proc',
    stateDirectory: (_env, home) =>
      home === undefined ? undefined : join(home, '.local', 'state', 'snakepit'),
    watchdogCommand: (scriptsDir) => ['sh', join(scriptsDir, 'watchdog.sh')],
    readStat,
    *listProcesses(): Iterable<ProcessStat> {
      for (const pid of listPids(calls)) {
        const stat = readStat(pid);
        if (stat !== undefined) yield stat;
      }
    },
    bootId: askOnce(
      () => attempt(() => calls.readText('/proc/sys/kernel/random/boot_id'))?.trim() ?? '',
    ),
    pidNamespace: askOnce(() => {
      const link = attempt(() => calls.readLink('/proc/self/ns/pid')) ?? '';
      return /\[(\d+)\]/u.exec(link)?.[1] ?? '';
    }),
    ownGroupId: () => readStat(calls.pid)?.groupId,
    isOwnedByUs(pid) {
      if (calls.uid === undefined) return true;
      return attempt(() => calls.ownerOf(`/proc/${pid}`)) === calls.uid;
    },
    ...memoryOf(calls),
    canCarry: () => true,
    readMarks,
    *listMarks(): Iterable<MarkedProcess> {
      for (const pid of listPids(calls)) {
        const marks = readMarks(pid);
        if (marks !== undefined) yield { pid, marks };
      }
    },
  };
}

function memoryOf(calls: SystemCalls): Pick<Platform, 'readMemory' | 'readMemoryShare'> {
  return {
    *readMemory(pids): Iterable<ProcessMemory> {
      for (const pid of pids) {
        // A zombie has no memory, and says nothing of it.
        const residentBytes = readKilobytes(calls, `/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/mu);
        if (residentBytes !== undefined) yield { pid, residentBytes };
      }
    },
    readMemoryShare: (pid) =>
      readKilobytes(calls, `/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB$/mu),
  };
}

function readKilobytes(calls: SystemCalls, path: string, pattern: RegExp): number | undefined {
  const [, kilobytes] = pattern.exec(attempt(() => calls.readText(path)) ?? '') ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function listPids(calls: SystemCalls): readonly number[] {
  const names = attempt(() => calls.readNames('/proc')) ?? [];
  return names.flatMap((name) => (/^\d+$/u.test(name) ? Number(name) : []));
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

/** Whether NUL-separated environment text holds an entry from its first to its last byte. */
export function hasEntry(environ: Buffer, entry: Buffer): boolean {
  for (let at = environ.indexOf(entry); at !== -1; at = environ.indexOf(entry, at + 1)) {
    const end = at + entry.length;
    const startsEntry = at === 0 || environ[at - 1] === 0;
    if (startsEntry && (end === environ.length || environ[end] === 0)) return true;
  }
  return false;
}

function entriesStartingWith(environ: Buffer, prefix: string): readonly string[] {
  // Most processes have none: the bytes are searched before they are made a text.
  if (!environ.includes(prefix)) return [];
  const entries = environ.toString('utf8').split('\0');
  return entries.filter((entry) => entry.startsWith(prefix));
}
