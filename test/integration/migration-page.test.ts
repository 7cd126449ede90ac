import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');
const configuration = read('configuration.md');
const known = new Set(
  Array.from(configuration.matchAll(/^\| `([\w.]+)`/gm), ([, key = '']) => key),
);

/** What stands in the last column of the tables of a text, as code. */
function codeHere(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| -'))
    .flatMap((line) =>
      Array.from(
        line
          .split('|')
          .at(-2)
          ?.matchAll(/`([^`]+)`/g) ?? [],
      ),
    )
    .map(([, code = '']) => code);
}

describe('docs/migration.md', () => {
  const page = read('migration.md');

  test('[T5.3] each key of the original has one here, or the page says that there is none', () => {
    const [, table = ''] = page.split('| key of v0.13 ');
    const keys = codeHere(`| ${table}`);
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => !known.has(key))).toEqual([]);
  });

  test('[T5.3] what Celery calls otherwise is a key, or an option of a call', () => {
    const [, section = ''] = page.split('\n## From Celery\n');
    const [text = ''] = section.split('\n## ');
    const options = read('calling-python.md');
    const code = codeHere(text).filter((one) => /^[{a-z][\w.: {}]*$/.test(one));
    const unknown = code.filter((one) => {
      const name = /^\{ (\w+)/.exec(one)?.[1] ?? one;
      return !known.has(name) && !options.includes(`| \`${name}\``);
    });
    expect(code.length).toBeGreaterThan(5);
    expect(unknown).toEqual([]);
  });
});

test.each(['deployment.md', 'troubleshooting.md', 'migration.md'])(
  '[T5.3] %s: each variable that it names is one that is read, or that processes carry',
  (name) => {
    const carried = ['SNAKEPIT_WORKER', 'SNAKEPIT_RUN_'];
    const named = Array.from(read(name).matchAll(/SNAKEPIT_\w+/g), ([variable]) => variable);
    expect(
      named.filter((one) => !configuration.includes(`\`${one}\``) && !carried.includes(one)),
    ).toEqual([]);
  },
);
