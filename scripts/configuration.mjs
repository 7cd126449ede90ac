// Writes docs/configuration.md from the schema of the configuration itself; --check fails when it is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { poolSchema, runtimeSchema } from '../packages/python-bridge/dist/config/schema.js';

/** @typedef {import('../packages/python-bridge/dist/config/fields.js').Schema} Schema */

const FILE = join(dirname(fileURLToPath(import.meta.url)), '../docs/configuration.md');

const INTRODUCTION = `# Configuration

Generated from the schema by \`npm run configuration\`; do not edit.

\`Snakepit.start(configuration)\` checks everything before anything starts. A value that is not allowed is refused with its
path, what it is and what it may be; so is a key that does not exist, with the nearest name that does. Environment
variables win over the configuration, for containers (R9.5). Durations are in milliseconds.
`;

/** @type {(readonly [title: string, text: string, schema: Schema])[]} */
const SECTIONS = [
  [
    'Pools',
    'Keys of one element of `pools`. All but `name` may also stand at the top level, where they are the defaults of all pools.',
    poolSchema,
  ],
  [
    'Snakepit as a whole',
    'Keys of the top level only, beside `pools`, `logger` (functions `debug`, `info`, `warn`, `error`) and `telemetry` (a bus that `createTelemetry` made; whoever attaches to it before the start hears that, too).',
    runtimeSchema,
  ],
];

async function render() {
  const sections = SECTIONS.map(
    ([title, text, schema]) => `## ${title}\n\n${text}\n\n${tableOf(schema)}\n`,
  );
  return format([INTRODUCTION, ...sections].join('\n'), {
    ...(await resolveConfig(FILE)),
    parser: 'markdown',
  });
}

/** @param {Schema} schema */
function tableOf(schema) {
  const header = ['key', 'what it is for', 'allowed', 'default', 'environment variable'];
  return [header, header.map(() => '---'), ...rowsOf(schema, '')].map(toRow).join('\n');
}

/**
 * The rows of some keys; those of a group carry its name, and what the group is for has a row of its own.
 *
 * @param {Schema} schema
 * @param {string} prefix
 * @returns {string[][]}
 */
function rowsOf(schema, prefix) {
  return Object.entries(schema).flatMap(([key, entry]) => {
    const name = `\`${prefix}${key}\``;
    if (entry.kind === 'group') {
      return [[name, entry.meaning, '', '', ''], ...rowsOf(entry.fields, `${prefix}${key}.`)];
    }
    const { meaning, expected, required, shownDefault, variable } = entry;
    const fallback = required ? '_required_' : shownDefault;
    return [[name, meaning, expected, fallback, variable === undefined ? '' : `\`${variable}\``]];
  });
}

/** @param {string[]} cells */
function toRow(cells) {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const wanted = await render();
if (!values.check) writeFileSync(FILE, wanted);
else if (readFileSync(FILE, 'utf8') !== wanted) {
  console.error('docs/configuration.md is stale.\nRemedy: npm run configuration');
  process.exitCode = 1;
}
