import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { platformNamed } from './platform/current.ts';
import {
  maxSocketPathBytes,
  openPrivateDirectory,
  removePrivateDirectory,
  shortDirectories,
  type PrivateDirectory,
  type PrivateDirectoryResult,
} from './private-directory.ts';
import { createRunId } from './run-records.ts';

let base = '';
let runId = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'private-directory-'));
  runId = createRunId();
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
  for (const path of shortDirectories(runId)) removePrivateDirectory(path);
});

function opened(result: PrivateDirectoryResult): PrivateDirectory {
  if (!result.ok) throw new Error(result.reason);
  return result.directory;
}

describe('openPrivateDirectory', () => {
  test('makes the preferred one for us alone, and removes it', () => {
    const preferred = join(base, 'run', 'sockets');
    const directory = opened(openPrivateDirectory({ preferred, runId, longestName: 'w1.sock' }));
    expect(directory).toMatchObject({ path: preferred, fallbackReason: undefined });
    expect(statSync(preferred).mode & 0o777).toBe(0o700);
    directory.close();
    directory.close();
    expect(existsSync(preferred)).toBe(false);
  });

  test('takes a short one when a socket path would be too long, and says why', () => {
    const preferred = join(base, 'x'.repeat(120));
    const directory = opened(openPrivateDirectory({ preferred, runId, longestName: 'w1.sock' }));
    expect(directory.path).toBe(shortDirectories(runId)[0]);
    expect(directory.fallbackReason).toContain('longer than the 107 bytes');
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    expect(existsSync(preferred)).toBe(false);
    directory.close();
    expect(existsSync(directory.path)).toBe(false);
  });

  test('counts bytes, to the last one', () => {
    const room = maxSocketPathBytes() - Buffer.byteLength(join(base, 'ä', 's'));
    const fitting = join(base, 'ä', 'y'.repeat(room - 1));
    const longestName = 's';
    const fits = openPrivateDirectory({ preferred: fitting, runId, longestName });
    expect(opened(fits).path).toBe(fitting);
    const over = openPrivateDirectory({ preferred: `${fitting}y`, runId, longestName });
    expect(opened(over).path).not.toContain(base);
  });

  test('takes a short one where no run directory can be written', () => {
    const directory = opened(
      openPrivateDirectory({ preferred: undefined, runId, longestName: 'w1.sock' }),
    );
    expect(directory.fallbackReason).toContain('no run directory');
  });

  test('refuses what others may write', () => {
    chmodSync(base, 0o777);
    const result = openPrivateDirectory({ preferred: base, runId, longestName: 'w1.sock' });
    expect(result).toMatchObject({ ok: false, reason: expect.stringContaining('mode 777') });
  });

  test('refuses what belongs to another user', () => {
    // Nobody but the superuser can give a directory away; others are refused the superuser's.
    const foreign = process.getuid?.() === 0 ? base : '/';
    if (foreign === base) chownSync(base, 65_534, 65_534);
    const result = openPrivateDirectory({ preferred: foreign, runId, longestName: 'w1.sock' });
    expect(result).toMatchObject({ ok: false, reason: expect.stringMatching(/belongs to user/u) });
  });

  test('refuses a symbolic link', () => {
    mkdirSync(join(base, 'real'), { mode: 0o700 });
    symlinkSync(join(base, 'real'), join(base, 'link'));
    const preferred = join(base, 'link');
    const result = openPrivateDirectory({ preferred, runId, longestName: 'w1.sock' });
    expect(result).toMatchObject({ ok: false, reason: expect.stringContaining('not a directory') });
  });

  test('refuses a short one that somebody else made first', () => {
    for (const path of shortDirectories(runId)) mkdirSync(path, { mode: 0o700 });
    const result = openPrivateDirectory({ preferred: undefined, runId, longestName: 'w1.sock' });
    expect(result).toMatchObject({ ok: false, reason: expect.stringContaining('EEXIST') });
  });

  test('says so when nothing is short enough', () => {
    const result = openPrivateDirectory({
      preferred: base,
      runId,
      longestName: 'w1.sock',
      maxPathBytes: 10,
    });
    expect(result).toMatchObject({ ok: false, reason: expect.stringContaining('10 bytes') });
  });

  test('knows the limits of the platforms', () => {
    expect(maxSocketPathBytes(platformNamed('linux'))).toBe(107);
    expect(maxSocketPathBytes(platformNamed('darwin'))).toBe(103);
  });
});
