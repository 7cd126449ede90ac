import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SetupProblem } from './problem.mjs';

const PATIENCE_MS = 15 * 60_000;
const POLL_MS = 200;

/**
 * Takes the lock directory at `path`, waiting while a living process holds it.
 * The directory is renamed into place with its owner inside, so it is never seen half made.
 *
 * @param {string} path
 * @param {{ onWait: (pid: number) => void, patienceMs?: number }} options
 * @returns {Promise<() => void>} gives the lock back
 * @throws {SetupProblem} when the holder lives on for longer than `patienceMs`
 */
export async function takeLock(path, { onWait, patienceMs = PATIENCE_MS }) {
  const since = performance.now();
  let told = false;
  while (!tryToTake(path)) {
    const holder = holderOf(path);
    if (holder !== null && !isAlive(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (holder !== null && !told) onWait(holder.pid);
    told ||= holder !== null;
    if (performance.now() - since > patienceMs) {
      throw new SetupProblem(
        `Another set-up (process ${holder?.pid}) has held ${path} for too long.\n` +
          'Remedy: end that process, or remove the directory if the process is something else.',
      );
    }
    await delay(POLL_MS);
  }
  return () => rmSync(path, { recursive: true, force: true });
}

/** @param {string} path */
function tryToTake(path) {
  const own = `${path}.${process.pid}`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(own);
  writeFileSync(join(own, 'owner'), `${process.pid} ${startTime(process.pid)}`);
  try {
    renameSync(own, path);
    return true;
  } catch {
    // Taken: a directory that is not empty cannot be renamed over.
    rmSync(own, { recursive: true, force: true });
    return false;
  }
}

/** @param {string} path */
function holderOf(path) {
  try {
    const [pid, started] = readFileSync(join(path, 'owner'), 'utf8').split(' ');
    return { pid: Number(pid), started: started ?? '' };
  } catch {
    return null; // Given back in this moment.
  }
}

/** @param {{ pid: number, started: string }} holder */
function isAlive({ pid, started }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return started === startTime(pid);
}

/**
 * Moves a dead process's lock aside, unless somebody else was quicker and holds it by now.
 *
 * @param {string} path
 * @param {{ pid: number }} dead
 */
function removeStale(path, dead) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (holderOf(aside)?.pid !== dead.pid) renameSync(aside, path);
  } catch {
    // Somebody else removed it; the next round sees.
  }
  rmSync(aside, { recursive: true, force: true });
}

/** Tells a process from a later one with the same pid; empty where the system does not say. */
function startTime(/** @type {number} */ pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
