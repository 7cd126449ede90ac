import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';

/** Test files that run at a time. Many of them wait for real processes, so three have room on two cores. */
const ABREAST = 3;

/** How long Jest may live on after its report: longer means that a test left a timer or a handle. */
const LINGER_MS = 30_000;

/**
 * Runs Jest: the whole suite, or what `args` say.
 *
 * @param {{ root: string, args: string[], sandbox: import('./sandbox.mjs').Sandbox }} options
 * @returns {Promise<import('./summary.mjs').RunnerResult>}
 */
export async function runJest({ root, args, sandbox }) {
  const report = join(sandbox.reports, 'jest.json');
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const own = ['--json', `--outputFile=${report}`, `--maxWorkers=${ABREAST}`];
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...node, jest, ...own, ...args], {
    cwd: root,
    env: sandbox.env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const lingering = endWhenLingering(child, report);
  const exit = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  const text = existsSync(report) ? readFileSync(report, 'utf8') : null;
  const open = openHandles(sandbox.reports);
  if (lingering.stop()) {
    const ended = 'did not exit after its last test: a timer or a handle was left';
    return { ...readJestReport(text, 0), problems: [...open, ended] };
  }
  const result = readJestReport(text, exit);
  return { ...result, problems: [...result.problems, ...open] };
}

/**
 * Reads the JSON report.
 *
 * @param {string | null} text null when there is none
 * @param {number | string} exit
 * @returns {import('./summary.mjs').RunnerResult}
 */
export function readJestReport(text, exit) {
  if (text === null) {
    return { runner: 'jest', passed: 0, failed: 0, problems: [`ended without a report (${exit})`] };
  }
  const report = JSON.parse(text);
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  /** @type {string[]} */
  const problems = [];
  if (report.numTotalTests === 0 && failed === 0) problems.push('no test ran');
  if (report.numTotalTests > 0 && exit !== 0 && failed === 0) {
    problems.push(
      `exit ${exit} although no test failed (coverage below the threshold, or a crash)`,
    );
  }
  return { runner: 'jest', passed: report.numPassedTests, failed, problems };
}

/**
 * Ends Jest when it lives on for long after its report.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} report
 */
function endWhenLingering(child, report) {
  /** @type {number | undefined} */
  let reportedAt;
  let ended = false;
  const timer = setInterval(() => {
    if (existsSync(report)) reportedAt ??= performance.now();
    if (reportedAt === undefined || performance.now() - reportedAt < LINGER_MS || ended) return;
    ended = child.kill('SIGKILL');
  }, 250);
  return {
    stop() {
      clearInterval(timer);
      return ended;
    },
  };
}

/**
 * What the test environment wrote about timers and handles that outlived a test file.
 *
 * @param {string} folder
 */
function openHandles(folder) {
  return readdirSync(folder)
    .filter((name) => name.startsWith('open-'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}
