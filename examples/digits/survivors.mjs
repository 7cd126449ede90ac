import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Processes of a run that are still there, by asking the operating system and nobody else.
 *
 * Where /proc shows environments (Linux), every process that carries the run's marker counts, children of workers
 * too; elsewhere those of the given pids that still are Python workers.
 *
 * @param {object} run
 * @param {string} run.marker `NAME=value` in the environment of its processes
 * @param {Iterable<number>} run.pids
 * @returns {number[]}
 */
export function findSurvivors({ marker, pids }) {
  return existsSync('/proc/self/environ') ? withMarker(marker) : stillWorkers([...pids]);
}

/** @param {string} marker */
function withMarker(marker) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => environmentOf(name).includes(marker))
    .map(Number);
}

/** @param {string} pid */
function environmentOf(pid) {
  try {
    // Empty for a zombie: that one is dead already.
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return [];
  }
}

/** @param {number[]} pids */
function stillWorkers(pids) {
  if (pids.length === 0) return [];
  const { stdout } = spawnSync('ps', ['-o', 'pid=,command=', '-p', pids.join(',')], {
    encoding: 'utf8',
  });
  return stdout
    .split('\n')
    .filter((line) => line.includes('snakepit_bridge'))
    .map((line) => Number.parseInt(line, 10));
}
