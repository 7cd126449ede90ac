const REQUIREMENTS = 12;
const CRITERIA = 5;

/**
 * @typedef {import('./typescript-tests.mjs').FoundTest & { file: string }} TracedTest
 * @typedef {object} Trace
 * @property {Record<string, string[]>} ids id → `file:line title` of each test that carries it
 * @property {string[]} untested requirement ids that no test carries
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
    tests: tests.length,
  };
}

/**
 * @param {Trace} trace
 * @returns {string}
 */
export function formatTrace({ ids, untested, tests }) {
  const width = Math.max(8, ...Object.keys(ids).map((id) => id.length + 2));
  const rows = Object.entries(ids).flatMap(([id, carriers]) =>
    carriers.map((test, index) => `${(index === 0 ? id : '').padEnd(width)}${test}`),
  );
  const covered = requirementIds.length - untested.length;
  return [
    ...rows,
    '',
    `${Object.keys(ids).length} ids on ${tests} tests; ` +
      `${covered} of ${requirementIds.length} requirement criteria have a test.`,
    ...(untested.length > 0 ? [`Without one: ${untested.join(' ')}`] : []),
  ].join('\n');
}

/**
 * @param {string} left
 * @param {string} right
 */
function byKindAndNumber(left, right) {
  return left.localeCompare(right, 'en', { numeric: true });
}
