import { machine, writeBlock } from '../page.mjs';

/** What is told of each number of workers: heading, how many of them, and the figure of one visit. */
const columns = [
  ['workers', (_, workers) => String(workers)],
  ['all ready', ({ ready }) => inSeconds(ready)],
  ['Python, MB', ({ pss }, workers) => (pss * workers).toFixed(0)],
  ['Node, MB', ({ rss }) => (rss / 2 ** 20).toFixed(0)],
  ['descriptors', ({ descriptors }, workers) => (descriptors * workers).toFixed(0)],
  ['idle: Node, %', ({ runtimeCpu }) => runtimeCpu.toFixed(1)],
  ['idle: Python, %', ({ pythonCpu }) => pythonCpu.toFixed(1)],
  ['alone: p50, p99', ({ aloneP50, aloneP99 }) => both(aloneP50, aloneP99)],
  ['64 in flight: p50, p99', ({ p50, p99 }) => both(p50, p99)],
  ['calls/s', ({ perSecond }) => rounded(perSecond)],
  ['calls of 1 ms/s', ({ worksPerSecond }) => rounded(worksPerSecond)],
  ['calls/s, spread', ({ spreadPerSecond }) => rounded(spreadPerSecond)],
  ['of 1 ms/s, spread', ({ spreadWorksPerSecond }) => rounded(spreadWorksPerSecond)],
  ['stop()', ({ stop }) => inSeconds(stop)],
  ['killed', ({ kill }) => inSeconds(kill)],
];

/**
 * The curves as a table: a line for each number of workers.
 *
 * @param {Map<number, Record<string, number>[]>} visits
 * @returns {string[][]} The first line is the header.
 */
export function toCurve(visits) {
  const lines = [...visits].map(([workers, rounds]) => {
    const figures = mediansOf(rounds);
    return columns.map(([, tell]) => tell(figures, workers));
  });
  return [columns.map(([title]) => title), ...lines];
}

/** Puts it into the page on many workers. */
export async function writeCurve([header, ...lines], before, { rounds, scale, mode }) {
  const right = header.map(() => '--:');
  const table = [header, right, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const made = mode === 'fork' ? 'Forked workers.' : 'Spawned workers.';
  await writeBlock('docs/scaling.md', 'curve', [
    `${made} ${machine('many', before, { rounds, scale })}`,
    '',
    table,
  ]);
}

/** The same for a terminal. */
export function toCurveText(lines) {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((cells) => cells[at].length)));
  return lines
    .map((cells) => cells.map((cell, at) => cell.padStart(widths[at])).join('  '))
    .join('\n');
}

function mediansOf(rounds) {
  const medians = {};
  for (const key of Object.keys(rounds[0])) {
    const sorted = rounds.map((figures) => figures[key]).sort((a, b) => a - b);
    medians[key] = sorted[Math.floor(sorted.length / 2)];
  }
  return medians;
}

function inSeconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}

function both(p50, p99) {
  return `${p50.toPrecision(2)}, ${p99.toPrecision(2)} ms`;
}

function rounded(value) {
  return String(Number(value.toPrecision(2)));
}
