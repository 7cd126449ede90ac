import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listProcesses } from './processes.mjs';
import { listeningPortsOf, unixSocketsUnder } from './sockets.mjs';

/**
 * A worker that has just lost its runtime needs a moment to notice, and more on a busy machine; what is there later is left
 * over.
 */
const GRACE_MS = 6_000;
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
  for (;;) {
    const found = look(sandbox);
    // A process that ends has no environment any more while its sockets and files are still there.
    if (found.descriptions.length === 0 || performance.now() >= deadline) return found;
    await delay(POLL_MS);
  }
}

/**
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 * @returns {Leftovers}
 */
function look(sandbox) {
  const processes = processesOf(sandbox);
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
 * A state directory is there to stay, and so are the folders of its runs and of its observers; what is in them is not.
 *
 * @param {string} state
 * @returns {string[]} those that are there
 */
function stateFolders(state) {
  const own = join(state, 'snakepit');
  return [state, own, join(own, 'runs'), join(own, 'observers')].filter(existsSync);
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
    .flatMap((path) => {
      const kind = kindOf(path);
      return kind === undefined ? [] : `temporary ${kind} was not removed: ${relative(home, path)}`;
    });
}

/**
 * @param {string} path
 * @returns {string | undefined} undefined when it is gone meanwhile
 */
function kindOf(path) {
  try {
    const isDirectory = lstatSync(path).isDirectory();
    return isDirectory ? `directory (${readdirSync(path).join(', ')})` : 'file';
  } catch {
    return undefined;
  }
}
