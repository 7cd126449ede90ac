import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { makeOwnDirectory } from './own-directory.ts';
import { currentPlatform } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
import { messageOf } from './system-error.ts';
import { currentIdentity, readStartTime, type ProcessIdentity } from './process-identity.ts';
import {
  isRunId,
  isWorkerFileName,
  runMarker,
  workerFileName,
  type RunFile,
  type WorkerRecord,
  type WorkerRecordKey,
} from './run-record-format.ts';

/** One place where run records may be kept. */
export interface StateDirectoryChoice {
  /** The directory. */
  readonly path: string;
  /** Whether somebody named it: then there is no other choice behind it. */
  readonly isExplicit: boolean;
  /** Whether it may be a symbolic link: not in a directory where everybody may make some. */
  readonly allowLink: boolean;
}

/**
 * Where run records may be kept, best first.
 *
 * An explicit one (option, then `$SNAKEPIT_STATE_DIR`) is the only choice. Otherwise
 * `$XDG_STATE_HOME/snakepit`, the platform's directory in the user's home, and last
 * `<tmp>/snakepit-<uid>`.
 *
 * @param option - Directory from the configuration.
 */
export function stateDirectoryChoices(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: Platform = currentPlatform,
): readonly [StateDirectoryChoice, ...StateDirectoryChoice[]] {
  const explicit = option ?? nonEmpty(env['SNAKEPIT_STATE_DIR']);
  if (explicit !== undefined) return [{ path: explicit, isExplicit: true, allowLink: true }];
  const uid = process.getuid?.() ?? 'user';
  const last = { path: join(tmpdir(), `snakepit-${uid}`), isExplicit: false, allowLink: false };
  const usual = usualStateDirectory(env, platform);
  if (usual === undefined) return [last];
  return [{ path: usual, isExplicit: false, allowLink: true }, last];
}

/** Whether something was written down; a record that could not be written must not stop a worker. */
export type RecordResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** The records of one run, kept so that the next runtime can end what a killed one left behind. */
export interface RunRecords {
  /** Id of the run: lower-case letters and digits. */
  readonly runId: string;
  /** Environment entry that every process of the run carries. */
  readonly marker: string;
  /** Directory of the run (0700); `undefined` when nothing can be written. */
  readonly directory: string | undefined;
  /** State directory that holds all runs, maybe only earlier ones; `undefined` when there is none that is ours. */
  readonly stateDirectory: string | undefined;
  /** Writes down that a worker is about to be started. Call before the spawn. */
  recordIntent(worker: WorkerRecordKey): RecordResult;
  /** Writes down what was started. Call in the same turn as the spawn. */
  recordSpawned(worker: WorkerRecordKey, identity: ProcessIdentity): RecordResult;
  /** Forgets a worker. Call when its group is confirmed empty. Never rejects. */
  removeRecord(worker: WorkerRecordKey): Promise<RecordResult>;
  /** Makes the run's directory as young as if it were written to now. */
  touch(): RecordResult;
  /**
   * Removes the run directory: the orderly end, with every process confirmed gone.
   *
   * Refused while a worker is recorded: what could not be ended is left to the next runtime's sweep.
   */
  closeRun(): RecordResult;
}

/**
 * An opened run. `unavailable` works too: its records go nowhere, and only markers find what a kill
 * of the runtime leaves; tell the user the reason once.
 */
export type OpenRunResult =
  | { readonly kind: 'recorded'; readonly run: RunRecords }
  | { readonly kind: 'unavailable'; readonly run: RunRecords; readonly reason: string };

/** What {@link openRun} takes. */
export interface OpenRunOptions {
  /** State directory; default {@link stateDirectoryChoices}. */
  readonly stateDir?: string | undefined;
  /** Run id; default twenty random letters and digits. */
  readonly runId?: string | undefined;
  /** Environment for the default directory; default this process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Makes a run id: twenty random lower-case letters and digits. */
export function createRunId(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return [...randomBytes(20)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/**
 * Opens a run: makes its directory and writes who owns it.
 *
 * @throws RangeError for a run id that is not 12 to 64 lower-case letters and digits.
 */
export function openRun(options: OpenRunOptions = {}): OpenRunResult {
  const runId = options.runId ?? createRunId();
  if (!isRunId(runId)) {
    throw new RangeError(
      `run id ${JSON.stringify(runId)} must be 12 to 64 lower-case letters and digits`,
    );
  }
  const reasons: string[] = [];
  let full: string | undefined;
  for (const choice of stateDirectoryChoices(options.stateDir, options.env)) {
    const made = makeRunDirectory(choice, runId);
    if (made.ok) return { kind: 'recorded', run: recordsIn(choice.path, runId) };
    reasons.push(made.reason);
    // Earlier runs may be recorded where there is no room for another one.
    if (made.isOurs) full ??= choice.path;
  }
  return { kind: 'unavailable', run: unrecorded(runId, full), reason: reasons.join('; ') };
}

/** Directory that holds the run directories of a state directory. */
export function runsDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'runs');
}

function usualStateDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: Platform,
): string | undefined {
  const stateHome = nonEmpty(env['XDG_STATE_HOME']);
  // The XDG specification: relative paths are to be ignored.
  if (stateHome !== undefined && isAbsolute(stateHome)) return join(stateHome, 'snakepit');
  return platform.stateDirectory(env, nonEmpty(env['HOME']) ?? nonEmpty(homedir()));
}

function makeRunDirectory(
  choice: StateDirectoryChoice,
  runId: string,
): RecordResult & { readonly isOurs: boolean } {
  for (const [path, allowLink] of [
    [choice.path, choice.allowLink],
    [runsDirectory(choice.path), false],
  ] as const) {
    const made = makeOwnDirectory(path, allowLink);
    if (!made.ok) return { ...made, isOurs: false };
  }
  const finished = join(runsDirectory(choice.path), runId);
  // Made under another name and renamed: nobody ever sees a run directory without its run.json.
  const unfinished = join(runsDirectory(choice.path), `.new-${runId}`);
  const opened = attempt(`cannot open run directory ${finished}`, () => {
    mkdirSync(unfinished, { mode: 0o700 });
    writeFileSync(join(unfinished, 'run.json'), JSON.stringify(ownRunFile(runId)), { mode: 0o600 });
    renameSync(unfinished, finished);
  });
  if (!opened.ok) {
    attempt('clean up', () => rmSync(unfinished, { recursive: true, force: true }));
  }
  return { ...opened, isOurs: true };
}

/** What `run.json` of a run says that this process owns. */
export function ownRunFile(runId: string): RunFile {
  return {
    version: 1,
    runId,
    owner: currentIdentity(),
    initStartTime: readStartTime(1) ?? '',
    uid: process.getuid?.() ?? -1,
    marker: runMarker(runId),
  };
}

function recordsIn(stateDirectory: string, runId: string): RunRecords {
  const directory = join(runsDirectory(stateDirectory), runId);
  const write = (record: WorkerRecord): RecordResult => {
    const path = join(directory, workerFileName(record));
    const written = attempt(`cannot write worker record ${path}`, () => {
      // A killed writer leaves the old file or the new one, never half of one.
      writeFileSync(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
      renameSync(`${path}.tmp`, path);
    });
    // On a full disk an empty file is left.
    if (!written.ok) attempt('clean up', () => rmSync(`${path}.tmp`, { force: true }));
    return written;
  };
  return {
    runId,
    marker: runMarker(runId),
    directory,
    stateDirectory,
    recordIntent: (worker) => write({ version: 1, ...keyOf(worker), process: null }),
    recordSpawned: (worker, process) => write({ version: 1, ...keyOf(worker), process }),
    // Beside everything else: on some disks it takes milliseconds, and of a thousand workers that end together each has one.
    removeRecord: async (worker) => {
      try {
        await rm(join(directory, workerFileName(worker)), { force: true });
        return { ok: true };
      } catch (error) {
        const reason = `cannot remove a worker record of ${directory}: ${messageOf(error)}`;
        return { ok: false, reason };
      }
    },
    touch: () =>
      attempt(`cannot touch run directory ${directory}`, () => {
        const now = new Date();
        utimesSync(directory, now, now);
      }),
    closeRun: () =>
      attempt(`cannot remove run directory ${directory}`, () => {
        const left = namesIn(directory).filter(isWorkerFileName);
        if (left.length > 0) throw new Error(`${left.length} workers of it are still recorded`);
        rmSync(directory, { recursive: true, force: true });
      }),
  };
}

function unrecorded(runId: string, stateDirectory: string | undefined): RunRecords {
  const nothing = (): RecordResult => ({ ok: true });
  return {
    runId,
    marker: runMarker(runId),
    directory: undefined,
    stateDirectory,
    recordIntent: nothing,
    recordSpawned: nothing,
    removeRecord: () => Promise.resolve(nothing()),
    touch: nothing,
    closeRun: nothing,
  };
}

/** The same run, whose workers are not written down: only their marker leads to them. */
export function withoutWorkerRecords(run: RunRecords): RunRecords {
  const nothing = (): RecordResult => ({ ok: true });
  const removeRecord = (): Promise<RecordResult> => Promise.resolve(nothing());
  return { ...run, recordIntent: nothing, recordSpawned: nothing, removeRecord };
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function keyOf({ pool, workerId, incarnation }: WorkerRecordKey): WorkerRecordKey {
  return { pool, workerId, incarnation };
}

function attempt(what: string, action: () => void): RecordResult {
  try {
    action();
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: `${what}: ${messageOf(error)}` };
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}
