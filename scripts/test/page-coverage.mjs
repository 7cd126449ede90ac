import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import coverage from 'istanbul-lib-coverage';
import v8ToIstanbul from 'v8-to-istanbul';
import { bundlePage, pageFolder } from '../page/bundle.mjs';

/** Lines of the observer's page that have to run in the tests, in percent. */
const LEAST_LINES = 90;
const SCRIPT = 'app.js';

/**
 * @typedef {object} Counted What one page of a browser ran, as `test/browser/page-coverage.ts` wrote it.
 * @property {string} source
 * @property {import('node:inspector').Profiler.FunctionCoverage[]} functions
 */

/**
 * Puts the page's script into a folder as browsers are to run it where that is counted: with a map to its sources, and
 * not minified, for in one long line the tool that reads the map loses its way.
 *
 * @param {string} folder
 */
export async function preparePageCoverage(folder) {
  const { script, map } = await bundlePage({ isMapped: true });
  mkdirSync(join(folder, 'ran'), { recursive: true });
  writeFileSync(join(folder, SCRIPT), script);
  writeFileSync(join(folder, `${SCRIPT}.map`), map);
}

/**
 * Says how much of the observer's page runs in the tests: in browsers, and where its parts are tested without one, which
 * Jest knows.
 *
 * @param {{ root: string, folder: string }} options the folder that was prepared, with what the browser tests wrote there
 * @returns {Promise<import('./summary.mjs').RunnerResult>}
 */
export async function pageCoverage({ root, folder }) {
  const whole = await inBrowsers(folder);
  const units = join(root, 'coverage/coverage-final.json');
  if (existsSync(units)) {
    const files = new Set(whole.files());
    const known = Object.entries(JSON.parse(readFileSync(units, 'utf8')));
    whole.merge(Object.fromEntries(known.filter(([path]) => files.has(path))));
  }
  for (const path of whole.files()) {
    const file = whole.fileCoverageFor(path);
    const { pct } = file.toSummary().lines;
    if (pct < LEAST_LINES) {
      const lines = spansOf(file.getUncoveredLines().map(Number)).join(', ');
      console.log(`${relative(root, path)}: ${pct} % of lines; not ${lines}`);
    }
  }
  const { pct, covered, total } = whole.getCoverageSummary().lines;
  console.log(`The observer's page: ${pct} % of lines, ${covered} of ${total}`);
  const isEnough = total > 0 && pct >= LEAST_LINES;
  const problems = isEnough ? [] : [`${pct} % of the lines ran, of at least ${LEAST_LINES} %`];
  return { runner: 'page coverage', passed: 0, failed: 0, problems };
}

/** @param {string} folder */
async function inBrowsers(folder) {
  const whole = coverage.createCoverageMap({});
  const source = readFileSync(join(folder, SCRIPT), 'utf8');
  const sourcemap = JSON.parse(readFileSync(join(folder, `${SCRIPT}.map`), 'utf8'));
  const ui = join(pageFolder, '../../ui/');
  const sources = { source, originalSource: '', sourceMap: { sourcemap } };
  for (const name of readdirSync(join(folder, 'ran'))) {
    /** @type {Counted[]} */
    const scripts = JSON.parse(readFileSync(join(folder, 'ran', name), 'utf8'));
    // A saved incident has the script as it was built: what runs there is not counted.
    for (const { functions } of scripts.filter((script) => script.source === source)) {
      const counted = v8ToIstanbul(join(pageFolder, SCRIPT), 0, sources);
      await counted.load();
      counted.applyCoverage(functions);
      const own = Object.entries(counted.toIstanbul()).filter(([path]) => path.startsWith(ui));
      whole.merge(Object.fromEntries(own));
    }
  }
  return whole;
}

/**
 * Writes `1, 2, 3, 7` as `1-3, 7`.
 *
 * @param {number[]} lines
 * @returns {string[]}
 */
function spansOf(lines) {
  /** @type {[number, number][]} */
  const spans = [];
  for (const line of lines) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === line - 1) last[1] = line;
    else spans.push([line, line]);
  }
  return spans.map(([from, until]) => (from === until ? String(from) : `${from}-${until}`));
}
