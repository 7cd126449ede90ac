import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCli } from './run-cli.ts';
import type { TextOutput } from './surroundings.ts';

let root: string;
let projectDir: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snakepit-cli-'));
  projectDir = join(root, 'project');
  await mkdir(projectDir);
  env = { PATH: join(root, 'bin'), HOME: root };
  await program('python3', fakePython());
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await writeFile(join(root, 'bin', name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(join(root, 'bin', name), 0o755);
}

const complete = ['grpcio', 'protobuf', 'snakepit_bridge'].map((name) => ({ name, version: '1' }));

// Behaves as Python does when asked what it has, to make an environment (a copy of itself), to install, to try an adapter.
function fakePython(packages: readonly object[] = complete): string {
  return `
case "$2" in
  -c) echo '${JSON.stringify({ version: '3.11.2', packages })}' ;;
  -m) echo '{"ok": true, "tools": ["add"]}' ;;
  venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  pip) echo 'Collecting grpcio'; test ! -e '${root}/offline' || { echo 'no route to host' >&2; exit 1; } ;;
esac`;
}

interface Typed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What somebody sees who types the arguments, on a terminal or not. */
async function type(args: string, terminal: Partial<TextOutput> = {}): Promise<Typed> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: keyof typeof texts): TextOutput => ({
    ...terminal,
    write: (text) => (texts[name] += text),
  });
  const code = await runCli(args.split(' ').filter(Boolean), {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env,
    cwd: projectDir,
    takeInterrupts: () => new AbortController().signal,
  });
  return { code, ...texts };
}

describe('snakepit', () => {
  test('[I2.10] --help lists the commands there are, --version says the version', async () => {
    const help = await type('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    expect(commands).toEqual(['setup', 'doctor', 'gen', 'status', 'chart', 'observe', 'help']);
    const manifest = await readFile(join(import.meta.dirname, '../../package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await type('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each(['setup', 'doctor'])('[I2.10] %s --help names its options', async (command) => {
    const { code, stdout } = await type(`${command} --help`);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: snakepit ${command} [options]`);
    for (const option of ['--python <path>', '--json', '--help']) expect(stdout).toContain(option);
    expect((await type(`help ${command}`)).stdout).toBe(stdout);
  });

  test.each([
    ['', 'Usage: snakepit'],
    ['setpu', "unknown command 'setpu'\n(Did you mean setup?)"],
    ['setup --jsn', "unknown option '--jsn'\n(Did you mean --json?)"],
    ['--verison', "unknown option '--verison'\n(Did you mean --version?)"],
    ['setup here', "too many arguments for 'setup'"],
    ['setup --python', "option '--python <path>' argument missing"],
    ['doctor --adapter Adapter', 'the dotted path of a Python class, such as my_app.adapter.My'],
  ])('[I2.10] wrong use is told with what is right, exit 2: "%s"', async (args, expected) => {
    const { code, stdout, stderr } = await type(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/snakepit --help|Usage/);
    expect(existsSync(join(projectDir, '.snakepit'))).toBe(false);
  });
});

describe('snakepit setup', () => {
  test('[I2.10] makes the environment, the second time it has nothing to do', async () => {
    const directory = join(projectDir, '.snakepit/venv');
    const first = await type('setup');
    const ready = `The Python environment ${directory} is ready.\n`;
    expect(first).toEqual({ code: 0, stdout: ready, stderr: '' });
    const { stdout } = await type('setup');
    expect(stdout).toBe(
      `The Python environment ${directory} was complete already, nothing to do.\n`,
    );
    const json = await type('setup --json');
    expect(JSON.parse(json.stdout)).toEqual({
      ok: true,
      environmentDir: directory,
      executable: join(directory, 'bin/python'),
      changed: false,
    });
  });

  test('[I2.10] on a terminal it shows what it does, in colours where there are any', async () => {
    const plain = await type('setup', { isTTY: true, hasColors: () => false });
    expect(plain.stderr).toMatch(
      /^Python 3\.11\.2: .*\n\$ .* -m venv .*\n\$ .*\nCollecting grpcio/,
    );
    await rm(join(projectDir, '.snakepit'), { recursive: true });
    const painted = await type('setup', { isTTY: true, hasColors: () => true });
    expect(painted.stderr).toContain('\u001B[2mCollecting grpcio\u001B[22m\n');
  });

  test('[I2.10] --python wins and is named when it does not exist', async () => {
    const { code, stderr } = await type('setup --python nowhere/python');
    expect(code).toBe(1);
    const path = join(projectDir, 'nowhere/python');
    expect(stderr).toContain(`--python names the Python interpreter "${path}"`);
    expect(stderr).toContain('Remedy: correct --python');
    await program('other', fakePython());
    expect((await type(`setup --python ${join(root, 'bin/other')}`)).code).toBe(0);
  });

  test('[I2.10] says that SNAKEPIT_PYTHON wins over what was made', async () => {
    env['SNAKEPIT_PYTHON'] = join(root, 'bin/python3');
    expect((await type('setup')).stderr).toContain('wins over this environment; unset it');
  });

  test('[I2.10] a failure says what was printed and what to do; with --json it is data', async () => {
    await writeFile(join(root, 'offline'), '');
    const { code, stdout, stderr } = await type('setup');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^\[ENVIRONMENT\] .*no route to host.*\nRemedy: .*/s);
    const json = await type('setup --json');
    expect(json).toMatchObject({ code: 1, stderr: '' });
    const { ok, error } = JSON.parse(json.stdout) as { ok: boolean; error: { code: string } };
    expect({ ok, code: error.code }).toEqual({ ok: false, code: 'ENVIRONMENT' });
  });

  test('[I2.2] what Debian says without python3-venv is told with the package to install', async () => {
    const debian = [
      'The virtual environment was not created successfully because ensurepip is not',
      'available.  On Debian/Ubuntu systems, you need to install the python3-venv',
      'package using the following command.',
      '',
      '    apt install python3.11-venv',
    ].join('\n');
    await program(
      'python3',
      `if [ "$2" = -c ]; then echo '{"version": "3.11.2", "packages": []}'; exit; fi
mkdir -p "$3/bin"
echo '${debian}'
exit 1`,
    );
    const { code, stderr } = await type('setup');
    expect(code).toBe(1);
    expect(stderr).toMatch(/Remedy: .*apt install python3-venv/);
    expect(existsSync(join(projectDir, '.snakepit/venv'))).toBe(false);
  });
});

describe('snakepit doctor', () => {
  test('[I2.10] nothing is missing: exit 0', async () => {
    const { code, stdout, stderr } = await type('doctor --adapter a.B --adapter c.d.E');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ok {7}Node /m);
    expect(stdout).toMatch(/^ok {7}a\.B has 1 tools: add$/m);
    expect(stdout).toMatch(/^ok {7}c\.d\.E has 1 tools: add$/m);
    expect(stdout).toMatch(/\n\nNothing is missing\.\n$/);
  });

  test('[I2.10] what is missing is told with what to type: exit 1', async () => {
    const fault = 'ImportError: wrong CPU';
    await program('python3', fakePython([{ name: 'grpcio', fault }, ...complete.slice(1)]));
    const { code, stdout } = await type('doctor');
    expect(code).toBe(1);
    const remedy = ' '.repeat(9) + '-> run `npx snakepit setup`.';
    expect(stdout).toContain(`problem  grpcio cannot be imported: ${fault}\n${remedy}\n`);
    expect(stdout).toMatch(/\n\n1 problem found\.\n$/);
    const json = await type('doctor --json');
    expect(json.code).toBe(1);
    const report = JSON.parse(json.stdout) as { ok: boolean; findings: { id: string }[] };
    expect(report.ok).toBe(false);
    expect(report.findings).toContainEqual({
      id: 'grpcio',
      ok: false,
      detail: `grpcio cannot be imported: ${fault}`,
      remedy: 'run `npx snakepit setup`.',
    });
  });

  test('[I2.7] an interpreter that does not exist is told by the option that names it', async () => {
    const { code, stdout } = await type('doctor --python /nowhere/python');
    expect(code).toBe(1);
    expect(stdout).toContain('problem  --python names the Python interpreter "/nowhere/python"');
    const found = await type(`doctor --python ${join(root, 'bin/python3')} --adapter a.B`);
    expect(found.stdout).toContain(`${join(root, 'bin/python3')} (--python)`);
  });

  test('[I2.10] colours only where the terminal shows them', async () => {
    const painted = await type('doctor', { isTTY: true, hasColors: () => true });
    expect(painted.stdout).toContain('\u001B[32mok     \u001B[39m  Node');
    const plain = await type('doctor', { isTTY: true, hasColors: () => false });
    expect(plain.stdout).toContain('ok       Node');
  });
});
