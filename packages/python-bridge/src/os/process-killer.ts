import { isGroupEmpty, groupMembers } from './process-group.ts';
import type { MarkerScanner } from './marker-scan.ts';
import {
  isSameProcess,
  readProcessStat,
  type ProcessIdentity,
  type ProcessStat,
} from './process-identity.ts';
import { errorCode } from './system-error.ts';

/**
 * What became of a signal.
 *
 * - `sent`: the kernel took it.
 * - `gone`: there is no such process or group any more, or its number belongs to another one now.
 * - `refused`: we do not signal that: not an integer above 1, ourselves, or our own group.
 * - `notPermitted`: it exists, and is not ours to signal (EPERM).
 */
export type SignalResult = 'sent' | 'gone' | 'refused' | 'notPermitted';

/** Signals that are sent to processes. `SIGTERM` is always followed by `SIGCONT`. */
export type KillSignal = 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT';

/** Monotonic time and waiting, in milliseconds; the clock of `@snakepit/core` fits. */
export interface WaitingClock {
  /** Monotonic time in milliseconds. */
  now(): number;
  /** Calls back once after a delay in milliseconds. */
  setTimeout(callback: () => void, delayMs: number): unknown;
}

/** Real monotonic time. */
export const monotonicClock: WaitingClock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
};

/** Waits on a clock. */
export function sleep(clock: WaitingClock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });
}

/**
 * Signals one process, after looking in the same synchronous stretch that it is still the one meant.
 *
 * @returns Never throws for anything the kernel may answer; see {@link SignalResult}.
 */
export function signalProcess(identity: ProcessIdentity, signal: KillSignal): SignalResult {
  if (!mayBeSignalled(identity.pid)) return 'refused';
  if (!isSameProcess(identity)) return 'gone';
  return send(identity.pid, signal);
}

/**
 * Signals every process of the group that a worker leads.
 *
 * The number is the leader's pid. A living leader must have the recorded start time; a leader that
 * is gone while members live pins the number, so they are its children. That reasoning needs
 * somebody who watched the group all the time: after a restart of the runtime it does not hold, and
 * the sweep signals single processes instead.
 *
 * @param leader - Identity of the worker, taken when it was started.
 */
export function signalGroup(leader: ProcessIdentity, signal: KillSignal): SignalResult {
  if (!mayBeSignalled(leader.pid)) return 'refused';
  if (readProcessStat(leader.pid) !== undefined && !isSameProcess(leader)) return 'gone';
  return send(-leader.pid, signal);
}

/** What {@link terminateGroup} needs. */
export interface TerminateGroupOptions {
  /** Leader of the group, as recorded when it was started. */
  readonly leader: ProcessIdentity;
  /** Entries (`NAME=value`) that processes which left the group carry; empty for none. */
  readonly marker: readonly string[];
  /** Finds those processes. */
  readonly scanner: MarkerScanner;
  /** Longest wait between TERM and KILL, in milliseconds; 0 starts at KILL. */
  readonly termTimeoutMs: number;
  /** Longest wait for the end after KILL, in milliseconds. */
  readonly killTimeoutMs: number;
  /** Time; default real. */
  readonly clock?: WaitingClock;
}

/** How a group ended. */
export interface TerminateGroupReport {
  /** What ended it: nothing was left at all, SIGTERM sufficed, or SIGKILL was needed. */
  readonly how: 'alreadyGone' | 'term' | 'kill';
  /** Processes that had left the group and were killed by their marker. */
  readonly escaped: readonly ProcessStat[];
  /** Processes that live in spite of SIGKILL (uninterruptible sleep, not permitted); empty when gone. */
  readonly survivors: readonly ProcessStat[];
  /** Time from the call to the confirmation, in milliseconds. */
  readonly durationMs: number;
}

/**
 * Ends a worker's process group and whatever of it left the group, and confirms the end.
 *
 * TERM + CONT to the group, looks after 1, 2, 4 … 100 ms, then KILL to the group and to what carries
 * the marker. Confirmed means: the group is empty (zombies are dead) and nobody carries the marker
 * (R6.3, R10.4). Never rejects; what could not be ended is in the report.
 */
export async function terminateGroup(
  options: TerminateGroupOptions,
): Promise<TerminateGroupReport> {
  const { leader, clock = monotonicClock } = options;
  const startMs = clock.now();
  const escaped = new Map<number, ProcessStat>();
  let groupEnded = false;
  const isGroupGone = (): boolean => {
    // Once empty its number is free for others: from then on it is neither asked nor signalled.
    groupEnded ||= isGroupEmpty(leader.pid);
    return groupEnded;
  };
  const nobodyLeft = async (): Promise<boolean> =>
    isGroupGone() && (await findEscapees(options)).length === 0;
  const report = (
    how: TerminateGroupReport['how'],
    survivors: readonly ProcessStat[] = [],
  ): TerminateGroupReport => ({
    how,
    escaped: [...escaped.values()],
    survivors,
    durationMs: clock.now() - startMs,
  });

  if (await nobodyLeft()) return report('alreadyGone');
  if (options.termTimeoutMs > 0) {
    if (!isGroupGone()) signalGroup(leader, 'SIGTERM');
    await pollUntil(() => Promise.resolve(isGroupGone()), options.termTimeoutMs, clock);
    if (await nobodyLeft()) return report('term');
  }
  const kill = async (): Promise<boolean> => {
    if (!isGroupGone()) signalGroup(leader, 'SIGKILL');
    for (const stat of await killEscapees(options)) escaped.set(stat.pid, stat);
    return nobodyLeft();
  };
  if (await pollUntil(kill, options.killTimeoutMs, clock)) return report('kill');
  const members = isGroupGone() ? [] : groupMembers(leader.pid);
  return report('kill', [...members, ...(await findEscapees(options))]);
}

/** Which worker's escapees are meant. */
export type EscapeeSearch = Pick<TerminateGroupOptions, 'leader' | 'marker' | 'scanner'>;

/**
 * Kills every process that carries the marker, also outside the worker's group.
 *
 * @returns Those that were found.
 */
export async function killEscapees(search: EscapeeSearch): Promise<readonly ProcessStat[]> {
  const found = await findEscapees(search);
  for (const { pid, startTime } of found) {
    signalProcess({ ...search.leader, pid, startTime }, 'SIGKILL');
  }
  return found;
}

/**
 * Asks until the answer is yes, after 1, 2, 4 … 100 ms and then every 100 ms.
 *
 * @param limitMs - When to give up, in milliseconds.
 * @returns The last answer.
 */
async function pollUntil(
  isDone: () => Promise<boolean>,
  limitMs: number,
  clock: WaitingClock = monotonicClock,
): Promise<boolean> {
  const deadlineMs = clock.now() + limitMs;
  for (let delayMs = 1; ; delayMs = Math.min(100, delayMs * 2)) {
    if (await isDone()) return true;
    const leftMs = deadlineMs - clock.now();
    if (leftMs <= 0) return false;
    await sleep(clock, Math.min(delayMs, leftMs));
  }
}

async function findEscapees({ marker, scanner }: EscapeeSearch): Promise<readonly ProcessStat[]> {
  if (marker.length === 0) return [];
  const found = await scanner.find(marker);
  return found.filter((stat) => stat.pid !== process.pid);
}

function mayBeSignalled(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false;
  return pid !== readProcessStat(process.pid)?.groupId;
}

/** The one place of this package that sends signals. `target` was checked by the callers above. */
function send(target: number, signal: KillSignal): SignalResult {
  try {
    process.kill(target, signal);
    // A stopped process keeps TERM pending until it is continued.
    if (signal === 'SIGTERM') process.kill(target, 'SIGCONT');
    return 'sent';
  } catch (error) {
    if (errorCode(error) === 'EPERM') return 'notPermitted';
    if (errorCode(error) === 'ESRCH') return 'gone';
    throw error;
  }
}
