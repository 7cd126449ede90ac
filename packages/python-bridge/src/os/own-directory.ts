import { existsSync, lstatSync, mkdirSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, messageOf } from './system-error.ts';

/** A directory that may be used, or why not. */
export type DirectoryCheck =
  { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Permissions that let others write: group and everybody. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Whether a directory is ours alone to write: owned by this user, and writable by nobody else.
 *
 * @param allowLink - Whether the path itself may be a symbolic link: yes for what the user named,
 *   no for a predictable name in a directory where everybody may make links.
 */
export function checkOwnDirectory(path: string, allowLink: boolean): DirectoryCheck {
  let stats: Stats;
  try {
    stats = allowLink ? statSync(path) : lstatSync(path);
  } catch (error) {
    return { ok: false, reason: `cannot look at ${path}: ${messageOf(error)}` };
  }
  if (!stats.isDirectory()) return { ok: false, reason: `${path} is not a directory` };
  const ownUid = process.getuid?.();
  // Windows has neither user ids nor these permission bits: access lists guard the user's profile.
  if (ownUid === undefined) return { ok: true };
  if (stats.uid !== ownUid) {
    return { ok: false, reason: `${path} belongs to user ${stats.uid}, not to us (${ownUid})` };
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    return { ok: false, reason: `${path} may be written by others (mode ${mode}); try chmod 700` };
  }
  return { ok: true };
}

/**
 * Makes a directory with mode 0700, parents included, and checks that it is ours alone.
 *
 * An existing one is used as it is, if it passes {@link checkOwnDirectory}.
 */
export function makeOwnDirectory(path: string, allowLink: boolean): DirectoryCheck {
  try {
    makeDirectories(path);
  } catch (error) {
    return { ok: false, reason: `cannot make ${path}: ${messageOf(error)}` };
  }
  return checkOwnDirectory(path, allowLink);
}

/**
 * Level by level, because `recursive` of Node 20 never returns where the kernel says ENOENT though the parent is there,
 * as it does below `/proc`.
 */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else was faster, or a link leads nowhere: whoever asked looks at what is there now.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}
