import { isNoRule, ruleIds } from './rules.mjs';
import { isNoTask, taskIds } from './tasks.mjs';

const REQUIREMENTS = 12;
const CRITERIA = 5;

/**
 * @typedef {import('./typescript-tests.mjs').FoundTest & { file: string }} TracedTest
 * @typedef {object} Trace
 * @property {Record<string, string[]>} ids id → `file:line title` of each test that carries it
 * @property {string[]} untested requirement ids that no test carries
 * @property {string[]} untestedTasks ids of implementation tasks that no test carries
 * @property {string[]} untestedRules rules of OTP that no test carries
 * @property {string[]} unknown ids on tests that look like a rule's, a criterion's or a task's and are none
 * @property {number} tests how many were read
 */

/** Every acceptance criterion of the requirements: R1.1 … R12.5. */
const requirementIds = Array.from(
  { length: REQUIREMENTS * CRITERIA },
  (_, index) => `R${Math.floor(index / CRITERIA) + 1}.${(index % CRITERIA) + 1}`,
);

/**
 * @param {TracedTest[]} tests
 * @returns {Trace}
 */
export function traceOf(tests) {
  const carried = [...new Set(tests.flatMap((one) => one.ids))].sort(byKindAndNumber);
  return {
    ids: Object.fromEntries(
      carried.map((id) => [
        id,
        tests
          .filter((one) => one.ids.includes(id))
          .map(({ file, line, title }) => `${file}:${line} ${title}`),
      ]),
    ),
    untested: requirementIds.filter((id) => !carried.includes(id)),
    untestedTasks: taskIds.filter((id) => !carried.includes(id)),
    untestedRules: ruleIds.filter((id) => !carried.includes(id)),
    unknown: carried.filter((id) => isNoRule(id) || isNoTask(id) || isNoCriterion(id)),
    tests: tests.length,
  };
}

/**
 * @param {Trace} trace
 * @returns {string}
 */
export function formatTrace({ ids, untested, untestedTasks, untestedRules, unknown, tests }) {
  const width = Math.max(8, ...Object.keys(ids).map((id) => id.length + 2));
  const rows = Object.entries(ids).flatMap(([id, carriers]) =>
    carriers.map((test, index) => `${(index === 0 ? id : '').padEnd(width)}${test}`),
  );
  const covered = requirementIds.length - untested.length;
  return [
    ...rows,
    '',
    `${Object.keys(ids).length} ids on ${tests} tests; ` +
      `${covered} of ${requirementIds.length} requirement criteria, ` +
      `${taskIds.length - untestedTasks.length} of ${taskIds.length} tasks and ` +
      `${ruleIds.length - untestedRules.length} of ${ruleIds.length} rules of Erlang/OTP have a test.`,
    ...(untested.length > 0 ? [`Criteria without one: ${untested.join(' ')}`] : []),
    ...(untestedTasks.length > 0 ? [`Tasks without one: ${untestedTasks.join(' ')}`] : []),
    ...(untestedRules.length > 0 ? [`Rules without one: ${untestedRules.join(' ')}`] : []),
    ...(unknown.length > 0 ? [`On a test, but of nothing: ${unknown.join(' ')}`] : []),
  ].join('\n');
}

/**
 * Whether every rule has a test, and every id that a test carries is one of something.
 *
 * @param {Trace} trace
 * @returns {boolean}
 */
export function holdsEveryRule({ untestedRules, unknown }) {
  return untestedRules.length === 0 && unknown.length === 0;
}

/** @param {string} id */
function isNoCriterion(id) {
  return id.startsWith('R') && id.includes('.') && !requirementIds.includes(id);
}

/**
 * @param {string} left
 * @param {string} right
 */
function byKindAndNumber(left, right) {
  return left.localeCompare(right, 'en', { numeric: true });
}
