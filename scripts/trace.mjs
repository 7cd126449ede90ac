// Shows which requirement, task and rule ids are carried by which tests, and which by none.
// npm run trace [-- --json] [-- --strict]: strictly, a rule without a test, or a tag that is no rule's, is a failure.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { testsInPython } from './trace/python-tests.mjs';
import { formatTrace, holdsEveryRule, traceOf } from './trace/report.mjs';
import { testsInTypeScript } from './trace/typescript-tests.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PLACES = [
  { folder: 'packages', name: /^packages\/[^/]+\/src\/.*\.test\.ts$/, read: testsInTypeScript },
  { folder: 'test', name: /\.test\.ts$/, read: testsInTypeScript },
  { folder: 'priv/python/tests', name: /(^|\/)test_[^/]*\.py$/, read: testsInPython },
];

const tests = PLACES.flatMap(({ folder, name, read }) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => name.test(path) && !/\/(node_modules|dist|\.test-types)\//.test(path))
    .sort()
    .flatMap((path) =>
      read(readFileSync(join(root, path), 'utf8')).map((one) => ({ ...one, file: path })),
    ),
);
const trace = traceOf(tests);
console.log(values.json ? JSON.stringify(trace, null, 2) : formatTrace(trace));
if (values.strict && !holdsEveryRule(trace)) process.exitCode = 1;
