import { spawn } from 'node:child_process';
import { SetupProblem } from './problem.mjs';

/**
 * Runs a command quietly; its output is kept, and shown only when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, signal: AbortSignal, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>}
 * @throws {SetupProblem} with the output, when the command cannot start or does not exit with 0
 */
export function runCommand(command, args, { cwd, signal, env = process.env }) {
  const line = [command, ...args].join(' ');
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const output = [];
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop);
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (cause) => reject(new SetupProblem(`Cannot run: ${line}\n${cause.message}`)));
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (code === 0 && !signal.aborted) return resolve();
      const end = code === null ? `ended by ${killedBy}` : `exit code ${code}`;
      const text = Buffer.concat(output).toString('utf8').trimEnd();
      reject(new SetupProblem(`${text}\n\nFailed (${end}): ${line}`));
    });
  });
}
