import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { createMarkerScanner, type MarkerScanner } from './marker-scan.ts';
import {
  currentIdentity,
  isRunning,
  readProcessStat,
  readStartTime,
  type ProcessIdentity,
} from './process-identity.ts';
import { monotonicClock, type WaitingClock } from './process-killer.ts';
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
  type RunDirectory,
} from './run-directories.ts';
import { createSparing, endLeftovers, isLeft, type SweptProcess } from './run-leftovers.ts';
import { claimName, runMarker, type RunFile } from './run-record-format.ts';
import { runsDirectory } from './run-records.ts';
import { errorCode } from './system-error.ts';
import { removeShortDirectories } from './private-directory.ts';
import { findUnrecordedRuns } from './unrecorded-runs.ts';

/**
 * What was found of one earlier run.
 *
 * - `live`: its owner runs, or at least cannot be seen to be dead; nothing was touched.
 * - `swept`: its owner is dead, and nothing of it lives any more.
 * - `survivors`: some of its processes could not be ended; it stays recorded.
 * - `earlierBoot`: from before the machine or container started; nothing of it can live.
 * - `otherNamespace`: of another container on the same files; cannot be judged from here.
 * - `claimedByOther`: another runtime sweeps it.
 * - `corrupt`: its `run.json` says nothing usable; moved aside, no process was touched.
 */
export type RunOutcome =
  'live' | 'swept' | 'survivors' | 'earlierBoot' | 'otherNamespace' | 'claimedByOther' | 'corrupt';

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
  /** Duration in milliseconds. */
  readonly durationMs: number;
}

/** What {@link sweepEarlierRuns} takes. */
export interface SweepOptions {
  /** State directory, as in `RunRecords.stateDirectory`; `undefined` when there is none. */
  readonly stateDirectory: string | undefined;
  /** Between TERM and KILL, in milliseconds; default 2,000. */
  readonly termTimeoutMs?: number;
  /** For everything together, in milliseconds; default 5,000. */
  readonly totalTimeoutMs?: number;
  /** Time for waiting; default real. */
  readonly clock?: WaitingClock;
  /** Finds marked processes; default a scanner of its own. */
  readonly scanner?: MarkerScanner;
  /** Ends the sweep early: what it has not ended is left to the next one. */
  readonly signal?: AbortSignal;
}

interface Sweep extends Required<Omit<SweepOptions, 'stateDirectory'>> {
  readonly self: ProcessIdentity;
}

type Judged =
  | { readonly directory: RunDirectory; readonly outcome: 'live'; readonly run: RunFile }
  | {
      readonly directory: RunDirectory;
      readonly outcome: 'earlierBoot' | 'otherNamespace' | 'claimedByOther';
    }
  | { readonly directory: RunDirectory; readonly outcome: 'corrupt'; readonly reason: string }
  | { readonly directory: RunDirectory; readonly outcome: 'dead'; readonly run: RunFile };

/**
 * Ends what runtimes that died left behind, and forgets them (R1.4).
 *
 * Run it before anything is started. A run with a live owner is never touched; a process is
 * signalled only for its recorded identity or the run's exact marker, compared right before each
 * signal. Never rejects for what it finds: the report tells it.
 */
export async function sweepEarlierRuns(options: SweepOptions): Promise<SweepReport> {
  const sweep = {
    termTimeoutMs: 2_000,
    totalTimeoutMs: 5_000,
    clock: monotonicClock,
    scanner: createMarkerScanner(),
    signal: new AbortController().signal,
    ...options,
    self: currentIdentity(),
  };
  const startMs = sweep.clock.now();
  const unrecorded = await findUnrecordedRuns();
  const judged = runDirectories(options).map((directory) => judge(sweep, directory));
  const isSpared = createSparing([
    ...judged.flatMap((one) => (one.outcome === 'live' ? one.run : [])),
    ...unrecorded.filter((run) => !isDead(run, sweep)),
  ]);
  const runs = await Promise.all([
    ...judged.map((one) =>
      one.outcome === 'dead' ? sweepRun(sweep, one, isSpared) : settle(sweep, one),
    ),
    ...unrecorded
      .filter((run) => isDead(run, sweep))
      .map((run) => sweepUnrecorded(sweep, run, isSpared)),
  ]);
  return { runs, durationMs: sweep.clock.now() - startMs };
}

function runDirectories({ stateDirectory }: SweepOptions): readonly RunDirectory[] {
  if (stateDirectory === undefined) return [];
  forgetOldCorruptRecords(stateDirectory);
  return listRunDirectories(stateDirectory);
}

function judge({ self }: Sweep, directory: RunDirectory): Judged {
  const { run, reason } = readRunFile(directory);
  if (run === undefined) {
    // Gone: renamed by another sweeper between the listing and the look into it.
    if (!isThere(directory)) return { directory, outcome: 'claimedByOther' };
    return { directory, outcome: 'corrupt', reason };
  }
  if (run.owner.bootId !== self.bootId) return { directory, outcome: 'earlierBoot' };
  if (run.owner.pidNamespace !== self.pidNamespace) return { directory, outcome: 'otherNamespace' };
  if (isOfEarlierContainer(run)) return { directory, outcome: 'earlierBoot' };
  if (mayRun(run.owner)) return { directory, outcome: 'live', run };
  const { claimer } = directory;
  // Ourselves, too: two Snakepits of one process may start at once.
  if (claimer !== undefined && mayStillSweep(claimer, self)) {
    return { directory, outcome: 'claimedByOther' };
  }
  return { directory, outcome: 'dead', run };
}

/** Numbers of namespaces are given again: another process 1 means another container. */
function isOfEarlierContainer({ initStartTime }: RunFile): boolean {
  const startTime = readStartTime(1);
  // A hidden /proc shows nothing of process 1: then it proves nothing either.
  return startTime !== undefined && initStartTime !== '' && initStartTime !== startTime;
}

/** A claimer in another namespace cannot be judged from here, so it keeps its claim. */
function mayStillSweep(claimer: ProcessIdentity, self: ProcessIdentity): boolean {
  return claimer.pidNamespace !== self.pidNamespace || mayRun(claimer);
}

/** Whether it runs, or at least cannot be seen to be dead: a mounted /proc may hide it. */
function mayRun(identity: ProcessIdentity): boolean {
  return isRunning(identity) || (readProcessStat(identity.pid) === undefined && exists(identity));
}

function exists({ pid }: ProcessIdentity): boolean {
  try {
    // Signal 0 sends nothing: the kernel only says whether the number is in use.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

async function settle(
  sweep: Sweep,
  judged: Exclude<Judged, { outcome: 'dead' }>,
): Promise<SweptRun> {
  const { path, runId } = judged.directory;
  const report = { runId, outcome: judged.outcome, processes: [], corrupt: [] };
  if (judged.outcome === 'earlierBoot') removeRun(path, runId);
  if (judged.outcome === 'otherNamespace') removeRunWhenOld(path);
  if (judged.outcome !== 'corrupt') return report;
  const { reason } = judged;
  const users = await sweep.scanner.find([runMarker(runId)]);
  if (users.length === 0) {
    return { ...report, corrupt: [moveAside(judged.directory, path, reason)] };
  }
  // Its owner may well live and keep its sockets there, and nothing tells whether it does.
  const left = `${reason}; left in place, it is used by process ${users[0]?.pid ?? 0}`;
  return { ...report, corrupt: [{ path, movedTo: undefined, reason: left }] };
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
  if (!rename(directory.path, claimed)) {
    return { runId, outcome: 'claimedByOther', processes: [], corrupt: [] };
  }
  const { records, corrupt } = readWorkerRecords({ ...directory, path: claimed });
  const search = { run, records, isSpared, scanner: sweep.scanner };
  const processes = await endLeftovers(search, sweep);
  const survived = sweep.signal.aborted || processes.some(isLeft);
  // Whoever starts next tries again, however long this runtime lives.
  if (survived) rename(claimed, join(runsPath, runId));
  else removeRun(claimed, runId);
  return { runId, outcome: survived ? 'survivors' : 'swept', processes, corrupt };
}

/** No claim keeps two sweepers of it apart: both end the same processes, which harms nobody. */
async function sweepUnrecorded(
  sweep: Sweep,
  run: RunFile,
  isSpared: ReturnType<typeof createSparing>,
): Promise<SweptRun> {
  const { runId } = run;
  const search = { run, records: [], isSpared, scanner: sweep.scanner };
  const processes = await endLeftovers(search, sweep);
  const survived = processes.some(isLeft);
  if (!survived) removeShortDirectories(runId);
  return { runId, outcome: survived ? 'survivors' : 'swept', processes, corrupt: [] };
}

function isDead({ owner }: RunFile, { self }: Sweep): boolean {
  const isHere = owner.bootId === self.bootId && owner.pidNamespace === self.pidNamespace;
  return isHere && !mayRun(owner);
}

function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
