import { join } from 'node:path';
import {
  askOnce,
  attempt,
  isDeadState,
  type Delivery,
  type KillSignal,
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
  { layer: 'record', how: 'files, with start times of `ps`' },
  { layer: 'exit', how: 'signals to the group' },
  { layer: 'lifeline', how: undefined },
  { layer: 'eof', how: 'thread on the beat channel' },
  { layer: 'opinion', how: '`kqueue`' },
  { layer: 'watchdog', how: '`watchdog.sh`: groups and command lines' },
  { layer: 'strict', how: undefined },
  { layer: 'sweep', how: 'records, and run id in the command line' },
];

const FACTS: PlatformFacts = {
  name: 'darwin',
  evidence: 'documented',
  layers: LAYERS,
  advice:
    'set watchdog to true: a worker that is stopped, or stuck in C, outlives a killed runtime without',
  hasGroups: true,
  spawnOptions: { detached: true, windowsHide: true },
  gracefulAsk: 'signal',
  sockets: { maxPathBytes: 103, shortPlaces: ['/tmp'] },
  interpreterPath: ['bin', 'python'],
  executableSuffix: '',
  neutralDirectory: '/',
};

const PS = '/bin/ps';
const SYSCTL = '/usr/sbin/sysctl';
/** Dates are spelled in the locale and in the time zone: both may be others when they are read again. */
const PS_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };
/** A new `-o` for each: in some versions a header's text goes on to the end of its argument. */
const STAT_COLUMNS = ['pid', 'ppid', 'pgid', 'stat', 'lstart'].flatMap((name) => [
  '-o',
  `${name}=`,
]);

/**
 * macOS, and every other POSIX system without `/proc`: process groups, `ps`, markers in the command
 * line, because environments cannot be read reliably there.
 */
export function createDarwin(calls: SystemCalls): Platform {
  const ps = (...args: readonly string[]): readonly string[] =>
    // It ends with 1 for a process that is gone: nothing found is the answer, not an error.
    (attempt(() => calls.run(PS, args, PS_ENVIRONMENT)) ?? '').split('\n');
  const readStat = (pid: number): ProcessStat | undefined =>
    ps('-p', String(pid), ...STAT_COLUMNS)
      .map(parsePsLine)
      .find((stat) => stat?.pid === pid);
  const listProcesses = (): readonly ProcessStat[] =>
    ps('-A', ...STAT_COLUMNS).flatMap((line) => parsePsLine(line) ?? []);
  const signals = posixSignals(calls);
  return {
    ...FACTS,
    ...signals,
    identityRemedy: `make ${PS} executable`,
    stateDirectory: (_env, home) =>
      home === undefined ? undefined : join(home, 'Library', 'Application Support', 'snakepit'),
    watchdogCommand: (scriptsDir) => ['sh', join(scriptsDir, 'watchdog.sh')],
    readStat,
    listProcesses,
    bootId: askOnce(
      () => attempt(() => calls.run(SYSCTL, ['-n', 'kern.bootsessionuuid']))?.trim() ?? '',
    ),
    pidNamespace: () => '',
    ownGroupId: () => readStat(calls.pid)?.groupId,
    isOwnedByUs(pid) {
      if (calls.uid === undefined) return true;
      return ps('-p', String(pid), '-o', 'uid=')[0]?.trim() === String(calls.uid);
    },
    // It ends with 1 when one of several is gone, and tells of the others all the same: each is asked for.
    *readMemory(pids): Iterable<ProcessMemory> {
      for (const pid of pids) {
        const kilobytes = ps('-p', String(pid), '-o', 'rss=')[0]?.trim() ?? '';
        if (/^\d+$/u.test(kilobytes)) yield { pid, residentBytes: Number(kilobytes) * 1024 };
      }
    },
    readMemoryShare: () => undefined,
    // The command line names the run, and no incarnation of a worker.
    canCarry: (entry) => runIdOf(entry) !== undefined,
    readMarks: (pid) =>
      ps('-ww', '-p', String(pid), '-o', 'pid=', '-o', 'command=').flatMap(parseCommand)[0]?.marks,
    listMarks: () => ps('-A', '-ww', '-o', 'pid=', '-o', 'command=').flatMap(parseCommand),
    signalGroup: (groupId, signal) =>
      signalGroup(signals.signalGroup, signals.signalProcess, listProcesses, groupId, signal),
  };
}

/**
 * Parses one line of `ps -o pid= -o ppid= -o pgid= -o stat= -o lstart=` printed in the C locale.
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

/** Whether a command line is that of a worker of a run, or of what a worker forked. */
export function isCommandOfRun(command: string, runId: string): boolean {
  const words = command.split(/\s+/u);
  const flag = words.indexOf('--snakepit-run-id', words.indexOf('snakepit_bridge') + 1);
  return words.includes('snakepit_bridge') && flag !== -1 && words[flag + 1] === runId;
}

function parseCommand(line: string): readonly { readonly pid: number; readonly marks: Marks }[] {
  const [, pid, command] = /^\s*(\d+)\s+(.*)$/u.exec(line) ?? [];
  if (pid === undefined || command === undefined) return [];
  const has = (entry: Buffer): boolean => {
    const runId = runIdOf(entry.toString('utf8'));
    return runId !== undefined && isCommandOfRun(command, runId);
  };
  return [{ pid: Number(pid), marks: { has, startingWith: () => [] } }];
}

function runIdOf(entry: string): string | undefined {
  return /^SNAKEPIT_RUN_([a-z0-9]+)=1$/u.exec(entry)?.[1];
}

/**
 * XNU refuses a signal to a group of zombies with EPERM, where Linux takes it, and so does a group of
 * which one member is another user's: then each live member is asked for itself.
 */
function signalGroup(
  toGroup: Platform['signalGroup'],
  toProcess: Platform['signalProcess'],
  listProcesses: Platform['listProcesses'],
  groupId: number,
  signal: KillSignal,
): Delivery {
  const delivery = toGroup(groupId, signal);
  if (delivery !== 'notPermitted') return delivery;
  const deliveries = [...listProcesses()]
    .filter((stat) => stat.groupId === groupId && !isDeadState(stat.state))
    .map(({ pid }) => toProcess(pid, signal));
  if (deliveries.includes('sent')) return 'sent';
  return deliveries.includes('notPermitted') ? 'notPermitted' : 'gone';
}
