import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

// The script that gets what tests need from Debian, with other programs in the place of Debian's.

const script = join(import.meta.dirname, '../../scripts/debian-packages.mjs');
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'debian-'));
  chmodSync(directory, 0o777);
  copyFileSync(script, join(directory, 'script.mjs'));
  program('dpkg-query', 'test "$4" = here && printf installed');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A program that also writes down how it was called. */
function program(name: string, does: string): void {
  const text = `#!/bin/sh\necho "${name} $*" >> "${directory}/calls"\n${does}\n`;
  writeFileSync(join(directory, name), text);
  chmodSync(join(directory, name), 0o755);
}
function run(names: readonly string[], uid: number) {
  const isRoot = process.getuid?.() === 0;
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(directory, 'script.mjs'), ...names],
    {
      encoding: 'utf8',
      cwd: directory,
      env: { PATH: directory },
      ...(isRoot && { uid, gid: uid }),
    },
  );
  const calls = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
  return { status, stderr, calls: calls.filter((call) => !call.startsWith('dpkg-query')) };
}

describe('Debian packages', () => {
  test('who is not root has them installed by sudo, which asks for no password', () => {
    program('sudo', 'exit 0');
    const { status, calls } = run(['here', 'tmux'], 65_534);
    expect([status, calls]).toEqual([
      0,
      [
        'sudo -n DEBIAN_FRONTEND=noninteractive apt-get update',
        'sudo -n DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tmux',
      ],
    ]);
  });

  test('whom sudo refuses, and who has none, is told what to type', () => {
    expect(run(['tmux'], 65_534)).toMatchObject({ status: 2, calls: [] });
    program('sudo', 'echo "a password is required" >&2; exit 1');
    const { status, stderr } = run(['tmux'], 65_534);
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(
        /password is required\nMissing: tmux\nRemedy: .*apt-get update && apt-get install/,
      ),
    ]);
  });

  test('nothing is asked for that is there', () => {
    expect(run(['here'], 65_534)).toMatchObject({ status: 0, calls: [] });
  });
});
