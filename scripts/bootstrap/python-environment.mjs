import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, readStamp, writeStamp } from './digest.mjs';
import { choosePython, probePython, pythonCandidates } from './find-python.mjs';
import { runCommand } from './run-command.mjs';

/** @typedef {import('./main.mjs').Context} Context */

const LOCK = 'priv/python/requirements.lock';

/**
 * The step that makes `.venv` with the locked Python packages: with uv where there is one, else with venv and pip.
 *
 * An environment cannot be moved, so it is made in place; its stamp comes last, and without one it is made anew.
 *
 * @param {Context} context
 */
export function pythonEnvironmentStep({ root, env, signal }) {
  const folder = join(root, '.venv');
  const stamp = join(folder, '.snakepit-bootstrap');
  const wanted = [digestOf(root, [LOCK]), process.platform, process.arch].join(' ');
  /** @type {{ python: string, uv: boolean } | undefined} */
  let tools;
  return {
    title: 'making the Python environment (.venv)',
    isDone: () => readStamp(stamp) === wanted && existsSync(venvPython(root)),
    check() {
      tools = findTools(env);
    },
    async make() {
      const { python, uv } = tools ?? findTools(env);
      rmSync(folder, { recursive: true, force: true });
      try {
        const commands = uv ? withUv(python, folder, root) : withPip(python, folder, root);
        for (const [command, ...args] of commands) {
          await runCommand(command, args, { cwd: root, signal, env });
        }
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
      writeStamp(stamp, wanted);
    },
  };
}

/**
 * Where the interpreter of the environment is.
 *
 * @param {string} root
 */
export function venvPython(root) {
  return join(root, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
}

/** @param {NodeJS.ProcessEnv} env */
function findTools(env) {
  const uv = spawnSync('uv', ['--version'], { env, stdio: 'ignore' }).status === 0;
  const probes = pythonCandidates(env).map((candidate) => probePython(candidate, env));
  return { python: choosePython(probes, { needsVenv: !uv }), uv };
}

/**
 * @param {string} python
 * @param {string} folder
 * @param {string} root
 * @returns {[string, ...string[]][]}
 */
function withUv(python, folder, root) {
  return [
    ['uv', 'venv', '--quiet', '--python', python, folder],
    ['uv', 'pip', 'install', '--quiet', '--python', venvPython(root), '-r', join(root, LOCK)],
  ];
}

/**
 * @param {string} python
 * @param {string} folder
 * @param {string} root
 * @returns {[string, ...string[]][]}
 */
function withPip(python, folder, root) {
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];
  return [
    [python, '-m', 'venv', folder],
    [venvPython(root), ...pip, '-r', join(root, LOCK)],
  ];
}
