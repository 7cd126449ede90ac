import { spawnSync } from 'node:child_process';
import { SetupProblem } from './problem.mjs';

const PROBE = `import json, sys
try:
    import venv, ensurepip
    can = True
except ImportError:
    can = False
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:3]), "venv": can}))`;

/**
 * @typedef {object} Probe What one candidate answered.
 * @property {string} candidate as it was typed
 * @property {'absent' | 'broken' | 'answered'} state
 * @property {string} [executable]
 * @property {number[]} [version]
 * @property {boolean} [venv] whether venv and ensurepip can be imported
 * @property {string} [detail] what it printed instead of an answer
 */

/**
 * Which commands may be Python: the one the user named, and then no other, or the usual ones.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]}
 */
export function pythonCandidates(env) {
  return env.SNAKEPIT_PYTHON ? [env.SNAKEPIT_PYTHON] : ['python3', 'python', 'py'];
}

/**
 * Asks one candidate what it is.
 *
 * @param {string} candidate
 * @param {NodeJS.ProcessEnv} env
 * @returns {Probe}
 */
export function probePython(candidate, env) {
  const run = spawnSync(candidate, ['-c', PROBE], { env, encoding: 'utf8', timeout: 30_000 });
  if (run.error && 'code' in run.error && run.error.code === 'ENOENT') {
    return { candidate, state: 'absent' };
  }
  try {
    return { candidate, state: 'answered', ...JSON.parse(run.stdout) };
  } catch {
    const detail = run.error?.message ?? (run.stderr || run.stdout).trim().split('\n').at(-1);
    return { candidate, state: 'broken', detail: detail ?? '' };
  }
}

/**
 * Picks the first candidate that will do.
 *
 * @param {Probe[]} probes
 * @param {{ needsVenv: boolean }} wanted `needsVenv: false` where uv makes the environment
 * @returns {string} path of the interpreter
 * @throws {SetupProblem} when none will do: what was found, and what to type
 */
export function choosePython(probes, { needsVenv }) {
  const recent = probes.filter((one) => one.state === 'answered' && isRecent(one.version ?? []));
  const chosen = recent.find((one) => one.venv || !needsVenv);
  if (chosen?.executable) return chosen.executable;
  const bare = recent[0];
  if (bare) {
    throw new SetupProblem(
      `${describe(bare)} cannot make virtual environments: its modules venv and ensurepip are missing.\n` +
        'Remedy: install them (Debian and Ubuntu: sudo apt install python3-venv), or install uv, or\n' +
        'name another interpreter: SNAKEPIT_PYTHON=/path/to/python3.',
    );
  }
  throw new SetupProblem(
    'Python 3.9 or newer is needed, and none was found.\n' +
      `${probes.map((one) => `  ${describe(one)}\n`).join('')}` +
      'Remedy: install Python (Debian and Ubuntu: sudo apt install python3 python3-venv; macOS: brew install\n' +
      'python; Windows: winget install Python.Python.3.12), or name one: SNAKEPIT_PYTHON=/path/to/python3.',
  );
}

/** @param {number[]} version */
function isRecent([major = 0, minor = 0]) {
  return major > 3 || (major === 3 && minor >= 9);
}

/** @param {Probe} probe */
function describe({ candidate, state, version, executable, detail }) {
  if (state === 'absent') return `${candidate}: not found on PATH`;
  if (state === 'broken') return `${candidate}: does not answer as Python does (${detail})`;
  return `${candidate}: Python ${version?.join('.')} (${executable})`;
}
