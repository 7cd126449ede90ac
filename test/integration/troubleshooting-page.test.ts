import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');

const sources = readdirSync(join(ROOT, 'packages'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /^[\w-]+\/src\/.*(?<!\.test|\.fixture)\.ts$/.test(path))
  .map((path) => readFileSync(join(ROOT, 'packages', path), 'utf8'));

/** The rows of a table under a heading, without its head: each a list of cells. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\|$/g, '').trim()));
}

describe('docs/troubleshooting.md', () => {
  const lines = rowsUnder('Reading the log').map(
    ([line = '', level = '']) => [line.replaceAll('`', ''), level] as const,
  );

  test('explains what is written when something is wrong', () => {
    expect(lines.length).toBeGreaterThan(10);
    for (const [, level] of lines) expect(['warn', 'error']).toContain(level);
  });

  test.each(lines)('[R12.2] [T5.3] "%s" is a line that the log can have', (line) => {
    // `…` stands for what differs, which in the source is an expression; so may be what stands behind a colon.
    const parts = line.split(/…|[:;] /).filter((part) => part.trim().length > 3);
    expect(parts).not.toHaveLength(0);
    const isWritten = sources.some((source) => {
      const flat = source.replace(/`\s*\+\s*`/g, '');
      return parts.every((part) => flat.includes(part.trim()));
    });
    expect(isWritten).toBe(true);
  });

  const named = Array.from(page.matchAll(/npx snakepit ([a-z]+)((?: --[a-z-]+)*)/g));
  test.each([
    ...new Map(named.map(([whole, command = '', options = '']) => [whole, { command, options }])),
  ])('[R12.2] `%s` can be typed', async (_whole, { command, options }) => {
    const ended = await runProgram(['packages/snakepit/dist/cli/main.js', command, '--help']);
    expect(ended).toMatchObject({ code: 0, stderr: '', left: [] });
    for (const option of options.split(' ').filter(Boolean)) expect(ended.stdout).toContain(option);
  });

  test('[R12.2] the commands and what is seen lead to codes, causes and pages that there are', () => {
    for (const [, , advice = ''] of rowsUnder('By what is seen')) expect(advice).not.toBe('');
    const errors = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
    const codes = Array.from(page.matchAll(/`([A-Z]+_[A-Z_]+)`/g), ([, code = '']) => code).filter(
      (code) => !/^(SNAKEPIT|XDG)_/.test(code),
    );
    expect(codes).not.toHaveLength(0);
    expect(codes.filter((code) => !errors.includes(`| \`${code}\` `))).toEqual([]);
  });
});
