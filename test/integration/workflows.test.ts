import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.github/workflows');

interface Job {
  readonly name: string;
  readonly 'runs-on': string;
  readonly 'timeout-minutes': number;
  readonly strategy?: {
    readonly matrix: { readonly os?: readonly string[]; readonly node?: readonly number[] };
  };
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

const workflows = readdirSync(FOLDER).map((name) => {
  const document = parseDocument(readFileSync(join(FOLDER, name), 'utf8'));
  const { jobs = {} } = document.toJS() as { readonly jobs?: Readonly<Record<string, Job>> };
  return { name, problems: [...document.errors, ...document.warnings], jobs: Object.values(jobs) };
});
const jobs = workflows.flatMap((workflow) => workflow.jobs);
const steps = jobs.flatMap((job) => job.steps);
const commands = steps.flatMap(({ run = '' }) => run.split(/&&|\n/u).map((line) => line.trim()));

describe('.github/workflows', () => {
  test.each(workflows.map((workflow) => [workflow.name, workflow] as const))(
    '[I4.8] %s is YAML, and every job of it has a machine and a limit',
    (_name, { problems, jobs: own }) => {
      expect(problems).toEqual([]);
      expect(own).not.toHaveLength(0);
      for (const job of own) {
        expect(job['runs-on']).toMatch(/^(ubuntu-latest|\$\{\{ matrix\.os \}\})$/u);
        expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
      }
    },
  );

  test('[R7.5] [R11.4] [T3.3] tests run on Linux, macOS and Windows, with three versions of Node', () => {
    const tested = jobs
      .filter((job) => job.steps.some(({ run = '' }) => run.startsWith('npm test')))
      .map(({ strategy }) => strategy?.matrix);
    expect(tested).toContainEqual({
      os: ['ubuntu-latest', 'macos-latest', 'windows-latest'],
      node: [20, 22, 24],
    });
  });

  test('[I4.8] there is a job of chaos and one of the watchdog', () => {
    expect(
      commands.filter((command) => command.startsWith('npm run chaos -- --launch')),
    ).toHaveLength(1);
    expect(commands).toContain('npm test -- watchdog');
  });

  test('actions are pinned to a major version, and only those that are needed are used', () => {
    const used = new Set(steps.flatMap(({ uses = [] }) => uses));
    expect([...used].sort()).toEqual([
      'actions/checkout@v4',
      'actions/setup-node@v4',
      'actions/setup-python@v5',
      // Pictures of the visualiser.
      'actions/upload-artifact@v4',
    ]);
  });

  test('every script and every program that they name exists', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = commands.flatMap((command) => {
      const [, name] = /^npm (?:run )?([\w:-]+)/u.exec(command) ?? [];
      return name ?? [];
    });
    expect(named).toContain('test');
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
    const strange = commands.filter((command) => !/^(npm .*|sudo .*|\.ci\/run|)$/u.test(command));
    expect(strange).toEqual([]);
  });

  test('every test that they name is there', () => {
    const files = ['packages', 'test'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
        .map((path) => `${folder}/${path}`),
    );
    const patterns = commands
      .filter((command) => command.startsWith('npm test -- '))
      .flatMap((command) => command.split(' ').slice(3));
    expect(patterns.length).toBeGreaterThan(4);
    const missing = patterns.filter((pattern) => !files.some((file) => file.includes(pattern)));
    expect(missing).toEqual([]);
  });
});
