import type { Look, ProcessScanner } from './process-scanner.ts';
import { currentPlatform } from './platform/current.ts';
import { isDeadState, type Delivery, type KillSignal, type Platform } from './platform/platform.ts';
import {
  isSameProcess,
  readProcessStat,
  type ProcessIdentity,
  type ProcessStat,
} from './process-identity.ts';

/**
 * What became of a signal: what the operating system made of it, `gone` also when the number belongs
 * to another process now; or `refused`, because we do not signal that: not an integer above 1,
 * ourselves, or our own group.
 */
export type SignalResult = Delivery | 'refused';

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
 * A SIGTERM that cannot be delivered is followed by SIGKILL (R10.4).
 *
 * @returns Never throws for anything the kernel may answer; see {@link SignalResult}.
 */
export function signalProcess(
  identity: ProcessIdentity,
  signal: KillSignal,
  platform: Platform = currentPlatform,
): SignalResult {
  if (!mayBeSignalled(identity.pid, platform)) return 'refused';
  return escalate(signal, (sent) => {
    if (!isSameProcess(identity, platform)) return 'gone';
    return platform.signalProcess(identity.pid, sent);
  });
}

/**
 * Signals every process of the group that a worker leads.
 *
 * The number is the leader's pid. A living leader must have the recorded start time; a leader that
 * is gone while members live pins the number, so they are its children. That reasoning needs
 * somebody who watched the group all the time: after a restart of the runtime it does not hold, and
 * the sweep signals single processes instead. A SIGTERM that cannot be delivered is followed by
 * SIGKILL (R10.4).
 *
 * @param leader - Identity of the worker, taken when it was started.
 */
export function signalGroup(
  leader: ProcessIdentity,
  signal: KillSignal,
  platform: Platform = currentPlatform,
): SignalResult {
  if (!mayBeSignalled(leader.pid, platform)) return 'refused';
  return escalate(signal, (sent) => {
    if (!isSameProcess(leader, platform)) {
      const isPinned = platform.hasGroups && readProcessStat(leader.pid, platform) === undefined;
      if (!isPinned) return 'gone';
    }
    const delivery = platform.signalGroup(leader.pid, sent);
    if (delivery !== 'gone' || !isSameProcess(leader, platform)) return delivery;
    // A fork that does not lead its group yet; it has started nobody.
    return platform.signalProcess(leader.pid, sent);
  });
}

/** What {@link terminateGroup} needs. */
export interface TerminateGroupOptions {
  /** Leader of the group, as recorded when it was started. */
  readonly leader: ProcessIdentity;
  /** Entries (`NAME=value`) that processes which left the group carry; empty for none. */
  readonly marker: readonly string[];
  /** Finds those processes, and who is in the group. */
  readonly scanner: ProcessScanner;
  /** Longest wait between TERM and KILL, in milliseconds; 0 starts at KILL. */
  readonly termTimeoutMs: number;
  /** Longest wait for the end after KILL, in milliseconds. */
  readonly killTimeoutMs: number;
  /** Time; default real. */
  readonly clock?: WaitingClock;
  /** The operating system; default this one. */
  readonly platform?: Platform;
}

/** How a group ended. */
export interface TerminateGroupReport {
  /** What ended it: nothing was left at all, SIGTERM sufficed, or SIGKILL was needed. */
  readonly how: 'alreadyGone' | 'term' | 'kill';
  /** Processes that had left the group and were killed by their marker. */
  readonly escaped: readonly ProcessStat[];
  /** Processes that live in spite of SIGKILL (uninterruptible sleep, not permitted); empty when gone. */
  readonly survivors: readonly ProcessStat[];
  /** Whether the operating system has said that nobody is left; with no survivors `false` means that it could not be asked. */
  readonly isConfirmed: boolean;
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
  const { leader, clock = monotonicClock, platform = currentPlatform } = options;
  const startMs = clock.now();
  const escaped = new Map<number, ProcessStat>();
  const group = watchGroup(options);
  const nobodyLeft = async (): Promise<boolean> =>
    (await group.isGone()) && (await findEscapees(options))?.length === 0;
  const report = (
    how: TerminateGroupReport['how'],
    survivors: readonly ProcessStat[] = [],
    isConfirmed = true,
  ): TerminateGroupReport => ({
    how,
    escaped: [...escaped.values()],
    survivors,
    isConfirmed,
    durationMs: clock.now() - startMs,
  });

  if (await nobodyLeft()) return report('alreadyGone');
  if (options.termTimeoutMs > 0) {
    const asked = (await group.isGone()) ? 'gone' : signalGroup(leader, 'SIGTERM', platform);
    // Who did not get the signal needs no time to obey it.
    const graceMs = asked === 'sent' ? options.termTimeoutMs : 0;
    await pollUntil(() => group.isGone(), graceMs, clock);
    if (await nobodyLeft()) return report('term');
  }
  const kill = async (): Promise<boolean> => {
    if (!(await group.isGone())) signalGroup(leader, 'SIGKILL', platform);
    for (const stat of await killEscapees(options)) escaped.set(stat.pid, stat);
    return nobodyLeft();
  };
  if (await pollUntil(kill, options.killTimeoutMs, clock)) return report('kill');
  const escapees = (await findEscapees(options)) ?? [];
  return report('kill', [...group.members(), ...escapees], false);
}

interface GroupWatch {
  /** Whether nobody of the group lives any more; not, as long as nobody can see. */
  isGone(): Promise<boolean>;
  /** Who was in it at the last look. */
  members(): readonly ProcessStat[];
}

/**
 * Watches one group. Once it is empty its number is free for others: from then on it is neither asked
 * nor signalled.
 */
function watchGroup({
  leader,
  scanner,
  platform = currentPlatform,
}: TerminateGroupOptions): GroupWatch {
  let hasEnded = false;
  let members: readonly ProcessStat[] = [];
  const look = async (): Promise<boolean> => {
    // Costs a microsecond; only an unreaped zombie, or somebody who lives, makes more looks necessary.
    if (!platform.isGroupKnown(leader.pid)) return true;
    if (!platform.hasGroups) return isDead(leader, platform);
    const seen = await scanner.membersOf([leader.pid]);
    // What was seen under the number after that was somebody else's.
    if (isNumberOfAnother(leader, platform)) return true;
    members = seen ?? members;
    return seen?.length === 0;
  };
  return {
    async isGone() {
      hasEnded ||= await look();
      if (hasEnded) members = [];
      return hasEnded;
    },
    members: () => members,
  };
}

/** Then nobody of its group lives: a member would have kept the number from being given again. */
function isNumberOfAnother({ pid, startTime }: ProcessIdentity, platform: Platform): boolean {
  const stat = readProcessStat(pid, platform);
  return stat !== undefined && stat.startTime !== startTime;
}

/** Not, when it cannot be seen. */
function isDead({ pid, startTime }: ProcessIdentity, platform: Platform): boolean {
  const stat = readProcessStat(pid, platform);
  return stat !== undefined && (stat.startTime !== startTime || isDeadState(stat.state));
}

/** Which worker's escapees are meant. */
export type EscapeeSearch = Pick<
  TerminateGroupOptions,
  'leader' | 'marker' | 'scanner' | 'platform'
>;

/**
 * Kills every process that carries the marker, also outside the worker's group.
 *
 * @returns Those that were found.
 */
export async function killEscapees(search: EscapeeSearch): Promise<readonly ProcessStat[]> {
  const found = (await findEscapees(search)) ?? [];
  for (const { pid, startTime } of found) {
    signalProcess({ ...search.leader, pid, startTime }, 'SIGKILL', search.platform);
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

async function findEscapees({ marker, scanner }: EscapeeSearch): Promise<Look> {
  if (marker.length === 0) return [];
  const found = await scanner.find(marker);
  return found?.filter((stat) => stat.pid !== process.pid);
}

function mayBeSignalled(pid: number, platform: Platform): boolean {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false;
  return pid !== platform.ownGroupId();
}

/** A worker that cannot be asked is ended: the stronger signal may be allowed where the weaker is not. */
function escalate(signal: KillSignal, send: (signal: KillSignal) => Delivery): Delivery {
  const delivery = send(signal);
  const isUndelivered = delivery === 'notPermitted' || delivery === 'unsupported';
  return signal === 'SIGTERM' && isUndelivered ? send('SIGKILL') : delivery;
}
