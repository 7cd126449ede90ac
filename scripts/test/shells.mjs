import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program → Debian's package. The watchdog is a script for any POSIX shell, and is tried in these. */
const PACKAGES = { dash: 'dash', busybox: 'busybox', mksh: 'mksh', shellcheck: 'shellcheck' };

/**
 * Has the shells installed in which the watchdog is tried, as root on Debian; elsewhere says what to type, and the tests
 * do with the shells that are there. macOS has some of its own.
 *
 * @param {{ root: string, platform?: NodeJS.Platform, path?: string | undefined }} options
 */
export function installShells({ root, platform = process.platform, path = process.env['PATH'] }) {
  const missing = platform === 'linux' ? missingPackages(path ?? '') : [];
  if (missing.length === 0) return;
  console.error(`test: shells for the watchdog: ${missing.join(', ')}`);
  const script = join(root, 'scripts/debian-packages.mjs');
  spawnSync(process.execPath, [script, ...missing], { stdio: 'inherit' });
}

/**
 * Debian's packages of the programs that no directory of a PATH has.
 *
 * @param {string} path
 */
export function missingPackages(path) {
  return Object.entries(PACKAGES).flatMap(([program, name]) =>
    path.split(delimiter).some((directory) => canRun(join(directory, program))) ? [] : [name],
  );
}

/** @param {string} file */
function canRun(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
