import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  carriers,
  createToken,
  endCarriers,
  until,
} from '../../../../test/fixtures/processes/census.mjs';

// The command as it is installed: built, and started by the operating system.
const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');
const token = createToken();
let root: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; run \`npm run build\` first`);
  root = await mkdtemp(join(tmpdir(), 'snakepit-main-'));
  env = { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: root };
  // uv is not to be found, whatever this machine has.
  const folders = env['PATH']?.split(':') ?? [];
  env['PATH'] = folders.filter((folder) => !existsSync(join(folder, 'uv'))).join(':');
  env[token.name] = token.value;
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin/python3'), SLOW_PYTHON);
  await chmod(join(root, 'bin/python3'), 0o755);
});

afterEach(async () => {
  await endCarriers(token);
  await rm(root, { recursive: true });
});

// Makes an environment, a copy of itself, and installs until somebody makes the file `go`.
const SLOW_PYTHON = `#!/bin/sh
case "$2" in
  -c) echo '{"version": "3.11.2", "packages": []}' ;;
  venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  pip) touch pip-runs; while [ ! -e go ]; do sleep 0.02; done ;;
esac
`;

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(args: readonly string[]): Running {
  const child = spawn(MAIN, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  const ended = new Promise<Awaited<Running['ended']>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
  });
  if (child.pid === undefined) throw new Error(`${MAIN} could not be started`);
  return { child, pid: child.pid, ended };
}

const installing = (): Promise<unknown> =>
  until(() => existsSync(join(root, 'pip-runs')), 'the installation');
const inEnvironment = (): readonly number[] => carriers(token);

describe('the command snakepit', () => {
  test('[I2.10] is an executable file and exits with the code of what it was asked', async () => {
    expect(statSync(MAIN).mode & 0o111).toBe(0o111);
    expect(await start(['--version']).ended).toMatchObject({ code: 0, stderr: '' });
    const wrong = await start(['docter']).ended;
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('Did you mean doctor?');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('[I2.10] setup, ended by %s, leaves no environment', async (signal, expected) => {
    const setup = start(['setup']);
    await installing();
    process.kill(setup.pid, signal);
    const { code, stderr } = await setup.ended;
    expect({ code, stderr }).toEqual({
      code: expected,
      stderr: 'Interrupted: no environment was made.\n',
    });
    expect(existsSync(join(root, '.snakepit/venv'))).toBe(false);
    expect(existsSync(join(root, '.snakepit/setup.lock'))).toBe(false);
    await until(() => inEnvironment().length === 0, 'end of the installation');
  });

  test('[I2.10] of two setups at once one makes the environment, the other says who does', async () => {
    const first = start(['setup']);
    await installing();
    const second = await start(['setup']).ended;
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toContain(`process ${first.pid} is setting up this environment already`);
    await writeFile(join(root, 'go'), '');
    expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
    expect((await start(['setup']).ended).stdout).toContain('was complete already');
  });

  test('[I2.10] a reader that goes away changes nothing', async () => {
    const setup = start(['setup', '--json']);
    await installing();
    setup.child.stdout?.destroy();
    setup.child.stderr?.destroy();
    await writeFile(join(root, 'go'), '');
    expect((await setup.ended).code).toBe(0);
    const cfg = await readFile(join(root, '.snakepit/venv/snakepit-complete.json'), 'utf8');
    expect(cfg).toContain('requirements');
  });
});
