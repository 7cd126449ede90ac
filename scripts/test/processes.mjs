import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} OsProcess
 * @property {number} pid
 * @property {string} command its arguments, joined with blanks
 * @property {string[]} environment `NAME=value`; empty where it belongs to somebody else
 */

/**
 * Lists the processes of this machine that can be read: from /proc, or from ps where there is none.
 *
 * @returns {OsProcess[]}
 */
export function listProcesses() {
  if (process.platform === 'linux') return fromProc();
  if (process.platform === 'win32') return []; // Windows shows nobody another process's environment.
  return fromPs();
}

function fromProc() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      command: partsOf(`/proc/${name}/cmdline`).join(' '),
      environment: partsOf(`/proc/${name}/environ`),
    }));
}

/** @param {string} path */
function partsOf(path) {
  try {
    return readFileSync(path, 'utf8').split('\0').filter(Boolean);
  } catch {
    return []; // Gone meanwhile, or somebody else's.
  }
}

function fromPs() {
  // On macOS, E appends the environment to the command.
  const { stdout } = spawnSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, command] = line.match(/^\s*(\d+)\s+(.*)$/) ?? [];
    if (pid === undefined || command === undefined) return [];
    return [{ pid: Number(pid), command, environment: command.split(' ') }];
  });
}
