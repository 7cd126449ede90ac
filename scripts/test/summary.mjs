/**
 * @typedef {object} RunnerResult What one runner says.
 * @property {string} runner
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} problems what else is wrong: it crashed, found no test, left something behind
 */

/**
 * Adds the results up. A runner with problems counts as one failure more; no test at all is a failure.
 *
 * @param {RunnerResult[]} results
 * @returns {{ line: string, problems: string[], exitCode: 0 | 1 }}
 */
export function summaryOf(results) {
  const passed = results.reduce((sum, one) => sum + one.passed, 0);
  const reported = results.reduce((sum, one) => sum + one.failed, 0);
  const troubled = results.filter((one) => one.problems.length > 0);
  const problems = troubled.flatMap((one) => one.problems.map((text) => `${one.runner}: ${text}`));
  let failed = reported + troubled.length;
  if (passed + failed === 0) {
    failed = 1;
    problems.push('no test ran');
  }
  return { line: `${passed} passed, ${failed} failed`, problems, exitCode: failed === 0 ? 0 : 1 };
}
