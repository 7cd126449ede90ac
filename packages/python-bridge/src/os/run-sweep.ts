import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { createMarkerScanner, type MarkerScanner } from './marker-scan.ts';
import { makeOwnDirectory } from './own-directory.ts';
import { messageOf } from './system-error.ts';
import { removeShortDirectories } from './private-directory.ts';
import {
  currentIdentity,
  isRunning,
  readStartTime,
  type ProcessIdentity,
} from './process-identity.ts';
import { monotonicClock, type WaitingClock } from './process-killer.ts';
import { createSparing, endLeftovers, type SweptProcess } from './run-leftovers.ts';
import {
  claimName,
  isWorkerFileName,
  parseRunDirectoryName,
  parseRunFile,
  parseWorkerRecord,
  runMarker,
  type RunDirectoryName,
  type RunFile,
  type WorkerRecord,
} from './run-record-format.ts';
import { runsDirectory } from './run-records.ts';

/**
 * What was found of one earlier run.
 *
 * - `live`: its owner runs; nothing was touched.
 * - `swept`: its owner is dead, and nothing of it lives any more.
 * - `survivors`: some of its processes could not be ended; it stays recorded.
 * - `earlierBoot`: from before the machine or container started; nothing of it can live.
 * - `otherNamespace`: of another container on the same files; cannot be judged from here.
 * - `claimedByOther`: another runtime sweeps it.
 * - `corrupt`: its `run.json` says nothing usable; moved aside, no process was touched.
 */
export type RunOutcome =
  'live' | 'swept' | 'survivors' | 'earlierBoot' | 'otherNamespace' | 'claimedByOther' | 'corrupt';

/** A file or directory that could not be understood, and where it lies now. */
export interface CorruptRecord {
  /** Where it was. */
  readonly path: string;
  /** Where it was moved; `undefined` when that failed. */
  readonly movedTo: string | undefined;
  /** What is wrong with it. */
  readonly reason: string;
}

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
  /** One entry for each run directory. */
  readonly runs: readonly SweptRun[];
  /** Duration in milliseconds. */
  readonly durationMs: number;
}

/** What {@link sweepEarlierRuns} takes. */
export interface SweepOptions {
  /** State directory, as in `RunRecords.stateDirectory`. */
  readonly stateDirectory: string;
  /** Between TERM and KILL, in milliseconds; default 2,000. */
  readonly termTimeoutMs?: number;
  /** For everything together, in milliseconds; default 5,000. */
  readonly totalTimeoutMs?: number;
  /** Time for waiting; default real. */
  readonly clock?: WaitingClock;
  /** Finds marked processes; default a scanner of its own. */
  readonly scanner?: MarkerScanner;
}

interface Sweep extends Required<SweepOptions> {
  readonly self: ProcessIdentity;
  readonly runsPath: string;
}

interface RunDirectory extends RunDirectoryName {
  readonly name: string;
  readonly path: string;
}

type ReadResult =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

type Judged =
  | { readonly directory: RunDirectory; readonly outcome: RunOutcome; readonly reason?: string }
  | { readonly directory: RunDirectory; readonly outcome: 'dead'; readonly run: RunFile };

/** No record comes near it; what is longer is none. */
const MAX_RECORD_BYTES = 64 * 1024;
/** Runs of other namespaces are removed when nobody wrote to them for so long. */
const FOREIGN_KEPT_MS = 7 * 24 * 3_600_000;
/** A directory whose maker died before it was finished. */
const UNFINISHED_KEPT_MS = 3_600_000;

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
    scanner: createMarkerScanner(),
    ...options,
    self: currentIdentity(),
    runsPath: runsDirectory(options.stateDirectory),
  };
  const startMs = sweep.clock.now();
  const judged = runDirectories(sweep).map((directory) => judge(sweep, directory));
  const live = judged.flatMap(({ directory, outcome }) =>
    outcome === 'live' ? (readRunFile(directory).run ?? []) : [],
  );
  const isSpared = createSparing(live);
  const runs = await Promise.all(
    judged.map((one) =>
      one.outcome === 'dead' ? sweepRun(sweep, one, isSpared) : settle(sweep, one),
    ),
  );
  return { runs, durationMs: sweep.clock.now() - startMs };
}

function runDirectories({ runsPath }: Sweep): readonly RunDirectory[] {
  return namesIn(runsPath).flatMap((name) => {
    const path = join(runsPath, name);
    if (name.startsWith('.new-')) removeWhenOld(path, UNFINISHED_KEPT_MS);
    const parsed = parseRunDirectoryName(name);
    return parsed !== undefined && isOwnRealDirectory(path) ? { ...parsed, name, path } : [];
  });
}

function judge({ self }: Sweep, directory: RunDirectory): Judged {
  const { run, reason } = readRunFile(directory);
  if (run === undefined) {
    // Renamed by another sweeper between the listing and the look into it.
    const outcome = isOwnRealDirectory(directory.path) ? 'corrupt' : 'claimedByOther';
    return { directory, outcome, reason };
  }
  const sameBoot = run.owner.bootId === self.bootId;
  if (!sameBoot) return { directory, outcome: 'earlierBoot' };
  if (run.owner.pidNamespace !== self.pidNamespace) return { directory, outcome: 'otherNamespace' };
  if (run.initStartTime !== (readStartTime(1) ?? '')) return { directory, outcome: 'earlierBoot' };
  if (isRunning(run.owner)) return { directory, outcome: 'live' };
  const { claimer } = directory;
  if (claimer !== undefined && claimer.pid !== self.pid && mayStillSweep(claimer, self)) {
    return { directory, outcome: 'claimedByOther' };
  }
  return { directory, outcome: 'dead', run };
}

/** A claimer in another namespace cannot be judged from here, so it keeps its claim. */
function mayStillSweep(claimer: ProcessIdentity, self: ProcessIdentity): boolean {
  return isRunning(claimer) || claimer.pidNamespace !== self.pidNamespace;
}

async function settle(
  sweep: Sweep,
  { directory, outcome, reason = 'unreadable' }: Extract<Judged, { outcome: RunOutcome }>,
): Promise<SweptRun> {
  const { path, runId } = directory;
  const report = { runId, outcome, processes: [], corrupt: [] };
  if (outcome === 'earlierBoot') removeRun(path, runId);
  if (outcome === 'otherNamespace') removeWhenOld(path, FOREIGN_KEPT_MS);
  if (outcome !== 'corrupt') return report;
  const users = await sweep.scanner.find([runMarker(runId)]);
  if (users.length === 0) return { ...report, corrupt: [moveAside(sweep, path, reason)] };
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
  const claimed = join(sweep.runsPath, claimName(runId, sweep.self));
  try {
    // Exactly one of several runtimes that start at once gets it.
    renameSync(directory.path, claimed);
  } catch {
    return { runId, outcome: 'claimedByOther', processes: [], corrupt: [] };
  }
  const { records, corrupt } = readWorkerRecords(sweep, claimed);
  const search = { run, records, isSpared, scanner: sweep.scanner };
  const processes = await endLeftovers(search, sweep);
  const survived = processes.some(({ how }) => how === 'survived' || how === 'notPermitted');
  if (!survived) removeRun(claimed, runId);
  return { runId, outcome: survived ? 'survivors' : 'swept', processes, corrupt };
}

function readRunFile(directory: RunDirectory): { run: RunFile | undefined; reason: string } {
  const read = readRecord(join(directory.path, 'run.json'));
  if (!read.ok) return { run: undefined, reason: read.reason };
  return { run: parseRunFile(read.text, directory.runId), reason: 'run.json is not a run record' };
}

function readWorkerRecords(
  sweep: Sweep,
  directory: string,
): { records: readonly WorkerRecord[]; corrupt: readonly CorruptRecord[] } {
  const records: WorkerRecord[] = [];
  const corrupt: CorruptRecord[] = [];
  for (const name of namesIn(directory).filter(isWorkerFileName)) {
    const path = join(directory, name);
    const read = readRecord(path);
    const record = read.ok ? parseWorkerRecord(read.text) : undefined;
    if (record !== undefined) records.push(record);
    else corrupt.push(moveAside(sweep, path, read.ok ? 'not a worker record' : read.reason));
  }
  return { records, corrupt };
}

/** Reads a small regular file of ours; never follows a link, never blocks on a pipe. */
function readRecord(path: string): ReadResult {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    const ownUid = process.getuid?.() ?? stats.uid;
    if (!stats.isFile()) return { ok: false, reason: 'not a regular file' };
    if (stats.uid !== ownUid) return { ok: false, reason: `owned by user ${stats.uid}` };
    if (stats.size > MAX_RECORD_BYTES) return { ok: false, reason: `${stats.size} bytes long` };
    return { ok: true, text: readFileSync(fd, 'utf8') };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function moveAside(sweep: Sweep, path: string, reason: string): CorruptRecord {
  const aside = join(sweep.stateDirectory, 'corrupt');
  const made = makeOwnDirectory(aside, false);
  if (!made.ok) return { path, movedTo: undefined, reason: `${reason}; ${made.reason}` };
  const movedTo = join(aside, `${randomBytes(6).toString('hex')}-${path.split('/').at(-1) ?? ''}`);
  try {
    renameSync(path, movedTo);
    return { path, movedTo, reason };
  } catch (error) {
    return { path, movedTo: undefined, reason: `${reason}; ${messageOf(error)}` };
  }
}

function removeRun(path: string, runId: string): void {
  removeTree(path);
  removeShortDirectories(runId);
}

function removeWhenOld(path: string, keptMs: number): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // Wall-clock time: the age of a file is known in no other.
  if (stats !== undefined && Date.now() - stats.mtimeMs > keptMs) removeTree(path);
}

function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Left for the next sweep; nothing lives that it could lead to.
  }
}

function isOwnRealDirectory(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === (process.getuid?.() ?? stats.uid);
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
