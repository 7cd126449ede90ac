import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { currentIdentity, type ProcessIdentity } from './process-identity.ts';
import { monotonicClock, type WaitingClock } from './process-killer.ts';
import { createProcessScanner, type ProcessScanner } from './process-scanner.ts';
import {
  forgetOldCorruptRecords,
  isThere,
  listRunDirectories,
  moveAside,
  readRunFile,
  readWorkerRecords,
  removeRun,
  removeRunWhenOld,
  type CorruptRecord,
  type RemovalFailure,
  type RunDirectory,
} from './run-directories.ts';
import { createSparing, endLeftovers, isLeft, type SweptProcess } from './run-leftovers.ts';
import { mayRun, stateOfOwner } from './run-owner.ts';
import { claimName, runMarker, type RunFile } from './run-record-format.ts';
import { runsDirectory } from './run-records.ts';
import { removeOrphanedSockets } from './socket-sweep.ts';
import { createSlices, type Slices } from './time-slices.ts';
import { findUnrecordedRuns } from './unrecorded-runs.ts';

/**
 * What was found of one earlier run.
 *
 * - `live`: its owner runs, or at least cannot be seen to be dead; nothing was touched.
 * - `swept`: its owner is dead, and nothing of it lives any more.
 * - `survivors`: some of its processes could not be ended, or it could not be seen whether they were; it
 *   stays recorded.
 * - `earlierBoot`: from before the machine or container started; nothing of it can live.
 * - `otherNamespace`: of another container on the same files; cannot be judged from here.
 * - `claimedByOther`: another runtime sweeps it.
 * - `corrupt`: its `run.json` says nothing usable; moved aside, no process was touched.
 * - `unread`: its `run.json` could not be read just now; nothing was touched.
 */
export type RunOutcome =
  | 'live'
  | 'swept'
  | 'survivors'
  | 'earlierBoot'
  | 'otherNamespace'
  | 'claimedByOther'
  | 'corrupt'
  | 'unread';

/** Report of one earlier run. */
export interface SweptRun {
  /** Id of the run. */
  readonly runId: string;
  /** What it turned out to be. */
  readonly outcome: RunOutcome;
  /** Every process of it that was found alive. */
  readonly processes: readonly SweptProcess[];
  /** Records that were moved aside. */
  readonly corrupt: readonly CorruptRecord[];
}

/** Report of a whole sweep. */
export interface SweepReport {
  /** One entry for each run directory, and for each run that could not be recorded and left something. */
  readonly runs: readonly SweptRun[];
  /** What could not be removed though nobody needs it any more. */
  readonly notRemoved: readonly RemovalFailure[];
  /** Duration in milliseconds. */
  readonly durationMs: number;
}

/** What {@link sweepEarlierRuns} takes. */
export interface SweepOptions {
  /** State directory, as in `RunRecords.stateDirectory`; `undefined` when there is none. */
  readonly stateDirectory: string | undefined;
  /** Directory from the configuration in which runs have one each for their sockets; default none. */
  readonly socketDir?: string | undefined;
  /** Between TERM and KILL, in milliseconds; default 2,000. */
  readonly termTimeoutMs?: number;
  /** For everything together, in milliseconds; default 5,000. */
  readonly totalTimeoutMs?: number;
  /** Time for waiting; default real. */
  readonly clock?: WaitingClock;
  /** Finds processes; default a scanner of its own. */
  readonly scanner?: ProcessScanner;
  /** Ends the sweep early: what it has not ended is left to the next one. */
  readonly signal?: AbortSignal;
}

interface Sweep extends Required<Omit<SweepOptions, 'stateDirectory' | 'socketDir'>> {
  readonly socketDir: string | undefined;
  readonly self: ProcessIdentity;
  /** Thousands of directories take seconds: others have their turn meanwhile. */
  readonly slices: Slices;
  readonly notRemoved: RemovalFailure[];
}

type Judged =
  | { readonly directory: RunDirectory; readonly outcome: 'live'; readonly run: RunFile }
  | {
      readonly directory: RunDirectory;
      readonly outcome: 'earlierBoot' | 'otherNamespace' | 'claimedByOther';
    }
  | {
      readonly directory: RunDirectory;
      readonly outcome: 'corrupt' | 'unread';
      readonly reason: string;
    }
  | { readonly directory: RunDirectory; readonly outcome: 'dead'; readonly run: RunFile };

/**
 * Ends what runtimes that died left behind, and forgets them (R1.4).
 *
 * Run it before anything is started. A run with a live owner is never touched; a process is
 * signalled only for its recorded identity or the run's exact marker, compared right before each
 * signal. Never rejects for what it finds: the report tells it.
 */
export async function sweepEarlierRuns(options: SweepOptions): Promise<SweepReport> {
  const sweep: Sweep = {
    termTimeoutMs: 2_000,
    totalTimeoutMs: 5_000,
    clock: monotonicClock,
    scanner: createProcessScanner(),
    signal: new AbortController().signal,
    ...options,
    socketDir: options.socketDir,
    self: currentIdentity(),
    slices: createSlices(),
    notRemoved: [],
  };
  const startMs = sweep.clock.now();
  const unrecorded = await findUnrecordedRuns();
  const judged = await judgeAll(sweep, options);
  const isSpared = createSparing([
    ...judged.flatMap((one) => (one.outcome === 'live' ? one.run : [])),
    ...unrecorded.filter((run) => stateOfOwner(run, sweep.self) !== 'dead'),
  ]);
  const runs = await Promise.all([
    ...judged.map((one) =>
      one.outcome === 'dead' ? sweepRun(sweep, one, isSpared) : settle(sweep, one),
    ),
    ...unrecorded
      .filter((run) => stateOfOwner(run, sweep.self) === 'dead')
      .map((run) => sweepUnrecorded(sweep, run, isSpared)),
  ]);
  const notRemoved = [...sweep.notRemoved, ...(await removeOrphanedSockets(sweep))];
  return { runs, notRemoved, durationMs: sweep.clock.now() - startMs };
}

async function judgeAll(
  sweep: Sweep,
  { stateDirectory }: SweepOptions,
): Promise<readonly Judged[]> {
  if (stateDirectory === undefined) return [];
  forgetOldCorruptRecords(stateDirectory);
  const judged: Judged[] = [];
  for (const directory of listRunDirectories(stateDirectory)) {
    judged.push(await sweep.slices(() => judge(sweep, directory)));
  }
  return judged;
}

function judge({ self }: Sweep, directory: RunDirectory): Judged {
  const { run, reason, isUnread } = readRunFile(directory);
  // Ourselves, too: two Snakepits of one process may start at once.
  const isClaimed = directory.claimer !== undefined && mayStillSweep(directory.claimer, self);
  if (run === undefined) {
    // Being removed, perhaps: file by file.
    if (isClaimed) return { directory, outcome: 'claimedByOther' };
    if (isUnread) return { directory, outcome: 'unread', reason };
    // Gone: renamed by another sweeper between the listing and the look into it.
    if (!isThere(directory)) return { directory, outcome: 'claimedByOther' };
    return { directory, outcome: 'corrupt', reason };
  }
  const outcome = stateOfOwner(run, self);
  if (outcome === 'live') return { directory, outcome, run };
  if (outcome !== 'dead') return { directory, outcome };
  return isClaimed ? { directory, outcome: 'claimedByOther' } : { directory, outcome, run };
}

/** A claimer in another namespace cannot be judged from here, so it keeps its claim. */
function mayStillSweep(claimer: ProcessIdentity, self: ProcessIdentity): boolean {
  return claimer.pidNamespace !== self.pidNamespace || mayRun(claimer);
}

async function settle(
  sweep: Sweep,
  judged: Exclude<Judged, { outcome: 'dead' }>,
): Promise<SweptRun> {
  const { path, runId } = judged.directory;
  const report = { runId, outcome: judged.outcome, processes: [], corrupt: [] };
  if (judged.outcome === 'earlierBoot') await remove(sweep, path, runId);
  if (judged.outcome === 'otherNamespace') await sweep.slices(() => removeRunWhenOld(path));
  if (judged.outcome === 'unread') {
    const { reason } = judged;
    return { ...report, corrupt: [{ path, movedTo: undefined, reason }] };
  }
  if (judged.outcome !== 'corrupt') return report;
  const { reason } = judged;
  const users = await sweep.scanner.find([runMarker(runId)]);
  if (users?.length === 0) {
    const moved = await sweep.slices(() => moveAside(judged.directory, path, reason));
    return { ...report, corrupt: [moved] };
  }
  // Its owner may well live and keep its sockets there, and nothing tells whether it does.
  const left = `${reason}; left in place, it is used by process ${users?.[0]?.pid ?? 'nobody can see'}`;
  return { ...report, corrupt: [{ path, movedTo: undefined, reason: left }] };
}

async function remove(
  { notRemoved, slices, socketDir }: Sweep,
  path: string | undefined,
  runId: string,
): Promise<void> {
  notRemoved.push(...(await slices(() => removeRun(path, runId, socketDir))));
}

async function sweepRun(
  sweep: Sweep,
  { directory, run }: Extract<Judged, { outcome: 'dead' }>,
  isSpared: ReturnType<typeof createSparing>,
): Promise<SweptRun> {
  const { runId } = directory;
  const runsPath = runsDirectory(directory.stateDirectory);
  const claimed = join(runsPath, claimName(runId, sweep.self));
  // Exactly one of several runtimes that start at once gets it.
  const reading = await sweep.slices(() =>
    rename(directory.path, claimed)
      ? readWorkerRecords({ ...directory, path: claimed })
      : undefined,
  );
  if (reading === undefined) {
    return { runId, outcome: 'claimedByOther', processes: [], corrupt: [] };
  }
  const { records, corrupt, isUnread } = reading;
  const search = { run, records, isSpared, scanner: sweep.scanner };
  const { processes, isConfirmed } = await endLeftovers(search, sweep);
  const isOver = isConfirmed && !isUnread && !sweep.signal.aborted && !processes.some(isLeft);
  // Whoever starts next tries again, however long this runtime lives.
  if (isOver) await remove(sweep, claimed, runId);
  else rename(claimed, join(runsPath, runId));
  return { runId, outcome: isOver ? 'swept' : 'survivors', processes, corrupt };
}

/** No claim keeps two sweepers of it apart: both end the same processes, which harms nobody. */
async function sweepUnrecorded(
  sweep: Sweep,
  run: RunFile,
  isSpared: ReturnType<typeof createSparing>,
): Promise<SweptRun> {
  const { runId } = run;
  const search = { run, records: [], isSpared, scanner: sweep.scanner };
  const { processes, isConfirmed } = await endLeftovers(search, sweep);
  const isOver = isConfirmed && !processes.some(isLeft);
  if (isOver) await remove(sweep, undefined, runId);
  return { runId, outcome: isOver ? 'swept' : 'survivors', processes, corrupt: [] };
}

function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
