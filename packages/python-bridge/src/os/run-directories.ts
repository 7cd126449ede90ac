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
  type Stats,
} from 'node:fs';
import { basename, join } from 'node:path';
import { makeOwnDirectory } from './own-directory.ts';
import { errorCode, messageOf } from './system-error.ts';
import { removePrivateDirectory, socketPlaces } from './private-directory.ts';
import {
  isWorkerFileName,
  parseRunDirectoryName,
  parseRunFile,
  parseWorkerRecord,
  type RunDirectoryName,
  type RunFile,
  type WorkerRecord,
} from './run-record-format.ts';
import { runsDirectory } from './run-records.ts';

/** A file or directory that could not be understood, and where it lies now. */
export interface CorruptRecord {
  /** Where it was. */
  readonly path: string;
  /** Where it was moved; `undefined` when that failed. */
  readonly movedTo: string | undefined;
  /** What is wrong with it. */
  readonly reason: string;
}

/** The directory of one run, claimed or not. */
export interface RunDirectory extends RunDirectoryName {
  /** Where it is. */
  readonly path: string;
  /** The state directory that holds it. */
  readonly stateDirectory: string;
}

/** Something of a dead run that is still on disk, and why. */
export interface RemovalFailure {
  /** Where it is. */
  readonly path: string;
  /** Why it could not be removed. */
  readonly reason: string;
}

/** What `run.json` says; without `run`, why it says nothing usable. */
export interface RunFileReading {
  /** What it says. */
  readonly run: RunFile | undefined;
  /** What is wrong with it. */
  readonly reason: string;
  /** Whether it may be all right, and only we cannot read it now. */
  readonly isUnread: boolean;
}

type ReadResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string; readonly isUnread: boolean };

/** What keeps us from reading at the moment, and says nothing about what would be read. */
const LACKS: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO'];

/** No record comes near it; what is longer is none. */
const MAX_RECORD_BYTES = 64 * 1024;
/** A directory whose maker died before it was finished. */
const UNFINISHED_KEPT_MS = 3_600_000;
/** What nobody can judge or read, in case somebody wants to look at it. */
const UNKNOWN_KEPT_MS = 7 * 24 * 3_600_000;

/** The run directories of this user; what is no such directory is passed over, other users' too. */
export function listRunDirectories(stateDirectory: string): readonly RunDirectory[] {
  const runs = runsDirectory(stateDirectory);
  return namesIn(runs).flatMap((name) => {
    const path = join(runs, name);
    if (name.startsWith('.new-')) removeWhenOld(path, UNFINISHED_KEPT_MS);
    const parsed = parseRunDirectoryName(name);
    return parsed !== undefined && isOwnRealDirectory(path)
      ? { ...parsed, path, stateDirectory }
      : [];
  });
}

/** Whether it still is a directory of ours; not, once another sweeper has claimed it. */
export function isThere({ path }: RunDirectory): boolean {
  return isOwnRealDirectory(path);
}

/** Reads whose run it is. */
export function readRunFile({ path, runId }: Pick<RunDirectory, 'path' | 'runId'>): RunFileReading {
  const read = readRecord(join(path, 'run.json'));
  if (!read.ok) return { run: undefined, ...read };
  const run = parseRunFile(read.text, runId);
  return { run, reason: 'run.json is not a run record', isUnread: false };
}

/** What the records of a run's workers say. */
export interface WorkerRecordsReading {
  /** Those that say something usable. */
  readonly records: readonly WorkerRecord[];
  /** The others, which were moved aside. */
  readonly corrupt: readonly CorruptRecord[];
  /** Whether there may be more, which could not be read now. */
  readonly isUnread: boolean;
}

/** Reads the records of workers; those that say nothing usable are moved aside. */
export function readWorkerRecords(directory: RunDirectory): WorkerRecordsReading {
  const records: WorkerRecord[] = [];
  const corrupt: CorruptRecord[] = [];
  const names = listNames(directory.path);
  let isUnread = names === undefined;
  for (const name of (names ?? []).filter(isWorkerFileName)) {
    const path = join(directory.path, name);
    const read = readRecord(path);
    const record = read.ok ? parseWorkerRecord(read.text) : undefined;
    if (record !== undefined) records.push(record);
    else if (!read.ok && read.isUnread) isUnread = true;
    else corrupt.push(moveAside(directory, path, read.ok ? 'not a worker record' : read.reason));
  }
  return { records, corrupt, isUnread };
}

/**
 * Moves what cannot be understood to where no sweep looks, and where people can.
 *
 * @param path - The directory itself, or a file in it.
 */
export function moveAside(
  { stateDirectory }: RunDirectory,
  path: string,
  reason: string,
): CorruptRecord {
  const aside = corruptDirectory(stateDirectory);
  const made = makeOwnDirectory(aside, false);
  if (!made.ok) return { path, movedTo: undefined, reason: `${reason}; ${made.reason}` };
  const movedTo = join(aside, `${randomBytes(6).toString('hex')}-${basename(path)}`);
  try {
    renameSync(path, movedTo);
    return { path, movedTo, reason };
  } catch (error) {
    return { path, movedTo: undefined, reason: `${reason}; ${messageOf(error)}` };
  }
}

/** Removes what was moved aside a week ago. */
export function forgetOldCorruptRecords(stateDirectory: string): void {
  const aside = corruptDirectory(stateDirectory);
  if (!isOwnRealDirectory(aside)) return;
  for (const name of namesIn(aside)) removeWhenOld(join(aside, name), UNKNOWN_KEPT_MS);
}

/**
 * Removes a run's directory and the directories of its sockets.
 *
 * @param path - The run's directory; `undefined` for one that could not be recorded.
 * @param socketDir - Directory from the configuration that may hold one for its sockets.
 * @returns What could not be removed.
 */
export function removeRun(
  path: string | undefined,
  runId: string,
  socketDir: string | undefined,
): readonly RemovalFailure[] {
  const sockets = socketPlaces(socketDir).map(({ place, prefix }) =>
    join(place, `${prefix}${runId}`),
  );
  const failed = (at: string, reason: string | undefined): readonly RemovalFailure[] =>
    reason === undefined ? [] : [{ path: at, reason }];
  return [
    // First, while the record still leads to them.
    ...sockets.flatMap((at) => failed(at, removePrivateDirectory(at))),
    ...(path === undefined ? [] : failed(path, removeTree(path))),
  ];
}

/** Removes a run that cannot be judged from here, when nobody wrote to it for a week. */
export function removeRunWhenOld(path: string): void {
  removeWhenOld(path, UNKNOWN_KEPT_MS);
}

function corruptDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'corrupt');
}

/** Reads a small regular file of ours; never follows a link, never blocks on a pipe. */
function readRecord(path: string): ReadResult {
  const refuse = (reason: string): ReadResult => ({ ok: false, reason, isUnread: false });
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    const ownUid = process.getuid?.() ?? stats.uid;
    if (!stats.isFile()) return refuse('not a regular file');
    if (stats.uid !== ownUid) return refuse(`owned by user ${stats.uid}`);
    if (stats.size > MAX_RECORD_BYTES) return refuse(`${stats.size} bytes long`);
    return { ok: true, text: readFileSync(fd, 'utf8') };
  } catch (error) {
    return { ok: false, reason: messageOf(error), isUnread: LACKS.includes(errorCode(error)) };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function removeWhenOld(path: string, keptMs: number): void {
  const stats = statsOf(path);
  // Wall-clock time: the age of a file is known in no other.
  if (stats !== undefined && Date.now() - stats.mtimeMs > keptMs) removeTree(path);
}

/** @returns Why it is still there; `undefined` when it is not. */
function removeTree(path: string): string | undefined {
  try {
    rmSync(path, { recursive: true, force: true });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function isOwnRealDirectory(path: string): boolean {
  const stats = statsOf(path);
  return stats?.isDirectory() === true && stats.uid === (process.getuid?.() ?? stats.uid);
}

/** What is there itself, not what it leads to; `undefined` also when we may not look. */
function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(path: string): readonly string[] {
  return listNames(path) ?? [];
}

function listNames(path: string): readonly string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined;
  }
}
