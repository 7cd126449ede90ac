import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { venvPython } from '../bootstrap/python-environment.mjs';

/** Tests that run at a time. Two thirds of their time they wait for processes, so three have room on two cores. */
const ABREAST = 3;

/**
 * Runs the tests of the Python side with the repository's own environment.
 *
 * @param {{ root: string, sandbox: import('./sandbox.mjs').Sandbox }} options
 * @returns {Promise<import('./summary.mjs').RunnerResult>}
 */
export async function runPytest({ root, sandbox }) {
  const report = join(sandbox.reports, 'pytest.xml');
  const args = [
    '-m',
    'pytest',
    'tests',
    `--numprocesses=${ABREAST}`,
    `--junitxml=${report}`,
    `--basetemp=${sandbox.reports}/py`,
  ];
  const child = spawn(venvPython(root), args, {
    cwd: join(root, 'priv/python'),
    env: sandbox.env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exit = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  return readPytestReport(existsSync(report) ? readFileSync(report, 'utf8') : null, exit);
}

/**
 * Reads the JUnit report.
 *
 * @param {string | null} text null when there is none
 * @param {number | string} exit
 * @returns {import('./summary.mjs').RunnerResult}
 */
export function readPytestReport(text, exit) {
  const suite = text?.match(/<testsuite\s[^>]*>/)?.[0];
  if (suite === undefined) {
    return {
      runner: 'pytest',
      passed: 0,
      failed: 0,
      problems: [`ended without a report (${exit})`],
    };
  }
  const count = (/** @type {string} */ name) =>
    Number(suite.match(new RegExp(`\\s${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const passed = count('tests') - failed - count('skipped');
  /** @type {string[]} */
  const problems = [];
  if (count('tests') === 0) problems.push('no test ran');
  else if (exit !== 0 && failed === 0) problems.push(`exit ${exit} although no test failed`);
  return { runner: 'pytest', passed, failed, problems };
}
