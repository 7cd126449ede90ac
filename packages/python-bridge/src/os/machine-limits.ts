import { readFileSync, readdirSync } from 'node:fs';
import { freemem } from 'node:os';
import { attempt } from './platform/platform.ts';

/** Something of which there is only so much, and how much of it is used. */
export interface MachineLimit {
  /** What the limit is called by whoever sets it. */
  readonly name: 'RLIMIT_NOFILE' | 'RLIMIT_NPROC' | 'pids.max' | 'kernel.pid_max' | 'threads-max';
  /** How much there is. */
  readonly limit: number;
  /** How much of it is used now. */
  readonly used: number;
}

/** How much memory can be had. */
export interface AvailableMemory {
  /** Who says so: the machine, or a limit of the cgroup or of one above it. */
  readonly name: 'MemAvailable' | 'memory.max' | 'freemem';
  /** Bytes; what the page cache holds and would give up counts as available. */
  readonly bytes: number;
}

/** What of this machine limits how many processes we can have. A limit that cannot be read, or is none, is `undefined`. */
export interface MachineLimits {
  /** File descriptors of this process. */
  readonly descriptors: MachineLimit | undefined;
  /** Processes and threads together; of several limits that of which the least is left. */
  readonly tasks: MachineLimit | undefined;
  /** Memory; of several limits that of which the least is left. */
  readonly memory: AvailableMemory | undefined;
}

/** Where limits are read; tests give their own. */
export interface LimitSources {
  /** Text of a file. Throws when it cannot be read. */
  readonly readText: (path: string) => string;
  /** Names in a directory. Throws when it cannot be read. */
  readonly readNames: (path: string) => readonly string[];
  /** Real user id of this process; `undefined` where there are none. */
  readonly uid: number | undefined;
  /** What Node knows of the limits of this process, where there is no `/proc`. */
  readonly userLimits: () => Readonly<Record<string, unknown>> | undefined;
  /** Bytes of memory that nobody uses. */
  readonly freeMemory: () => number;
}

const thisMachine: LimitSources = {
  readText: (path) => readFileSync(path, 'utf8'),
  readNames: (path) => readdirSync(path),
  // Asked each time: a server may give up its privileges after it was loaded.
  get uid() {
    return process.getuid?.();
  },
  userLimits: () =>
    recordIn(
      attempt(() => process.report.getReport()),
      'userLimits',
    ),
  freeMemory: freemem,
};

/**
 * Reads what limits how many processes we can have: `/proc`, cgroups (v2 and v1, those above ours included), and where
 * there is no `/proc` what Node knows.
 *
 * It takes a millisecond, for users other than root a little for each process of the machine.
 *
 * @param sources - Where to read; default this machine.
 */
export function readMachineLimits(sources: LimitSources = thisMachine): MachineLimits {
  const limits = readTextOf(sources, '/proc/self/limits');
  if (limits === undefined) return limitsWithoutProc(sources);
  const cgroups = cgroupsOf(sources);
  return {
    descriptors: descriptorLimit(sources, softLimit(limits, 'Max open files'), '/proc/self/fd'),
    tasks: least([
      userTasks(sources, softLimit(limits, 'Max processes')),
      ...kernelTasks(sources),
      ...cgroups.map((cgroup) => cgroupTasks(sources, cgroup)),
    ]),
    memory: leastMemory([
      machineMemory(sources),
      ...cgroups.map((cgroup) => cgroupMemory(sources, cgroup)),
    ]),
  };
}

/** What is left of a limit. */
export function leftOf({ limit, used }: MachineLimit): number {
  return Math.max(0, limit - used);
}

function limitsWithoutProc(sources: LimitSources): MachineLimits {
  const soft = recordIn(sources.userLimits(), 'open_files')?.['soft'];
  const limit = typeof soft === 'number' ? soft : undefined;
  return {
    descriptors: descriptorLimit(sources, limit, '/dev/fd'),
    tasks: undefined,
    memory: { name: 'freemem', bytes: sources.freeMemory() },
  };
}

function descriptorLimit(
  { readNames }: LimitSources,
  limit: number | undefined,
  directory: string,
): MachineLimit | undefined {
  const open = attempt(() => readNames(directory).length);
  if (limit === undefined || open === undefined) return undefined;
  // One of them is that of the directory itself.
  return { name: 'RLIMIT_NOFILE', limit, used: Math.max(0, open - 1) };
}

/** Counted are the tasks of the real user; root has no such limit. */
function userTasks(sources: LimitSources, limit: number | undefined): MachineLimit | undefined {
  const { uid } = sources;
  if (limit === undefined || uid === undefined || uid === 0) return undefined;
  let used = 0;
  for (const name of attempt(() => sources.readNames('/proc')) ?? []) {
    const status = /^\d+$/u.test(name) ? readTextOf(sources, `/proc/${name}/status`) : undefined;
    if (status === undefined || numberIn(status, /^Uid:\s+(\d+)/mu) !== uid) continue;
    used += numberIn(status, /^Threads:\s+(\d+)/mu) ?? 1;
  }
  return { name: 'RLIMIT_NPROC', limit, used };
}

/** What the kernel can have at all; it says of how many tasks it knows in `/proc/loadavg`, behind the slash. */
function kernelTasks(sources: LimitSources): readonly (MachineLimit | undefined)[] {
  const used = numberIn(readTextOf(sources, '/proc/loadavg') ?? '', /\d+\/(\d+)/u);
  if (used === undefined) return [];
  return [
    ['kernel.pid_max', '/proc/sys/kernel/pid_max'] as const,
    ['threads-max', '/proc/sys/kernel/threads-max'] as const,
  ].map(([name, path]) => {
    const limit = numberIn(readTextOf(sources, path) ?? '', /^(\d+)/u);
    return limit === undefined ? undefined : { name, limit, used };
  });
}

/** A directory of the cgroup file system that stands for us, or for a group that we are in. */
interface Cgroup {
  readonly directory: string;
  readonly version: 1 | 2;
}

/**
 * The cgroups of this process and those above them. In a container the path is sometimes that of the machine, while the
 * root of the mount is the container's own: what is not there is passed over.
 */
function cgroupsOf(sources: LimitSources): readonly Cgroup[] {
  const found: Cgroup[] = [];
  for (const line of (readTextOf(sources, '/proc/self/cgroup') ?? '').split('\n')) {
    const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(\/.*)$/u.exec(line) ?? [];
    if (id === undefined || path.split('/').includes('..')) continue;
    if (id === '0' && controllers === '') {
      for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
        found.push(
          ...pathUp(path).map((at) => ({ directory: `${mount}${at}`, version: 2 as const })),
        );
      }
      continue;
    }
    for (const controller of controllers.split(',').filter((one) => v1Controllers.has(one))) {
      const mount = `/sys/fs/cgroup/${controller}`;
      found.push(
        ...pathUp(path).map((at) => ({ directory: `${mount}${at}`, version: 1 as const })),
      );
    }
  }
  return found;
}

const v1Controllers: ReadonlySet<string> = new Set(['pids', 'memory']);

/** `/a/b` as `/a/b`, `/a` and the root, which is empty. */
function pathUp(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return [...parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`), ''];
}

function cgroupTasks(sources: LimitSources, { directory }: Cgroup): MachineLimit | undefined {
  const limit = numberOf(sources, `${directory}/pids.max`);
  const used = numberOf(sources, `${directory}/pids.current`);
  if (limit === undefined || used === undefined) return undefined;
  return { name: 'pids.max', limit, used };
}

/** Files that were read and are not needed are given up when somebody wants the memory. */
function cgroupMemory(
  sources: LimitSources,
  { directory, version }: Cgroup,
): AvailableMemory | undefined {
  const [maxFile, usedFile, inactive] = memoryFiles[version];
  const limit = numberOf(sources, `${directory}/${maxFile}`);
  const used = numberOf(sources, `${directory}/${usedFile}`);
  if (limit === undefined || used === undefined) return undefined;
  const stat = readTextOf(sources, `${directory}/memory.stat`) ?? '';
  const bytes = limit - used + (numberIn(stat, inactive) ?? 0);
  return { name: 'memory.max', bytes: Math.max(0, bytes) };
}

const memoryFiles = {
  1: ['memory.limit_in_bytes', 'memory.usage_in_bytes', /^total_inactive_file (\d+)$/mu],
  2: ['memory.max', 'memory.current', /^inactive_file (\d+)$/mu],
} as const;

function machineMemory(sources: LimitSources): AvailableMemory | undefined {
  const kilobytes = numberIn(
    readTextOf(sources, '/proc/meminfo') ?? '',
    /^MemAvailable:\s+(\d+) kB$/mu,
  );
  return kilobytes === undefined ? undefined : { name: 'MemAvailable', bytes: kilobytes * 1024 };
}

function least(limits: readonly (MachineLimit | undefined)[]): MachineLimit | undefined {
  return limits.reduce((a, b) => {
    if (a === undefined || b === undefined) return a ?? b;
    return leftOf(b) < leftOf(a) ? b : a;
  }, undefined);
}

function leastMemory(all: readonly (AvailableMemory | undefined)[]): AvailableMemory | undefined {
  return all.reduce((a, b) => {
    if (a === undefined || b === undefined) return a ?? b;
    return b.bytes < a.bytes ? b : a;
  }, undefined);
}

/** The soft limit of a line of `/proc/self/limits`; `undefined` for `unlimited`. */
function softLimit(limits: string, line: string): number | undefined {
  return numberIn(limits, new RegExp(String.raw`^${line}\s+(\d+)`, 'mu'));
}

/** The number that a file holds; `undefined` for none, and for `max`. */
function numberOf(sources: LimitSources, path: string): number | undefined {
  return numberIn(readTextOf(sources, path) ?? '', /^(\d+)\s*$/u);
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const [, digits] = pattern.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function readTextOf({ readText }: LimitSources, path: string): string | undefined {
  return attempt(() => readText(path));
}

function recordIn(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Readonly<Record<string, unknown>>)[key];
  return typeof found === 'object' && found !== null
    ? (found as Readonly<Record<string, unknown>>)
    : undefined;
}
