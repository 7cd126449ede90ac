import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  choosePython,
  probePython,
  pythonCandidates,
} from '../../scripts/bootstrap/find-python.mjs';
import { takeLock } from '../../scripts/bootstrap/lock.mjs';
import { nodeProblem } from '../../scripts/bootstrap/node-version.mjs';

const REPOSITORY = join(import.meta.dirname, '../..');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'boot-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, content: string): void => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
};

/** A bare clone of a small repository: one package, a compiler that copies, nothing from any registry. */
function makeBareClone(): void {
  for (const path of ['bootstrap', 'bootstrap.mjs', 'copy-priv.mjs', 'prune-dist.mjs']) {
    cpSync(join(REPOSITORY, 'scripts', path), join(root, 'scripts', path), { recursive: true });
  }
  const typescript = { version: '6.0.0', name: 'typescript' };
  const linked = { typescript: 'file:compiler' };
  write('package.json', JSON.stringify({ name: 'bare', devDependencies: linked }));
  write(
    'package-lock.json',
    JSON.stringify({
      name: 'bare',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': { name: 'bare', devDependencies: linked },
        compiler: typescript,
        'node_modules/typescript': { resolved: 'compiler', link: true },
      },
    }),
  );
  write('compiler/package.json', JSON.stringify(typescript));
  write(
    'compiler/bin/tsc',
    `const { cpSync } = require('node:fs');
     for (const one of process.argv.slice(3)) cpSync(one + '/src/index.ts', one + '/dist/index.js');`,
  );
  write('packages/one/tsconfig.json', '{}');
  write('packages/one/src/index.ts', 'export {};');
  write('proto/snakepit_bridge.proto', 'syntax = "proto3";');
  write('priv/python/snakepit_bridge/__init__.py', '');
  write('priv/python/requirements.lock', '# nothing\n');
}

function bootstrap(env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [join(root, 'scripts/bootstrap.mjs')], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true', ...env },
  });
}

/** A command of this name in a folder of its own, in front of which nothing else is on PATH. */
function fakeCommand(name: string, script: string): string {
  write(`bin/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, 'bin', name), 0o755);
  return join(root, 'bin');
}

const filesAndTimes = (): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).map(
    (path) => `${path} ${statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? ''}`,
  );

describe('nodeProblem', () => {
  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('[I2.2] Node %s will do', (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  test.each(['20.18.3', '18.20.8', '8.0.0'])('[I2.2] Node %s is too old', (version) => {
    const message = nodeProblem(version);
    expect(message).toContain(`Node.js 20.19 or newer is needed; this is ${version}`);
    expect(message).toContain('Remedy: install');
  });
});

describe('choosePython', () => {
  const answer = {
    candidate: 'python3',
    state: 'answered',
    executable: '/usr/bin/python3',
  } as const;
  const wanted = { needsVenv: true };

  test('[I2.2] takes the first that is new enough and can make environments', () => {
    const old = { ...answer, version: [3, 8, 20], venv: true };
    const bare = { ...answer, version: [3, 12, 1], venv: false };
    const good = { ...answer, executable: '/opt/python', version: [3, 9, 0], venv: true };
    expect(choosePython([old, bare, good], wanted)).toBe('/opt/python');
    expect(choosePython([old, bare, good], { needsVenv: false })).toBe('/usr/bin/python3');
  });

  test('[I2.2] says of each candidate why it will not do', () => {
    const probes = [
      { ...answer, version: [3, 8, 20], venv: true },
      { candidate: 'python', state: 'absent' } as const,
      { candidate: 'py', state: 'broken', detail: 'Open the store' } as const,
    ];
    expect(() => choosePython(probes, wanted)).toThrow(
      /3\.9 or newer is needed[^]*python3: Python 3\.8\.20 \(\/usr\/bin\/python3\)[^]*python: not found on PATH[^]*py: does not answer as Python does \(Open the store\)[^]*Remedy: install Python/,
    );
  });

  test('[I2.2] asks only the interpreter that the user named', () => {
    expect(pythonCandidates({ SNAKEPIT_PYTHON: '/opt/py' })).toEqual(['/opt/py']);
    expect(pythonCandidates({})).toEqual(['python3', 'python', 'py']);
  });

  test('[I2.2] a command that is not Python is told apart from one that is not there', () => {
    const PATH = fakeCommand('python3', 'echo "not a snake"; exit 9');
    expect(probePython('python3', { PATH })).toMatchObject({
      state: 'broken',
      detail: 'not a snake',
    });
    expect(probePython('python', { PATH })).toMatchObject({ state: 'absent' });
  });
});

describe('bootstrap', () => {
  beforeEach(makeBareClone);

  test('[I2.2] makes everything on a bare clone, and then nothing, silently', () => {
    const first = bootstrap();
    expect(first.stderr.trim().split('\n')).toEqual([
      'set-up: installing npm packages (npm ci)',
      'set-up: making the Python environment (.venv)',
      'set-up: compiling',
    ]);
    expect(first.status).toBe(0);
    expect(existsSync(join(root, 'packages/one/dist/index.js'))).toBe(true);
    const before = filesAndTimes();

    const second = bootstrap();
    expect([second.status, second.stdout, second.stderr]).toEqual([0, '', '']);
    expect(filesAndTimes()).toEqual(before);

    write('packages/one/src/index.ts', 'export const changed = 1;');
    write('packages/one/dist/removed.d.ts', 'left by a source that is gone');
    expect(bootstrap().stderr).toBe('set-up: compiling\n');
    expect(readdirSync(join(root, 'packages/one/dist'))).toEqual(['index.js']);

    rmSync(join(root, '.venv/bin/python'));
    symlinkSync(join(root, 'gone'), join(root, '.venv/bin/python'));
    expect(bootstrap().stderr).toBe('set-up: making the Python environment (.venv)\n');
  }, 120_000);

  test('[I2.2] an old Node gets one message, and nothing is made', () => {
    const pretend =
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.8" } })';
    const before = filesAndTimes();
    const { status, stderr } = bootstrap({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretend)}`,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('Node.js 20.19 or newer is needed; this is 18.20.8');
    expect(filesAndTimes()).toEqual(before);
  });

  test('[I2.2] without Python there is one message, and nothing is made', () => {
    mkdirSync(join(root, 'bin'));
    const before = filesAndTimes();
    const { status, stderr } = bootstrap({ PATH: join(root, 'bin'), SNAKEPIT_PYTHON: '' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Python 3\.9 or newer is needed, and none was found\.\n/);
    expect(stderr).toContain('python3: not found on PATH');
    expect(stderr).toContain('Remedy: install Python');
    expect(stderr).not.toContain('    at ');
    expect(filesAndTimes()).toEqual(before);
  });

  test('[I2.2] a Python without venv gets one message, and nothing is made', () => {
    const answer = { executable: '/usr/bin/python3', version: [3, 11, 2], venv: false };
    const PATH = fakeCommand('python3', `echo '${JSON.stringify(answer)}'`);
    const before = filesAndTimes();
    const { status, stderr } = bootstrap({ PATH, SNAKEPIT_PYTHON: '' });
    expect(status).toBe(1);
    expect(stderr).toContain('python3: Python 3.11.2 (/usr/bin/python3) cannot make virtual');
    expect(stderr).toContain('sudo apt install python3-venv');
    expect(filesAndTimes()).toEqual(before);
  });

  test('[I2.2] an environment that cannot be completed does not stay', () => {
    write('priv/python/requirements.lock', '--no-index\nno-such-package==1.0\n');
    const { status, stderr } = bootstrap();
    expect(status).toBe(1);
    expect(stderr).toContain('no-such-package==1.0');
    expect(stderr).toMatch(/Failed \(exit code \d+\): .*(pip|uv).* install/);
    expect(existsSync(join(root, '.venv'))).toBe(false);
    expect(readdirSync(join(root, '.bootstrap'))).toEqual([]);
  }, 120_000);
});

describe('takeLock', () => {
  const never = (pid: number): never => {
    throw new Error(`waited for ${pid}`);
  };

  test('[I2.2] lets one in at a time', async () => {
    const path = join(root, 'lock');
    const waitedFor: number[] = [];
    const release = await takeLock(path, { onWait: never });
    const second = takeLock(path, {
      onWait(pid) {
        waitedFor.push(pid);
        release();
      },
    });
    (await second)();
    expect(waitedFor).toEqual([process.pid]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('[I2.2] takes over from a process that is dead', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    write('lock/owner', `${pid} 0`);
    (await takeLock(join(root, 'lock'), { onWait: never }))();
    expect(readdirSync(root)).toEqual([]);
  });

  test('[I2.2] gives up with a remedy when the holder never ends', async () => {
    const path = join(root, 'lock');
    const release = await takeLock(path, { onWait: never });
    await expect(takeLock(path, { onWait: () => undefined, patienceMs: 0 })).rejects.toThrow(
      /has held .*lock for too long\.\nRemedy: end that process/,
    );
    release();
  });
});
