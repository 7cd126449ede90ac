import { parseArgs } from 'node:util';
import { format } from './harness.mjs';
import { execute } from './suites/execute.mjs';
import { replacement } from './suites/replacement.mjs';

const suites = { execute, replacement };

const usage = `npm run bench -- [--json] [--only SUITE] [--rounds N] [--scale X]

  --json        print one JSON array of { name, ours, peer, ratio, unit, samples, spread } and nothing else
  --only SUITE  one of: ${Object.keys(suites).join(', ')}
  --rounds N    counted rounds of each comparison, 1 to 100 (default 7)
  --scale X     amount of work in a round, 0.01 to 100 (default 1)

Both sides of a row are measured in turn in one run; figures are medians over the rounds.`;

const options = readOptions(process.argv.slice(2));
const rows = [];
for (const [name, suite] of Object.entries(suites)) {
  if (options.only !== undefined && options.only !== name) continue;
  if (!options.json) console.error(`${name} …`);
  rows.push(...(await suite(options)));
}
console.log(options.json ? JSON.stringify(rows, null, 2) : format(rows));

function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string', default: '7' },
        scale: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (values.only !== undefined && !Object.hasOwn(suites, values.only)) {
      throw new Error(`--only ${values.only}: there is no such suite`);
    }
    const rounds = numberIn(values.rounds, '--rounds', 1, 100);
    if (!Number.isInteger(rounds)) throw new Error(`--rounds ${values.rounds}: not a whole number`);
    return { ...values, rounds, scale: numberIn(values.scale, '--scale', 0.01, 100) };
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function numberIn(text, name, least, most) {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`${name} ${text}: must be a number from ${least} to ${most}`);
}
