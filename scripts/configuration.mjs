// Writes docs/configuration.md from the schema of the configuration itself; --check fails when it is stale.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { poolSchema, runtimeSchema } from '../packages/python-bridge/dist/config/schema.js';
import { tableOf, writeOrCheck } from './generated-page.mjs';

/** @typedef {import('../packages/python-bridge/dist/config/fields.js').Schema} Schema */

const FILE = join(dirname(fileURLToPath(import.meta.url)), '../docs/configuration.md');

const INTRODUCTION = `# Configuration

Generated from the schema by \`npm run configuration\`; do not edit.

\`Snakepit.start(configuration)\` checks everything before anything starts. A value that is not allowed is refused with its
path, what it is and what it may be; so is a key that does not exist, with the nearest name that does. Environment
variables win over the configuration, for containers (R9.5). Durations are in milliseconds.

## Where a value comes from

The first of these that says something wins, key by key, also inside of groups such as \`heartbeat\`:

1. the environment variable of the key; an empty one says nothing,
2. the element of \`pools\`,
3. the top level, for all pools,
4. the default.

Only \`env\` is put together, from the top level and the pool; the pool's variables win.

\`npx snakepit doctor\` shows every key with its value and who says so, tries the pools, and exits with 1 when something is wrong
(2: wrong use). \`--json\` prints the same as data. What may be secret (\`env\`, tokens, arguments such as \`--api-key=…\`) is shown as \`***\`. It
takes the configuration

1. from the file that \`--config FILE\` names,
2. else from the first of \`snakepit.config.js\`, \`snakepit.config.mjs\`, \`snakepit.config.cjs\` and \`snakepit.config.json\` in the current
   directory: a module's \`default\` export, else its export \`config\`, is what your program gives to \`Snakepit.start\`;
3. without any, it tells what the environment variables say.
`;

/** @type {(readonly [title: string, text: string, schema: Schema])[]} */
const SECTIONS = [
  [
    'Pools',
    'Keys of one element of `pools`. All but `name` and `remote` may also stand at the top level, where they are the defaults of all pools.',
    poolSchema,
  ],
  [
    'Snakepit as a whole',
    'Keys of the top level only, beside `pools` and `logger` (functions `debug`, `info`, `warn`, `error`).',
    runtimeSchema,
  ],
];

async function render() {
  const sections = SECTIONS.map(
    ([title, text, schema]) => `## ${title}\n\n${text}\n\n${tableOf(HEADER, rowsOf(schema, ''))}\n`,
  );
  return format([INTRODUCTION, ...sections].join('\n'), {
    ...(await resolveConfig(FILE)),
    parser: 'markdown',
  });
}

const HEADER = ['key', 'what it is for', 'allowed', 'default', 'environment variable'];

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

writeOrCheck(FILE, await render(), 'npm run configuration');
