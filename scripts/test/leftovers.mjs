import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listProcesses } from './processes.mjs';
import { listeningPortsOf, unixSocketsUnder } from './sockets.mjs';

/** A worker that has just lost its runtime needs a moment to notice; what is there later is left over. */
const GRACE_MS = 3_000;
const POLL_MS = 100;

/** Made by the runners themselves, not by tests. */
const RUNNERS_OWN = /^(jest[_-]|node-coverage-|node-compile-cache|pytest-of-|pymp-|v8-coverage-)/;

/**
 * @typedef {object} Leftovers
 * @property {import('./processes.mjs').OsProcess[]} processes
 * @property {string[]} descriptions one line for each process, port, socket and file
 */

/**
 * Looks for processes, listening ports, Unix sockets and files that a run left behind.
 *
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 * @param {{ graceMs?: number }} [options]
 * @returns {Promise<Leftovers>}
 */
export async function findLeftovers(sandbox, { graceMs = GRACE_MS } = {}) {
  const deadline = performance.now() + graceMs;
  let processes = processesOf(sandbox);
  while (processes.length > 0 && performance.now() < deadline) {
    await delay(POLL_MS);
    processes = processesOf(sandbox);
  }
  const permanent = stateFolders(sandbox.state);
  return {
    processes,
    descriptions: [
      ...processes.map(({ pid, command }) => `process ${pid} is still there: ${command}`),
      ...processes.flatMap(({ pid }) =>
        listeningPortsOf(pid).map((port) => `process ${pid} still listens on ${port}`),
      ),
      ...unixSocketsUnder(sandbox.home).map((path) => `Unix socket is still open: ${path}`),
      ...[sandbox.temp, ...permanent].flatMap((folder) =>
        filesLeftIn(folder, sandbox.home, permanent),
      ),
    ],
  };
}

/**
 * Ends the processes, each by its pid.
 *
 * @param {Leftovers} leftovers
 */
export function endLeftovers({ processes }) {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

/** @param {import('./sandbox.mjs').Sandbox} sandbox */
function processesOf({ marker, home }) {
  return listProcesses().filter(
    (one) =>
      one.pid !== process.pid &&
      (one.environment.includes(marker) || one.command.includes(`${home}/`)),
  );
}

/**
 * A state directory is there to stay, and so is the folder of its runs; the runs in it are not.
 *
 * @param {string} state
 * @returns {string[]} those that are there
 */
function stateFolders(state) {
  return [state, join(state, 'snakepit'), join(state, 'snakepit', 'runs')].filter(existsSync);
}

/**
 * @param {string} folder
 * @param {string} home
 * @param {string[]} permanent folders that may stay
 * @returns {string[]}
 */
function filesLeftIn(folder, home, permanent) {
  return readdirSync(folder)
    .filter((name) => !RUNNERS_OWN.test(name))
    .map((name) => join(folder, name))
    .filter((path) => !permanent.includes(path))
    .map((path) => {
      const kind = lstatSync(path).isDirectory()
        ? `directory (${readdirSync(path).join(', ')})`
        : 'file';
      return `temporary ${kind} was not removed: ${relative(home, path)}`;
    });
}
