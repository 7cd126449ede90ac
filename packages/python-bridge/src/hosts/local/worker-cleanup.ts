import { rmSync } from 'node:fs';
import type { MarkerScanner } from '../../os/marker-scan.ts';
import { isRunning, type ProcessIdentity, type ProcessStat } from '../../os/process-identity.ts';
import {
  killEscapees,
  monotonicClock,
  sleep,
  terminateGroup,
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
  readonly scanner: MarkerScanner;
  /** Time; default real. */
  readonly clock?: WaitingClock;
}

/** What was left of a worker and what became of it. */
export interface CleanupReport {
  /** Processes that had left the group and were killed. */
  readonly escaped: readonly ProcessStat[];
  /** Processes that live in spite of SIGKILL; the worker stays recorded for the next sweep. */
  readonly survivors: readonly ProcessStat[];
  /** From the worker's exit to the confirmation, in milliseconds. */
  readonly durationMs: number;
}

/** How long the kernel may take to end a group after SIGKILL, in milliseconds. */
const KILL_TIMEOUT_MS = 2_000;

/** Further looks for escapees after the first, in milliseconds after it: one may have been forking. */
const LATER_LOOKS_MS = [50, 150] as const;

/**
 * Confirms that a worker's group is gone, and frees its address.
 *
 * The group was sent SIGKILL already. When it resolves, nobody of the group lives, nobody carries
 * the worker's marker, and its address refuses, unless the report names survivors.
 */
export async function confirmWorkerGone(ended: EndedWorker): Promise<CleanupReport> {
  if (!ended.killsAtExit) return { escaped: [], survivors: [], durationMs: 0 };
  const { escaped, survivors, durationMs } = await terminateGroup({
    ...search(ended),
    termTimeoutMs: 0,
    killTimeoutMs: KILL_TIMEOUT_MS,
    clock: ended.clock ?? monotonicClock,
  });
  if (ended.socketPath !== undefined) removeSocket(ended.socketPath);
  return { escaped, survivors, durationMs };
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
  if (survivors.length === 0) ended.run.removeRecord(ended.key);
  return { ...confirmed, escaped, survivors };
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
