import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { completeMarker, findOnPath, findPython, interpreterOf } from './find-python.ts';

let root: string;
let projectDir: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'snakepit-find-')));
  projectDir = join(root, 'project');
  await mkdir(projectDir);
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function program(path: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o755);
  return path;
}

describe('findPython', () => {
  test('looks in the documented order', async () => {
    const bin = join(root, 'bin');
    const env = { PATH: bin, VIRTUAL_ENV: join(root, 'active') };
    const expectNext = (executable: string, source: string): void => {
      expect(findPython({ projectDir, env })).toEqual({ executable, source, isNamed: false });
    };
    expect(() => findPython({ projectDir, env })).toThrow(
      /ENVIRONMENT.*there is no Python[\s\S]*Remedy: install Python 3\.9 or newer/,
    );
    expectNext(await program(join(bin, 'python')), 'python on PATH');
    expectNext(await program(join(bin, 'python3')), 'python3 on PATH');
    expectNext(await program(interpreterOf(join(root, 'active'))), '$VIRTUAL_ENV');
    expectNext(await program(interpreterOf(join(root, '.venv'))), '../.venv');
    expectNext(await program(interpreterOf(join(projectDir, '.venv'))), '.venv');
    const own = join(projectDir, '.snakepit', 'venv');
    await program(interpreterOf(own));
    // Not complete yet: an environment that setup did not finish is never used.
    expectNext(interpreterOf(join(projectDir, '.venv')), '.venv');
    await writeFile(join(own, completeMarker), '{}');
    expectNext(interpreterOf(own), '.snakepit/venv');
    expect(findPython({ projectDir, env, ownEnvironment: false }).source).toBe('.venv');
  });

  test('what was named wins: the configuration, then the variable', async () => {
    const env = { PATH: join(root, 'bin'), SNAKEPIT_PYTHON: ' special ' };
    const special = await program(join(root, 'bin', 'special'));
    const other = await program(join(projectDir, 'tools', 'python'));
    expect(findPython({ projectDir, env })).toEqual({
      executable: special,
      source: 'SNAKEPIT_PYTHON',
      isNamed: true,
    });
    const python = { path: 'tools/python', source: 'pools[0].python' };
    expect(findPython({ projectDir, env, python })).toEqual({
      executable: other,
      source: 'pools[0].python',
      isNamed: true,
    });
  });

  test.each([
    [
      '/nowhere/python',
      'pools[0].python names the Python interpreter "/nowhere/python", which does not exist',
    ],
    ['nopython', 'names the Python interpreter "nopython" on PATH, which does not exist'],
    ['/etc/passwd', '"/etc/passwd", which is not an executable file'],
    ['/tmp', '"/tmp", which is not an executable file'],
  ])('[I2.7] %s is refused, naming who named it', (path, expected) => {
    const python = { path, source: 'pools[0].python' };
    let message = '';
    try {
      findPython({ projectDir, python, env: { PATH: '/usr/bin' } });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('[ENVIRONMENT]');
    expect(message).toContain(expected);
    expect(message).toContain('Remedy: correct pools[0].python, or leave it out');
  });

  test('an empty entry of PATH is not the working directory', async () => {
    await program(join(projectDir, 'python3'));
    expect(findOnPath('python3', { PATH: '' })).toBeUndefined();
    expect(findOnPath('python3', {})).toBeUndefined();
  });
});
