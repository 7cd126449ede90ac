import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOwnDirectory, makeOwnDirectory } from './own-directory.ts';
import { currentPlatform } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
import type { RunFile } from './run-record-format.ts';
import { messageOf } from './system-error.ts';

/** A directory (0700) for Unix sockets. */
export interface PrivateDirectory {
  /** Absolute path, short enough for every socket name that was announced. */
  readonly path: string;
  /** Why it is not the preferred one; `undefined` when it is. */
  readonly fallbackReason: string | undefined;
  /** Removes it with everything in it. Never throws; a second call does nothing. */
  close(): void;
}

/** A private directory, or why there is none. */
export type PrivateDirectoryResult =
  | { readonly ok: true; readonly directory: PrivateDirectory }
  | { readonly ok: false; readonly reason: string };

/** What {@link openPrivateDirectory} takes. */
export interface PrivateDirectoryOptions {
  /** Where it should be; `undefined` goes to the short one at once. */
  readonly preferred: string | undefined;
  /** Id of the run, part of the short directory's name. */
  readonly runId: string;
  /** What its `run.json` says, so that a later runtime can see whose it is; default none. */
  readonly runFile?: RunFile | undefined;
  /** Longest name a socket in it will have, in characters. */
  readonly longestName: string;
  /** Longest socket path in bytes; default what the platform allows. */
  readonly maxPathBytes?: number | undefined;
}

/**
 * Longest path of a Unix socket in bytes, without the final NUL: 107 on Linux, 103 on macOS and the
 * BSDs. One byte more and the kernel refuses it, or cuts it silently. Without limit where there are none.
 */
export function maxSocketPathBytes(platform: Platform = currentPlatform): number {
  return platform.sockets?.maxPathBytes ?? Number.POSITIVE_INFINITY;
}

/**
 * Makes a directory for sockets that nobody else can enter.
 *
 * When the preferred one would make a socket's path too long it takes a short one in the system's
 * temporary directory and says so. Refused when owned or writable by others.
 */
export function openPrivateDirectory(options: PrivateDirectoryOptions): PrivateDirectoryResult {
  const limit = options.maxPathBytes ?? maxSocketPathBytes();
  const fits = (path: string): boolean =>
    Buffer.byteLength(join(path, options.longestName)) <= limit;
  const { preferred, runId, runFile } = options;

  if (preferred !== undefined && fits(preferred)) {
    const made = makeOwnDirectory(preferred, false);
    if (!made.ok) return made;
    leaveNote(preferred, runFile);
    return { ok: true, directory: directoryAt(preferred, undefined) };
  }
  const why =
    preferred === undefined
      ? 'no run directory can be written'
      : `${join(preferred, options.longestName)} is longer than the ${limit} bytes a socket path may have`;
  const reasons: string[] = [];
  for (const path of shortDirectories(runId).filter(fits)) {
    const made = makeNewDirectory(path);
    if (made === undefined) {
      leaveNote(path, runFile);
      return { ok: true, directory: directoryAt(path, why) };
    }
    reasons.push(made);
  }
  return { ok: false, reason: [why, ...reasons].join('; ') };
}

/** A place that holds one directory for each of several runs, named by a prefix and the run's id. */
export interface SocketPlace {
  /** The directory. */
  readonly place: string;
  /** What names begin with. */
  readonly prefix: string;
}

/** Begin of the names in a temporary directory. */
const SHORT_PREFIX = 'sp-';

/**
 * Where runs may have their sockets outside of their records, best first.
 *
 * @param socketDir - Directory from the configuration.
 */
export function socketPlaces(socketDir: string | undefined): readonly SocketPlace[] {
  const short = [...new Set([tmpdir(), ...(currentPlatform.sockets?.shortPlaces ?? [])])];
  return [
    ...(socketDir === undefined ? [] : [{ place: socketDir, prefix: '' }]),
    ...short.map((place) => ({ place, prefix: SHORT_PREFIX })),
  ];
}

/**
 * Where the short directory of a run may be, best first.
 *
 * Names follow from the run id alone, so that the sweep of a later runtime finds what a killed one
 * left.
 */
export function shortDirectories(runId: string): readonly string[] {
  return socketPlaces(undefined).map(({ place, prefix }) => join(place, `${prefix}${runId}`));
}

/**
 * Removes a directory for sockets with everything in it, if it is ours alone.
 *
 * @returns Why it is still there; `undefined` when it is not, or is somebody else's.
 */
export function removePrivateDirectory(path: string): string | undefined {
  if (!existsSync(path) || !checkOwnDirectory(path, false).ok) return undefined;
  return removeDirectory(path);
}

function directoryAt(path: string, fallbackReason: string | undefined): PrivateDirectory {
  return { path, fallbackReason, close: () => void removeDirectory(path) };
}

/** Everybody may write there: only a directory that did not exist a moment ago is certainly ours. */
function makeNewDirectory(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700 });
    return undefined;
  } catch (error) {
    return `cannot make ${path}: ${messageOf(error)}`;
  }
}

function leaveNote(path: string, runFile: RunFile | undefined): void {
  if (runFile === undefined) return;
  try {
    writeFileSync(join(path, 'run.json'), JSON.stringify(runFile), { mode: 0o600 });
  } catch {
    // On a full disk sockets can be made all the same. Without it only its record leads to it.
  }
}

function removeDirectory(path: string): string | undefined {
  try {
    rmSync(path, { recursive: true, force: true });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
