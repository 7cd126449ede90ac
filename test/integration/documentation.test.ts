import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = ['README.md', ...markdownIn('docs'), ...markdownIn('adr'), 'examples/README.md'];
const PACKAGES = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`);

/** Guides whose blocks are programs, unless they are taken from an example. The others need a project with Python. */
const GUIDES = ['core', 'supervisor', 'observer'].map((name) => `packages/${name}/README.md`);

/** Languages of code blocks, and the endings of the example files that they are taken from. */
const EXAMPLES_OF: Readonly<Record<string, string>> = { ts: '.ts', js: '.mjs', python: '.py' };

const LOADER = join(ROOT, 'test/fixtures/processes/typescript-loader.mjs');

interface Block {
  readonly document: string;
  readonly language: string;
  readonly code: string;
}

describe('documentation', () => {
  const blocks = [...DOCUMENTS, ...GUIDES]
    .flatMap(blocksIn)
    .filter(({ language }) => language in EXAMPLES_OF);
  const programs = blocks.filter(isProgram);

  test('[I2.9] the README shows code in each of its languages', () => {
    const languages = blocks
      .filter(({ document }) => document === 'README.md')
      .map(({ language }) => language);
    expect(new Set(languages)).toEqual(new Set(Object.keys(EXAMPLES_OF)));
  });

  test.each(
    blocks
      .filter((block) => !programs.includes(block))
      .map((block) => [block.document, firstLine(block.code), block] as const),
  )(
    '[I2.9] %s: the block "%s" is part of an example that a test runs',
    (_document, _line, { language, code }) => {
      const ending = EXAMPLES_OF[language] ?? '';
      const sources = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith(ending) && !path.startsWith('.'))
        .map((path) => readFileSync(join(ROOT, 'examples', path), 'utf8'));
      expect(sources.filter((source) => source.includes(code))).toHaveLength(1);
    },
  );

  test.each(programs.map((block) => [block.document, titleOf(block), block] as const))(
    '[I2.9] %s: the program of %s runs, and writes what its comments say',
    async (_document, _title, { code: program }) => {
      const { code, signal, stdout, stderr, left } = await runProgram([
        ...['--conditions=@snakepit/source', '--import', LOADER],
        ...['--input-type=module', '--eval', program],
      ]);
      expect({ code, signal, stderr, left }).toEqual({
        ...{ code: 0, signal: null, stderr: '', left: [] },
      });
      // A comment may go on after a semicolon, and stand for more lines by an ellipsis.
      const said = Array.from(program.matchAll(/console\.log\(.*\/\/ (.*)$/gm), ([, comment]) =>
        (comment ?? '').replace(/( …)?;.*| …$/, ''),
      );
      const lines = stdout.split('\n');
      const inOrder = said.map((line) => {
        const at = lines.indexOf(line);
        return lines.splice(0, at + 1).at(-1);
      });
      expect(inOrder).toEqual(said);
    },
    30_000,
  );

  test.each([...DOCUMENTS, ...PACKAGES])(
    '[I2.9] %s: every link within the repository leads somewhere',
    (document) => {
      const text = readFileSync(join(ROOT, document), 'utf8');
      const targets = Array.from(
        text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g),
        ([, target]) => target ?? '',
      );
      const missing = targets
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(document), target)));
      expect(missing).toEqual([]);
    },
  );

  test.each([
    ['README.md', '[I2.9] every command that the README names exists'],
    ['CONTRIBUTING.md', '[R12.5] every command that contributors are told of exists'],
  ])('%s: %s', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, name]) => name ?? '');
    expect(named).not.toHaveLength(0);
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  test('[R12.5] contributors are told how to set up, to check, to test, and what a change needs', () => {
    const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
    const told = ['npm test', 'npm run check', 'npm run bootstrap', '.ci/run', '-m pytest'];
    for (const command of told) expect(text).toContain(command);
    expect(text.match(/^## .*$/gm)).toEqual(
      expect.arrayContaining(['## Commands', '## Tests', '## Dependencies', '## Changes']),
    );
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly engines: { readonly node: string };
    };
    const [, needed] = /Node\.js (\d+\.\d+)/.exec(text) ?? [];
    expect(engines.node).toContain(`>=${String(needed)}`);
    expect(existsSync(join(ROOT, '.ci/run'))).toBe(true);
  });

  test('[I2.11] every decision is in the index, and has all its sections', () => {
    const index = readFileSync(join(ROOT, 'adr/README.md'), 'utf8');
    const decisions = readdirSync(join(ROOT, 'adr')).filter((name) => /^\d{4}-/.test(name));
    expect(decisions).not.toHaveLength(0);
    for (const name of decisions) {
      const text = readFileSync(join(ROOT, 'adr', name), 'utf8');
      expect(index).toContain(`](${name})`);
      expect(text).toMatch(/^\*\*Status\*\*: (proposed|accepted|superseded by \d{4})$/m);
      expect(text.match(/^## .*$/gm)).toEqual([
        '## Context',
        '## Decision',
        '## Alternatives',
        '## Consequences',
        '## How we would notice it was wrong',
      ]);
    }
  });

  test('[I4.2] the worker starter leads to its decision, which weighs what was asked', () => {
    const source = readFileSync(
      join(ROOT, 'packages/python-bridge/src/worker/worker-starter.ts'),
      'utf8',
    );
    const [, path = ''] = /`(adr\/0001-[\w-]+\.md)`/.exec(source) ?? [];
    const decision = readFileSync(join(ROOT, path), 'utf8');
    for (const alternative of ['below the DynamicSupervisor', 'its own supervisor', 'erlexec']) {
      expect(decision).toContain(alternative);
    }
    expect(source).toMatch(/price is one more process per worker/);
  });

  test('[I2.11] every decision that the code refers to exists', () => {
    const numbers = new Set(readdirSync(join(ROOT, 'adr')).map((name) => name.slice(0, 4)));
    const missing = readdirSync(join(ROOT, 'packages'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /^[\w-]+\/src\/.*\.ts$/.test(path))
      .flatMap((path) => {
        const text = readFileSync(join(ROOT, 'packages', path), 'utf8');
        return Array.from(text.matchAll(/ADR-(\d{4})/g), ([, number]) => ({ path, number }));
      })
      .filter(({ number }) => !numbers.has(number ?? ''));
    expect(missing).toEqual([]);
  });

  test('the statecharts in the documentation are those of the machines', async () => {
    const { code, stderr } = await runProgram(['scripts/charts.mjs', '--check']);
    expect([code, stderr]).toEqual([0, '']);
  }, 60_000);

  test('[T4.1] the events in the documentation are those of the tables', async () => {
    const { code, stderr } = await runProgram(['scripts/telemetry.mjs', '--check']);
    expect([code, stderr]).toEqual([0, '']);
  }, 60_000);

  test('the configuration in the documentation is that of the schema', async () => {
    const { code, stderr } = await runProgram(['scripts/configuration.mjs', '--check']);
    expect([code, stderr]).toEqual([0, '']);
  }, 60_000);
});

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => relative(ROOT, join(ROOT, folder, name)));
}

function blocksIn(document: string): Block[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  return Array.from(text.matchAll(/^```(\w+)\n([^]*?)^```$/gm), ([, language, code]) => ({
    document,
    language: language ?? '',
    code: code ?? '',
  }));
}

/** Whether a block of a guide is a whole program rather than a piece of an example. */
function isProgram({ document, language, code }: Block): boolean {
  return GUIDES.includes(document) && language === 'js' && code.startsWith('import ');
}

/** The section that a block stands in. */
function titleOf({ document, code }: Block): string {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const before = text.slice(0, text.indexOf(code));
  return /^#+ (.*)$(?![^]*^#+ )/m.exec(before)?.[1] ?? document;
}

function firstLine(code: string): string {
  return code.slice(0, code.indexOf('\n'));
}
