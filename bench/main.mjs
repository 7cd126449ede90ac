import { parseArgs } from 'node:util';
import { comparisons } from './actors/comparisons.mjs';
import { toSuite } from './actors/suite.mjs';
import { about, writePage } from './page.mjs';
import { toText } from './table.mjs';

// Loaded when they are run: the actors need no Python.
const python = {
  execute: async (options) => (await import('./suites/execute.mjs')).execute(options),
  events: async (options) => (await import('./suites/events.mjs')).events(options),
  overhead: async (options) => (await import('./suites/overhead.mjs')).overhead(options),
  observer: async (options) => (await import('./suites/observer.mjs')).observer(options),
  records: async (options) => (await import('./suites/records.mjs')).records(options),
  heartbeat: async (options) => (await import('./suites/heartbeat.mjs')).heartbeat(options),
  replacement: async (options) => (await import('./suites/replacement.mjs')).replacement(options),
  bytes: async (options) => (await import('./suites/bytes.mjs')).bytes(options),
  streams: async (options) => (await import('./suites/streams.mjs')).streams(options),
  peers: async (options) => (await import('./suites/peers.mjs')).peers(options),
  detection: async (options) => (await import('./suites/detection.mjs')).detection(options),
};
const many = {
  spawning: async (options) => (await import('./suites/spawning.mjs')).spawning(options),
  scale: async (options) => (await import('./suites/scale.mjs')).scale(options),
};
const actors = Object.fromEntries(
  Object.entries(comparisons).map(([name, comparison]) => [name, toSuite(comparison)]),
);
const suites = { ...actors, ...python, ...many };
const groups = {
  actors: Object.keys(actors),
  python: Object.keys(python),
  many: Object.keys(many),
};

const usage = `npm run bench -- [--json | --write] [--only SUITE,…] [--rounds N] [--scale X]

  --json        print one JSON array of { name, ours, peer, ratio, unit, samples, spread, against, goal? } and nothing else
  --write       also put the tables and what they were measured on into docs/performance.md, one for each group
  --only SUITE  one or more of: ${Object.keys(suites).join(', ')};
                or a group: ${Object.keys(groups).join(', ')}
  --rounds N    counted rounds of each comparison, 1 to 100 (default 7)
  --scale X     amount of work in a round, 0.01 to 100 (default 1)
  --curve       also pools of 1, 4, 16 and 64 workers in the suite scale, and a table of all numbers of workers;
                with --write it goes into docs/scaling.md
  --workers N   most workers of a pool in the suite scale, 1 to 5000 (default 1000)
  --launch MODE fork or spawn: only pools whose workers are made so, in the suite scale (default both)

All sides of a row are measured in turn in one run; figures are medians over the rounds.
A goal that is not met is told, and is no error.`;

const options = readOptions(process.argv.slice(2));
// An exit in order takes along what was started; the signals' own way does not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const before = about();
const rows = [];
/** What goes under which heading of the page. */
const pages = Object.fromEntries(
  Object.keys(groups).map((group) => [group, { rows: [], notes: new Set() }]),
);
for (const name of options.only) {
  if (!options.json) console.error(`${name} …`);
  const page = pages[Object.keys(groups).find((group) => groups[group].includes(name))];
  const measured = await suites[name]({ ...options, note: (text) => page.notes.add(text) });
  page.rows.push(...measured);
  rows.push(...measured);
}
for (const { notes } of Object.values(pages)) for (const note of notes) console.error(note);
console.log(options.json ? JSON.stringify(rows, null, 2) : toText(rows));
if (options.write) {
  for (const [group, page] of Object.entries(pages)) {
    if (page.rows.length > 0) await writePage({ group, ...page, before, options });
  }
}

function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string', default: '7' },
        scale: { type: 'string', default: '1' },
        workers: { type: 'string', default: '1000' },
        launch: { type: 'string' },
        curve: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (values.json && values.write) throw new Error('--json --write: choose one');
    const rounds = numberIn(values.rounds, '--rounds', 1, 100);
    if (!Number.isInteger(rounds)) throw new Error(`--rounds ${values.rounds}: not a whole number`);
    const scale = numberIn(values.scale, '--scale', 0.01, 100);
    const workers = numberIn(values.workers, '--workers', 1, 5_000);
    if (!Number.isInteger(workers)) {
      throw new Error(`--workers ${values.workers}: not a whole number`);
    }
    if (![undefined, 'fork', 'spawn'].includes(values.launch)) {
      throw new Error(`--launch ${values.launch}: give fork or spawn`);
    }
    return { ...values, rounds, scale, workers, only: suitesIn(values.only) };
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function suitesIn(only = Object.keys(groups).join(',')) {
  return only.split(',').flatMap((name) => {
    if (Object.hasOwn(groups, name)) return groups[name];
    if (Object.hasOwn(suites, name)) return [name];
    throw new Error(`--only ${name}: there is no such suite`);
  });
}

function numberIn(text, name, least, most) {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`${name} ${text}: must be a number from ${least} to ${most}`);
}
