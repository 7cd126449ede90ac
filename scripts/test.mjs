// Runs every test: Jest, pytest, then a look for what they left behind. The last line sums up all of them.
// With arguments only Jest runs, and gets them: npm test -- packages/core
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runJest } from './test/jest.mjs';
import { endLeftovers, findLeftovers } from './test/leftovers.mjs';
import { pageCoverage, preparePageCoverage } from './test/page-coverage.mjs';
import { runPytest } from './test/pytest.mjs';
import { makeSandbox } from './test/sandbox.mjs';
import { installShells } from './test/shells.mjs';
import { summaryOf } from './test/summary.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);
installShells({ root });
const sandbox = makeSandbox(process.env);
// Of a part of the tests nobody asks how much of the page they run.
const isCounted = args.length === 1 && args[0] === '--coverage';
const counted = join(sandbox.reports, 'page');
if (isCounted) {
  await preparePageCoverage(counted);
  sandbox.env.SNAKEPIT_PAGE_COVERAGE = counted;
}
// Ctrl-C reaches the runners too: they end, and what they leave is still looked for and ended.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

/** @type {import('./test/summary.mjs').RunnerResult[]} */
const results = [];
try {
  results.push(await runJest({ root, args, sandbox }));
  if (isCounted) results.push(await pageCoverage({ root, folder: counted }));
  if (args.length === 0) results.push(await runPytest({ root, sandbox }));
} finally {
  const leftovers = await findLeftovers(sandbox);
  results.push({ runner: 'leftovers', passed: 0, failed: 0, problems: leftovers.descriptions });
  endLeftovers(leftovers);
  rmSync(sandbox.home, { recursive: true, force: true });
}
const summary = summaryOf(results);
for (const line of summary.problems) console.error(line);
console.log(summary.line);
process.exitCode = summary.exitCode;
