import { rmSync } from 'node:fs';
import type { ProcessScanner } from '../../os/process-scanner.ts';
import { isRunning, type ProcessIdentity, type ProcessStat } from '../../os/process-identity.ts';
import {
  killEscapees,
  monotonicClock,
  signalGroup,
  signalProcess,
  sleep,
  terminateGroup,
  type SignalResult,
  type WaitingClock,
} from '../../os/process-killer.ts';
import { workerMarker, type WorkerRecordKey } from '../../os/run-record-format.ts';
import type { RunRecords } from '../../os/run-records.ts';

/** A worker whose process has ended. */
export interface EndedWorker {
  /** Which one. */
  readonly key: WorkerRecordKey;
  /** Its process, which led the group. */
  readonly leader: ProcessIdentity;
  /** Its socket; `undefined` when it listened on a port. */
  readonly socketPath: string | undefined;
  /** Records of the run. */
  readonly run: RunRecords;
  /** Whether what it left is killed; if not, it stays, and stays recorded. */
  readonly killsAtExit: boolean;
  /** Finds what left the group. */
  readonly scanner: ProcessScanner;
  /** Time; default real. */
  readonly clock?: WaitingClock;
}

/** A process that lives in spite of everything. */
export interface Survivor extends ProcessStat {
  /** What became of the last SIGKILL, sent to it alone. */
  readonly lastAttempt: SignalResult;
}

/** What was left of a worker and what became of it. */
export interface CleanupReport {
  /** Processes that had left the group and were killed. */
  readonly escaped: readonly ProcessStat[];
  /** What became of the kill of the group after the worker's exit; `gone` when nobody was left in it. */
  readonly groupKill: SignalResult;
  /** Processes that the kill of the group had left, and that were killed by marker or one by one. */
  readonly killedSingly: readonly ProcessStat[];
  /** Processes that live in spite of SIGKILL; the worker stays recorded for the next sweep. */
  readonly survivors: readonly Survivor[];
  /** Whether the operating system has said that nobody else is left; if not, the worker stays recorded. */
  readonly isConfirmed: boolean;
  /** Why the worker is still recorded though nobody of it is left; `undefined` when it is not. */
  readonly recordLeft: string | undefined;
  /** From the worker's exit to the confirmation, in milliseconds. */
  readonly durationMs: number;
}

/** Where the layer is switched off. */
const NOTHING_DONE: CleanupReport = {
  escaped: [],
  groupKill: 'refused',
  killedSingly: [],
  survivors: [],
  // Nobody asked, so there is nothing to tell.
  isConfirmed: true,
  recordLeft: undefined,
  durationMs: 0,
};

/** How long the kernel may take to end a group after SIGKILL, in milliseconds. */
const KILL_TIMEOUT_MS = 2_000;

/** How long it may take to end what was left of it, one by one, in milliseconds. */
const SINGLE_KILL_TIMEOUT_MS = 500;
/** Time between two looks at what was killed one by one, in milliseconds. */
const SINGLE_KILL_POLL_MS = 10;

/** Further looks for escapees after the first, in milliseconds after it: one may have been forking. */
const LATER_LOOKS_MS = [50, 150] as const;

/**
 * Confirms that a worker's group is gone, and frees its address.
 *
 * The group was sent SIGKILL already. It is sent again until the group is empty, as is whoever
 * carries the worker's marker; what that does not end is killed one by one, by its own identity
 * (R10.3). When it resolves, nobody of the group lives, nobody carries the worker's marker, and its
 * address refuses, unless the report names survivors.
 */
export async function confirmWorkerGone(ended: EndedWorker): Promise<CleanupReport> {
  if (!ended.killsAtExit) return NOTHING_DONE;
  const clock = ended.clock ?? monotonicClock;
  const startMs = clock.now();
  const groupKill = signalGroup(ended.leader, 'SIGKILL');
  const { escaped, survivors, isConfirmed } = await terminateGroup({
    ...search(ended),
    termTimeoutMs: 0,
    killTimeoutMs: KILL_TIMEOUT_MS,
    clock,
  });
  const singly = await killSingly(ended, survivors, clock);
  if (ended.socketPath !== undefined) removeSocket(ended.socketPath);
  const isInGroup = ({ groupId }: ProcessStat): boolean => groupId === ended.leader.pid;
  // What a kill of the group reaches a moment too late for the look after it, is no news.
  const byMarker = groupKill === 'notPermitted' ? escaped.filter(isInGroup) : [];
  return {
    escaped: escaped.filter((stat) => !isInGroup(stat)),
    groupKill,
    killedSingly: [...byMarker, ...singly.killed],
    survivors: singly.survivors,
    // Whoever was left was seen, and was ended one by one.
    isConfirmed: isConfirmed || survivors.length > 0,
    recordLeft: undefined,
    durationMs: clock.now() - startMs,
  };
}

async function killSingly(
  { leader }: EndedWorker,
  left: readonly ProcessStat[],
  clock: WaitingClock,
): Promise<{ readonly killed: readonly ProcessStat[]; readonly survivors: readonly Survivor[] }> {
  // One may have been found twice: in the group and by its marker.
  const each = new Map(left.map((stat) => [`${stat.pid} ${stat.startTime}`, stat]));
  const attempts = [...each.values()].map((stat): Survivor => {
    const { pid, startTime } = stat;
    return { ...stat, lastAttempt: signalProcess({ ...leader, pid, startTime }, 'SIGKILL') };
  });
  const lives = ({ pid, startTime }: ProcessStat): boolean =>
    isRunning({ ...leader, pid, startTime });
  const deadlineMs = clock.now() + SINGLE_KILL_TIMEOUT_MS;
  while (attempts.some(lives) && clock.now() < deadlineMs) await sleep(clock, SINGLE_KILL_POLL_MS);
  const survivors = attempts.filter(lives);
  return { killed: attempts.filter((one) => !survivors.includes(one)), survivors };
}

/**
 * Looks twice more for escapees, 50 and 200 ms after the exit, and then forgets the worker's record,
 * unless something of it lives. The replacement need not wait for it: it has another incarnation.
 */
export async function finishCleanup(
  ended: EndedWorker,
  confirmed: CleanupReport,
): Promise<CleanupReport> {
  if (!ended.killsAtExit) return confirmed;
  const escaped = [...confirmed.escaped];
  for (const delayMs of LATER_LOOKS_MS) {
    await sleep(ended.clock ?? monotonicClock, delayMs);
    escaped.push(...(await killEscapees(search(ended))));
  }
  const survivors = confirmed.survivors.filter(({ pid, startTime }) =>
    isRunning({ ...ended.leader, pid, startTime }),
  );
  if (survivors.length > 0 || !confirmed.isConfirmed) return { ...confirmed, escaped, survivors };
  const removed = await ended.run.removeRecord(ended.key);
  return { ...confirmed, escaped, survivors, recordLeft: removed.ok ? undefined : removed.reason };
}

function search({ key, leader, run, scanner }: EndedWorker): Parameters<typeof killEscapees>[0] {
  // Both entries: two runtimes on one machine may have pools and workers of the same name.
  return { leader, marker: [run.marker, workerMarker(key)], scanner };
}

function removeSocket(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its listener is gone: a connection is refused whether or not the file is there.
  }
}
