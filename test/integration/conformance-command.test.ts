import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');

function run(args: readonly string[], path: string) {
  const loader = './scripts/typescript-loader.mjs';
  const program = 'test/conformance/beam/main.ts';
  const argv = ['--conditions=@snakepit/source', '--import', loader, program, ...args];
  return spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  });
}

test('without Erlang the conformance run says what to install, and exits with 2', () => {
  const nothing = mkdtempSync(join(tmpdir(), 'snakepit-no-erlang-'));
  try {
    const { status, stderr, stdout } = run(['--histories', '1'], nothing);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('apt-get install -y --no-install-recommends erlang-base');
  } finally {
    rmSync(nothing, { recursive: true });
  }
});

test.each([
  [['--histories', '0'], '--histories must be a whole number ≥ 1; got "0"'],
  [['--of', 'tasks'], '--of must be trees or processes; got "tasks"'],
  [['--histroies', '5'], "Unknown option '--histroies'"],
])('the options %j are refused', (args, message) => {
  const { status, stderr } = run(args, process.env['PATH'] ?? '');
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});
