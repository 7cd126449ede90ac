import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * @typedef {object} Sandbox Where a run of the tests may leave things, and how its processes are known.
 * @property {string} home removed in the end
 * @property {string} temp must be empty after the run
 * @property {string} state must be empty after the run
 * @property {string} reports files that the runners write for us
 * @property {string} marker `NAME=value`, in the environment of every process of the run
 * @property {NodeJS.ProcessEnv} env for the runners
 */

/**
 * Makes the folders of one run. Their paths are short, because a Unix socket's may have 107 bytes only.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Sandbox}
 */
export function makeSandbox(env) {
  const home = mkdtempSync(join(process.platform === 'win32' ? tmpdir() : '/tmp', 'sp-'));
  const [temp, state, reports] = ['t', 's', 'r'].map((name) => {
    mkdirSync(join(home, name), { mode: 0o700 });
    return join(home, name);
  });
  // Some tests have a part played by another user: on their way to a place of their own they pass here.
  for (const path of [home, String(temp)]) chmodSync(path, 0o711);
  const run = randomBytes(8).toString('hex');
  return {
    home,
    temp: String(temp),
    state: String(state),
    reports: String(reports),
    marker: `SNAKEPIT_TEST_RUN=${run}`,
    env: {
      ...env,
      TMPDIR: temp,
      TEMP: temp,
      TMP: temp,
      XDG_STATE_HOME: state,
      XDG_RUNTIME_DIR: temp,
      SNAKEPIT_TEST_RUN: run,
      SNAKEPIT_TEST_REPORTS: reports,
    },
  };
}
