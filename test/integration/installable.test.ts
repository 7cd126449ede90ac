import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { carriers, createToken, endCarriers } from '../fixtures/processes/census.mjs';

const REPOSITORY = join(import.meta.dirname, '../..');
const PACKAGES = ['core', 'supervisor', 'python-bridge', 'observer', 'snakepit'];
const REPOSITORY_PYTHON = join(REPOSITORY, '.venv/bin/python');
const LIMIT_MS = 240_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Everything that these tests start carries it. */
const token = createToken();
let root: string;
/** The user's: outside the repository, with nothing in it but what `npm install` puts there. */
let project: string;
/** File names of the packed packages, and what is in each. */
let tarballs: readonly string[];
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  for (const name of PACKAGES) {
    const built = join(REPOSITORY, 'packages', name, 'dist/index.js');
    if (!existsSync(built)) throw new Error(`${built} is missing; run \`npm run build\` first`);
  }
  root = await mkdtemp(join(tmpdir(), 'installable-'));
  project = join(root, 'project');
  await mkdir(project);
  // A Python in which nothing is installed, whatever this machine's own has; and no uv, until a test asks for it.
  await run(REPOSITORY_PYTHON, ['-m', 'venv', '--without-pip', join(root, 'bare')]);
  env = environment([join(root, 'bare/bin'), ...pathWithout('uv')]);
  tarballs = await packAll();
  await write('package.json', JSON.stringify({ name: 'my-app', private: true, type: 'module' }));
  const nodeTypes = `@types/node@${await versionOf('@types/node')}`;
  await npm(['install', '--no-audit', '--no-fund', ...tarballs, nodeTypes]);
}, LIMIT_MS);

afterAll(async () => {
  await endCarriers(token);
  await rm(root, { recursive: true, force: true });
});

/** Variables of a user's shell: without npm's own and without any hint at another Python. */
function environment(path: readonly string[]): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|NODE_OPTIONS$|PYTHON|VIRTUAL_ENV$|SNAKEPIT_(?!TEST_))/i;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
    PATH: path.join(delimiter),
    XDG_STATE_HOME: join(root, 'state'),
    // A command that is not installed here must not be fetched from a registry.
    npm_config_yes: 'false',
    [token.name]: token.value,
  };
}

function pathWithout(program: string): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.filter((folder) => folder !== '' && !existsSync(join(folder, program)));
}

/** Runs a program to its end; an unexpected one is an error that shows all that was printed. */
function run(
  program: string,
  args: readonly string[],
  { cwd = root, code = 0, more = {} }: { cwd?: string; code?: number; more?: object } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...env, ...more }, timeout: 200_000, maxBuffer: 2 ** 26 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const ended = child.exitCode ?? child.signalCode ?? error?.code;
      const line = [program, ...args].join(' ');
      if (ended === code) resolve({ code, stdout, stderr });
      else reject(new Error(`${line}\nended with ${String(ended)}:\n${stdout}\n${stderr}`));
    });
  });
}

const npm = (args: readonly string[]): Promise<Ended> => run('npm', args, { cwd: project });
const npx = (args: readonly string[], code = 0): Promise<Ended> =>
  run('npx', args, { cwd: project, code });

async function write(path: string, content: string): Promise<void> {
  await mkdir(join(project, path, '..'), { recursive: true });
  await writeFile(join(project, path), content);
}

async function packAll(): Promise<readonly string[]> {
  const folders = PACKAGES.map((name) => join(REPOSITORY, 'packages', name));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', root, ...folders]);
  return (JSON.parse(stdout) as { filename: string }[]).map(({ filename }) => join(root, filename));
}

async function versionOf(name: string): Promise<string> {
  const path = join(REPOSITORY, 'node_modules', name, 'package.json');
  return String((JSON.parse(await readFile(path, 'utf8')) as { version: unknown }).version);
}

/** The first block of a language in the README of the package: what is run here is what a user reads. */
async function readmeBlock(language: string): Promise<string> {
  const readme = await readFile(join(project, 'node_modules/snakepit/README.md'), 'utf8');
  const block = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)?.[1];
  if (block === undefined) throw new Error(`the README has no ${language} block`);
  return block;
}

function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

const TYPESCRIPT_PROGRAM = `
import { Snakepit, isSnakepitError, type WorkerInfo } from 'snakepit';
import { createSystem, defineServer, noreply, ok, reply } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';

const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok({ n: start }),
  call: {
    get: (state) => reply(state.n, state),
    add: (state, by: number) => reply(state.n + by, { n: state.n + by }),
  },
  cast: { reset: (state) => noreply({ n: 0 * state.n }) },
});
const system = createSystem();
const ref = await system.start(counter, 1);
const three: number = await ref.call.add(2);
await Supervisor.start(system, {
  name: 'app',
  strategy: 'oneForOne',
  children: [{ id: 'counter', start: [counter, 1] }],
});
await system.stop();

// @ts-expect-error -- the types are there: a number is no configuration
const wrong = (): unknown => Snakepit.start(5);
void wrong;

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 1, adapter: 'my_app.adapter.MyAdapter' }],
});
const workers: readonly WorkerInfo[] = snakepit.workers();
const failure = await snakepit.execute('none', {}).catch((error: unknown) => error);
const code = isSnakepitError(failure) ? failure.code : 'no failure';
console.log(three, workers.length, code, await snakepit.execute('add', { a: 20, b: 22 }));
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    types: ['node'],
    outDir: 'out',
  },
  include: ['consumer.ts'],
};

describe('the packages', () => {
  test('[I2.10] hold their licence, README and Python side, and neither tests nor caches', async () => {
    const lists = await Promise.all(tarballs.map((file) => run('tar', ['-tzf', file])));
    const inside = lists.map(({ stdout }) => stdout.trimEnd().split('\n'));
    for (const files of inside) {
      const expected = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'];
      expect(files).toEqual(expect.arrayContaining(expected.map((name) => `package/${name}`)));
      const unwanted =
        /\.test\.|\.fixture\.|\/tests\/|__pycache__|_cache\/|\.pyc$|egg-info|tsbuildinfo/;
      expect(files.filter((name) => unwanted.test(name))).toEqual([]);
    }
    const priv = [
      'proto/snakepit_bridge.proto',
      'scripts/watchdog.bat',
      'scripts/watchdog.sh',
      'python/requirements-runtime.lock',
      'python/snakepit_bridge/__main__.py',
      'python/snakepit_bridge/gen/snakepit_bridge_pb2_grpc.py',
      'python/snakepit_bridge/py.typed',
    ];
    const bridge = inside[PACKAGES.indexOf('python-bridge')];
    expect(bridge).toEqual(expect.arrayContaining(priv.map((name) => `package/priv/${name}`)));
  });
});

describe('in an empty project', () => {
  test(
    '[I2.10] doctor, setup, doctor, and the program of the README runs and leaves no process',
    async () => {
      await write('my_app/adapter.py', await readmeBlock('python'));
      await write('program.mjs', await readmeBlock('js'));

      const before = await npx(['snakepit', 'doctor'], 1);
      expect(before.stdout).toMatch(/problem +grpcio cannot be imported: ModuleNotFoundError/);
      expect(before.stdout).toContain('-> run `npx snakepit setup`.');
      expect(before.stdout).toContain(join(root, 'bare/bin/python3'));

      const made = await npx(['snakepit', 'setup', '--json']);
      const environmentDir = join(project, '.snakepit/venv');
      expect(JSON.parse(made.stdout)).toEqual({
        ok: true,
        environmentDir,
        executable: join(environmentDir, 'bin/python'),
        changed: true,
      });
      const again = await npx(['snakepit', 'setup']);
      expect(again.stdout).toContain('was complete already');

      const adapter = ['--adapter', 'my_app.adapter.MyAdapter'];
      const after = await npx(['snakepit', 'doctor', '--json', ...adapter]);
      const { ok, findings } = JSON.parse(after.stdout) as { ok: boolean; findings: unknown[] };
      expect(ok).toBe(true);
      expect(findings).toContainEqual({
        id: 'adapter:my_app.adapter.MyAdapter',
        ok: true,
        detail: 'my_app.adapter.MyAdapter has 1 tools: add',
        remedy: '',
      });

      const program = await run(process.execPath, ['program.mjs'], { cwd: project });
      expect(program.stdout).toBe('5\n');
      expect(carriers(token)).toEqual([]);

      await write('consumer.ts', TYPESCRIPT_PROGRAM);
      await write('tsconfig.json', JSON.stringify(TSCONFIG));
      const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
      await run(process.execPath, [tsc], { cwd: project });
      const consumer = await run(process.execPath, ['out/consumer.js'], { cwd: project });
      expect(consumer.stdout).toBe('3 1 TOOL_NOT_FOUND 42\n');
      expect(carriers(token)).toEqual([]);
      expect(filesBelow(join(root, 'state'))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    '[I2.10] with uv on PATH, uv makes the environment',
    async () => {
      const tools = join(root, 'tools');
      await run(REPOSITORY_PYTHON, ['-m', 'venv', tools]);
      const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', 'uv'];
      await run(join(tools, 'bin/python'), pip);
      await mkdir(join(root, 'uv'));
      await symlink(join(tools, 'bin/uv'), join(root, 'uv/uv'));
      const other = join(root, 'other');
      await mkdir(other);
      const main = join(project, 'node_modules/snakepit/dist/cli/main.js');
      const more = { PATH: [join(root, 'uv'), env['PATH']].join(delimiter) };
      await run(process.execPath, [main, 'setup'], { cwd: other, more });
      expect(await readFile(join(other, '.snakepit/venv/pyvenv.cfg'), 'utf8')).toMatch(/^uv = /m);
      const doctor = await run(process.execPath, [main, 'doctor'], { cwd: other });
      expect(doctor.stdout).toContain('Nothing is missing.');
    },
    LIMIT_MS,
  );
});
