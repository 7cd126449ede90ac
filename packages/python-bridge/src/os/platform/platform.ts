import type { SafetyLayer } from '../safety-layers.ts';

/** One process as the operating system describes it at this moment. */
export interface ProcessStat {
  /** Number of the process. */
  readonly pid: number;
  /** One letter: `R`, `S`, `D`, `T`, … ; `Z` and `X` are dead. */
  readonly state: string;
  /** Number of the parent; 0 for none, or where the platform does not tell. */
  readonly parentPid: number;
  /** Number of the process group; on Windows, which has none, the process's own. */
  readonly groupId: number;
  /** When it started, in the platform's own spelling; only equality means something. */
  readonly startTime: string;
}

/** Whether a state letter means dead: zombies (`Z`) and what is being removed (`X`, `x`). */
export function isDeadState(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

/** Signals that are sent to processes. `SIGTERM` is always followed by `SIGCONT`. */
export type KillSignal = 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT';

/**
 * What the operating system made of a signal.
 *
 * - `sent`: it took it.
 * - `gone`: there is no such process or group any more.
 * - `notPermitted`: it exists, and is not ours to signal (EPERM).
 * - `unsupported`: the platform cannot deliver this signal: Windows has only the end.
 */
export type Delivery = 'sent' | 'gone' | 'notPermitted' | 'unsupported';

/** What a process carries from its start that tells whose it is. */
export interface Marks {
  /** Whether it carries an entry (`NAME=value`), exactly. */
  has(entry: Buffer): boolean;
  /** Entries that begin with a text; none where only single entries can be asked for. */
  startingWith(prefix: string): readonly string[];
}

/** How much memory a process has. */
export interface ProcessMemory {
  /** Number of the process. */
  readonly pid: number;
  /** Bytes that are in memory, all of what it shares with others included. */
  readonly residentBytes: number;
}

/** A process whose marks were found. */
export interface MarkedProcess {
  /** Number of the process. */
  readonly pid: number;
  /** What it carries. */
  readonly marks: Marks;
}

/** A safety layer on one platform. */
export interface PlatformLayer {
  /** Which one; `strict` is what `descendants: 'strict'` adds. */
  readonly layer: SafetyLayer | 'strict';
  /** By what it works here; `undefined` where the platform offers nothing for it. */
  readonly how: string | undefined;
}

/** Unix sockets of one platform. */
export interface PlatformSockets {
  /** Longest path in bytes, without the final NUL; one more and the kernel refuses it, or cuts it silently. */
  readonly maxPathBytes: number;
  /** Directories with short names where everybody may make files. */
  readonly shortPlaces: readonly string[];
}

/** What of a {@link Platform} is known without asking the system. */
export type PlatformFacts = Pick<
  Platform,
  | 'name'
  | 'evidence'
  | 'layers'
  | 'advice'
  | 'hasGroups'
  | 'spawnOptions'
  | 'sockets'
  | 'gracefulAsk'
  | 'interpreterPath'
  | 'executableSuffix'
  | 'neutralDirectory'
>;

/**
 * Everything of processes that differs between operating systems.
 *
 * Nothing here judges: identity is compared and numbers are checked by whoever calls.
 */
export interface Platform {
  /** `darwin` stands for every POSIX system without `/proc`. */
  readonly name: 'linux' | 'darwin' | 'win32';
  /** Whether what is promised here was measured, or only stands in the makers' documentation. */
  readonly evidence: 'measured' | 'documented';
  /** The safety layers, in the order in which they come to act. */
  readonly layers: readonly PlatformLayer[];
  /** What to switch on here because the layers leave a gap; empty when there is nothing. */
  readonly advice: string;
  /**
   * Whether there are process groups: they outlive their leader, and keep its number from being given
   * to another process.
   */
  readonly hasGroups: boolean;
  /** How a child is spawned so that it leads a group and shows no window. */
  readonly spawnOptions: { readonly detached: boolean; readonly windowsHide: true };
  /** Unix sockets, on which workers listen; `undefined` where they listen on loopback ports. */
  readonly sockets: PlatformSockets | undefined;
  /** How a worker is asked to end: SIGTERM, or a message on its beat channel. */
  readonly gracefulAsk: 'signal' | 'message';
  /** Where a virtual environment keeps its interpreter, from its directory on. */
  readonly interpreterPath: readonly [string, string];
  /** What names of programs end in. */
  readonly executableSuffix: '' | '.exe';
  /** Directory where a process keeps nobody from removing or unmounting anything; `undefined` for its parent's. */
  readonly neutralDirectory: string | undefined;
  /** What keeps start times from being read, when they cannot be. */
  readonly identityRemedy: string;
  /**
   * The usual state directory, but for `$XDG_STATE_HOME`.
   *
   * @param home - The user's home; `undefined` when unknown.
   */
  stateDirectory(
    env: Readonly<Record<string, string | undefined>>,
    home: string | undefined,
  ): string | undefined;
  /**
   * How the watchdog is started: program and arguments.
   *
   * @param scriptsDir - Directory of its scripts.
   */
  watchdogCommand(
    scriptsDir: string,
    env: Readonly<Record<string, string | undefined>>,
  ): readonly [string, ...string[]];
  /** Reads one process; `undefined` when there is none, or it cannot be seen. */
  readStat(pid: number): ProcessStat | undefined;
  /** Every process that can be seen, dead ones included, read one by one while they are taken where that is possible. */
  listProcesses(): Iterable<ProcessStat>;
  /** Id of this boot of the machine; empty where there is none. Read once. */
  bootId(): string;
  /** Inode of the pid namespace of this process (Linux); empty elsewhere. Read once. */
  pidNamespace(): string;
  /** Group of this very process; `undefined` when it cannot be read, or there are no groups. */
  ownGroupId(): number | undefined;
  /** Whether a process runs under our user id; `true` where that cannot be asked. */
  isOwnedByUs(pid: number): boolean;
  /** Whether processes here can be searched for an entry at all. */
  canCarry(entry: string): boolean;
  /** What a process carries; `undefined` when it is gone or not ours to read. */
  readMarks(pid: number): Marks | undefined;
  /** Every process with what it carries, read one by one while they are taken. */
  listMarks(): Iterable<MarkedProcess>;
  /** The memory of processes, those that are gone left out; read one by one while they are taken where that is possible. */
  readMemory(pids: readonly number[]): Iterable<ProcessMemory>;
  /**
   * The memory of one process in bytes, where what it shares with others counts in part. Takes longer than
   * {@link Platform.readMemory}: some milliseconds for each gigabyte.
   *
   * @returns `undefined` when it is gone, or where nobody can tell.
   */
  readMemoryShare(pid: number): number | undefined;
  /** Signals one process. The number was checked. */
  signalProcess(pid: number, signal: KillSignal): Delivery;
  /** Signals every process of a group; on Windows a process with its tree. The number was checked. */
  signalGroup(groupId: number, signal: KillSignal): Delivery;
  /** Whether the kernel still knows the group, zombies included. Costs a microsecond. */
  isGroupKnown(groupId: number): boolean;
}

/** The calls to the operating system that platforms are made of; tests give their own. */
export interface SystemCalls {
  /** Number of this process. */
  readonly pid: number;
  /** Number of its parent. */
  readonly parentPid: number;
  /** Our user id; `undefined` where there are none. */
  readonly uid: number | undefined;
  /** Environment variables of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file. Throws when it cannot be read. */
  readText(path: string): string;
  /** Bytes of a file. Throws when it cannot be read. */
  readBytes(path: string): Buffer;
  /** Names in a directory. Throws when it cannot be read. */
  readNames(path: string): readonly string[];
  /** Where a symbolic link leads. Throws when it cannot be read. */
  readLink(path: string): string;
  /** User id of a file's owner. Throws when it cannot be read. */
  ownerOf(path: string): number;
  /**
   * Standard output of a program, run without a shell.
   *
   * @param program - Absolute path.
   * @param env - Variables on top of this process's.
   * @throws an error with `status` when it ends with another code than 0, with `code` when it cannot be run.
   */
  run(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): string;
  /** Sends a signal; 0 only asks. A negative number is a group. Throws with ESRCH, EPERM. */
  kill(pid: number, signal: KillSignal | 0): void;
}

/** The value of a call, or `undefined` when it throws: what is asked for is gone, or not ours to see. */
export function attempt<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** Makes a function that asks once and remembers: for what cannot change while this process lives. */
export function askOnce<Value>(ask: () => Value): () => Value {
  let answer: { readonly value: Value } | undefined;
  return () => (answer ??= { value: ask() }).value;
}
