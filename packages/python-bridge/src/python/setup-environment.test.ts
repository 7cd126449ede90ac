import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findPython } from './find-python.ts';
import { setupEnvironment } from './setup-environment.ts';

let root: string;
let projectDir: string;
let requirements: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snakepit-setup-'));
  projectDir = join(root, 'project');
  requirements = join(root, 'requirements.lock');
  await mkdir(projectDir);
  await writeFile(requirements, 'grpcio==1.0\n');
  env = { PATH: join(root, 'bin') };
  await program('python3', fakePython('3.11.2'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await writeFile(join(root, 'bin', name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(join(root, 'bin', name), 0o755);
}

// Behaves as Python does when asked for its packages, to make an environment (a copy of itself) and to install.
function fakePython(version: string): string {
  return `
echo "$@" >> '${root}/log'
case "$2" in
  -c) echo '{"version": "${version}", "packages": []}' ;;
  venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  pip) test ! -e '${root}/offline' || { echo 'no route to host' >&2; exit 1; } ;;
esac`;
}

async function log(): Promise<string> {
  return await readFile(join(root, 'log'), 'utf8');
}

describe('setupEnvironment', () => {
  test('[I2.10] makes .snakepit/venv with venv and pip, which is then the one that is found', async () => {
    const lines: string[] = [];
    const onProgress = (line: string): void => void lines.push(line);
    const result = await setupEnvironment({ projectDir, requirements, env, onProgress });
    expect(result).toEqual({
      environmentDir: join(projectDir, '.snakepit/venv'),
      executable: join(projectDir, '.snakepit/venv/bin/python'),
      changed: true,
    });
    expect(await log()).toContain(`-m venv ${result.environmentDir}`);
    expect(await log()).toContain(
      `-m pip install --disable-pip-version-check --no-input -r ${requirements}`,
    );
    expect(lines[0]).toContain('Python 3.11.2:');
    expect(findPython({ projectDir, env }).executable).toBe(result.executable);
    expect(await readFile(join(projectDir, '.snakepit/.gitignore'), 'utf8')).toBe('*\n');
    expect(existsSync(join(projectDir, '.snakepit/setup.lock'))).toBe(false);
  });

  test('[I2.10] does nothing when it is complete, and all again when the versions changed', async () => {
    const options = { projectDir, requirements, env };
    await setupEnvironment(options);
    expect((await setupEnvironment(options)).changed).toBe(false);
    await writeFile(requirements, 'grpcio==2.0\n');
    expect((await setupEnvironment(options)).changed).toBe(true);
  });

  test('[I2.10] with uv on PATH it is made by uv', async () => {
    await program(
      'uv',
      `echo "uv $@" >> '${root}/log'
if [ "$1" = venv ]; then mkdir -p "$4/bin" && cp '${root}/bin/python3' "$4/bin/python"; fi`,
    );
    const { executable, environmentDir } = await setupEnvironment({
      projectDir,
      requirements,
      env,
    });
    expect(await log()).toContain(`uv venv --python ${root}/bin/python3 ${environmentDir}`);
    expect(await log()).toContain(`uv pip install --python ${executable} -r ${requirements}`);
  });

  test('[I2.10] a failed installation leaves no environment and shows what was printed', async () => {
    await writeFile(join(root, 'offline'), '');
    const options = { projectDir, requirements, env };
    const failure = await setupEnvironment(options).catch(String);
    expect(failure).toContain('[ENVIRONMENT]');
    expect(failure).toContain('no route to host');
    expect(failure).toContain('Then run `npx snakepit setup` again.');
    expect(existsSync(join(projectDir, '.snakepit/venv'))).toBe(false);
    await rm(join(root, 'offline'));
    expect((await setupEnvironment(options)).changed).toBe(true);
  });

  test('[I2.10] what a killed setup left is made anew, its lock taken over', async () => {
    await mkdir(join(projectDir, '.snakepit/venv/lib'), { recursive: true });
    // No process has this pid: it is above the limit of Linux.
    await writeFile(join(projectDir, '.snakepit/setup.lock'), '4194999');
    expect((await setupEnvironment({ projectDir, requirements, env })).changed).toBe(true);
    expect(existsSync(join(projectDir, '.snakepit/venv/lib'))).toBe(false);
  });

  test('a setup that runs elsewhere is named', async () => {
    await mkdir(join(projectDir, '.snakepit'));
    await writeFile(join(projectDir, '.snakepit/setup.lock'), String(process.pid));
    const failure = await setupEnvironment({ projectDir, requirements, env }).catch(String);
    expect(failure).toContain(`process ${process.pid} is setting up this environment already`);
    await rm(join(projectDir, '.snakepit/setup.lock'));
  });

  test('[I2.7] a Python that is too old, or broken, is refused before anything is made', async () => {
    await program('python3', fakePython('3.8.1'));
    const old = await setupEnvironment({ projectDir, requirements, env }).catch(String);
    expect(old).toContain('is Python 3.8.1; 3.9 or newer is needed.');
    await program('python3', 'echo "no libpython"; exit 1');
    const broken = await setupEnvironment({ projectDir, requirements, env }).catch(String);
    expect(broken).toContain('(python3 on PATH) does not run: it exited with code 1: no libpython');
    expect(existsSync(join(projectDir, '.snakepit/venv'))).toBe(false);
  });

  test('[I2.7] a missing module venv is told with the package to install', async () => {
    await program(
      'python3',
      `case "$2" in
  -c) echo '{"version": "3.11.2", "packages": []}' ;;
  *) echo 'ensurepip is not available'; exit 1 ;;
esac`,
    );
    const failure = await setupEnvironment({ projectDir, requirements, env }).catch(String);
    expect(failure).toContain('apt install python3-venv');
  });

  test('an abort ends it and leaves no environment', async () => {
    const controller = new AbortController();
    const onProgress = (line: string): void => {
      if (line.includes('-m pip')) controller.abort();
    };
    const { signal } = controller;
    const options = { projectDir, requirements, env, onProgress, signal };
    await expect(setupEnvironment(options)).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(join(projectDir, '.snakepit/venv'))).toBe(false);
  });
});
