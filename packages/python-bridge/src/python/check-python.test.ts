import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkPython, isRecentEnough } from './check-python.ts';
import { findOnPath } from './find-python.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-check-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function systemPython(): string {
  const found = findOnPath('python3');
  if (found === undefined) throw new Error('these tests need python3 on PATH');
  return found;
}

async function fake(script: string): Promise<string> {
  const path = join(directory, 'python');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('checkPython', () => {
  test('a real interpreter tells its version and what it can import', async () => {
    await writeFile(join(directory, 'grpc.py'), '__version__ = "9.9"\nprint("noise")\n');
    const check = await checkPython(systemPython(), { pythonDir: directory });
    expect(check).toMatchObject({ kind: 'runs', recentEnough: true });
    if (check.kind !== 'runs') throw new Error(check.detail);
    expect(check.version).toMatch(/^3\.\d+\.\d+$/);
    expect(check.packages.map(({ name }) => name)).toEqual([
      'grpcio',
      'protobuf',
      'snakepit_bridge',
    ]);
    expect(check.packages[0]).toEqual({ name: 'grpcio', version: '9.9', fault: undefined });
    expect(check.packages[2]?.fault).toBe("ModuleNotFoundError: No module named 'snakepit_bridge'");
  });

  test('[I2.7] a package that raises on import is told with what it raised', async () => {
    await writeFile(join(directory, 'grpc.py'), 'raise SystemExit("wrong CPU")\n');
    const check = await checkPython(systemPython(), { pythonDir: directory });
    expect(check).toMatchObject({
      kind: 'runs',
      packages: [{ name: 'grpcio', fault: 'SystemExit: wrong CPU' }, {}, {}],
    });
  });

  test('[I5.7] a Python without the global lock is told from others', async () => {
    const free = await fake(`echo '{"version": "3.14.0", "packages": [], "gil": false}'`);
    expect(await checkPython(free)).toMatchObject({ version: '3.14.0', freeThreaded: true });
  });

  test('an interpreter that is too old says how old it is', async () => {
    const old = await fake(`echo '{"version": "3.8.10", "packages": []}'`);
    expect(await checkPython(old)).toEqual({
      freeThreaded: false,
      kind: 'runs',
      version: '3.8.10',
      recentEnough: false,
      packages: [],
    });
  });

  test.each([
    ['exit 3', 'it exited with code 3: it printed nothing'],
    ['echo hello', 'it exited with code 0: hello'],
    ['echo "cannot load libpython" >&2; exit 127', 'code 127: cannot load libpython'],
    ['kill -9 $$', 'it was ended by SIGKILL'],
  ])('what is no Python is broken: %s', async (script, expected) => {
    const check = await checkPython(await fake(script));
    expect(check.kind).toBe('broken');
    if (check.kind === 'broken') expect(check.detail).toContain(expected);
  });

  test('what hangs, or is not there, is broken', async () => {
    const hanging = await fake('exec sleep 1000');
    expect(await checkPython(hanging, { timeoutMs: 200 })).toMatchObject({
      kind: 'broken',
      detail: 'it was ended by SIGKILL: it printed nothing',
    });
    const missing = await checkPython(join(directory, 'none'));
    expect(missing).toMatchObject({ kind: 'broken' });
  });
});

describe('isRecentEnough', () => {
  test.each([
    ['2.7.18', false],
    ['3.8.19', false],
    ['3.9.0', true],
    ['3.14.2', true],
    ['4.0.0', true],
  ])('%s: %s', (version, expected) => {
    expect(isRecentEnough(version)).toBe(expected);
  });
});
