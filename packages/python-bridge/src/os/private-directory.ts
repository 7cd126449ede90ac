import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOwnDirectory, makeOwnDirectory } from './own-directory.ts';
import { currentPlatform } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
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
  const { preferred, runId } = options;

  if (preferred !== undefined && fits(preferred)) {
    const made = makeOwnDirectory(preferred, false);
    return made.ok ? { ok: true, directory: directoryAt(preferred, undefined) } : made;
  }
  const why =
    preferred === undefined
      ? 'no run directory can be written'
      : `${join(preferred, options.longestName)} is longer than the ${limit} bytes a socket path may have`;
  const reasons: string[] = [];
  for (const path of shortDirectories(runId).filter(fits)) {
    const made = makeNewDirectory(path);
    if (made === undefined) return { ok: true, directory: directoryAt(path, why) };
    reasons.push(made);
  }
  return { ok: false, reason: [why, ...reasons].join('; ') };
}

/**
 * Where the short directory of a run may be, best first.
 *
 * Names follow from the run id alone, so that the sweep of a later runtime finds what a killed one
 * left.
 */
export function shortDirectories(runId: string): readonly string[] {
  const places = [tmpdir(), ...(currentPlatform.sockets?.shortPlaces ?? [])];
  return [...new Set(places)].map((place) => join(place, `sp-${runId}`));
}

/** Removes what a dead run left in the temporary directory, if it is ours. */
export function removeShortDirectories(runId: string): void {
  for (const path of shortDirectories(runId)) {
    if (checkOwnDirectory(path, false).ok) removeDirectory(path);
  }
}

function directoryAt(path: string, fallbackReason: string | undefined): PrivateDirectory {
  return { path, fallbackReason, close: () => removeDirectory(path) };
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

function removeDirectory(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Nothing of ours depends on it any more, and the next runtime's sweep tries again.
  }
}
