import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import { parseObject } from '../bridge/codec.ts';
import { bridgeError } from '../errors.ts';
import { checkPython, oldestPython } from './check-python.ts';
import {
  completeMarker,
  findOnPath,
  findPython,
  interpreterOf,
  ownEnvironmentDir,
} from './find-python.ts';
import type { PythonSearch } from './find-python.ts';
import { runCommand } from './run-command.ts';
import type { CommandOptions } from './run-command.ts';
import { holdSetupLock } from './setup-lock.ts';

/** What `snakepit setup` is told. */
export interface SetupOptions extends Pick<PythonSearch, 'python' | 'env'> {
  /** Directory of the user's project. Default: the working directory. */
  readonly projectDir?: string;
  /** Exact versions to install. Default: those of this package. */
  readonly requirements?: string;
  /** Hears what is being done, a line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Gives up; what was made is removed. */
  readonly signal?: AbortSignal;
}

/** What `snakepit setup` did. */
export interface SetupResult {
  /** The environment, absolute. */
  readonly environmentDir: string;
  /** Its interpreter, absolute. */
  readonly executable: string;
  /** Whether anything had to be done. */
  readonly changed: boolean;
}

/**
 * Makes the Python environment of a project, `.snakepit/venv`, with exactly what a worker imports.
 *
 * Does nothing when it is there and complete. An environment that was not finished is never used and made anew.
 * With uv on PATH it is made by uv, else by the modules venv and pip of the interpreter that is found.
 *
 * @throws SnakepitError ENVIRONMENT, when there is no suitable Python or the installation fails.
 */
export async function setupEnvironment(options: SetupOptions = {}): Promise<SetupResult> {
  const projectDir = options.projectDir ?? process.cwd();
  const environmentDir = join(projectDir, ownEnvironmentDir);
  const executable = interpreterOf(environmentDir);
  const requirements = options.requirements ?? findBridgeFiles().requirements;
  const wanted = await fingerprint(requirements);
  const done = { environmentDir, executable };
  if (await isComplete(done, wanted, options)) return { ...done, changed: false };

  await mkdir(join(projectDir, '.snakepit'), { recursive: true });
  // The directory is made by us and holds nothing to commit.
  await writeFile(join(projectDir, '.snakepit', '.gitignore'), '*\n');
  const release = await holdSetupLock(join(projectDir, '.snakepit', 'setup.lock'));
  try {
    // Somebody else may have finished while we waited for nothing but the lock.
    if (await isComplete(done, wanted, options)) return { ...done, changed: false };
    await rm(environmentDir, { recursive: true, force: true });
    await build(done, requirements, options, projectDir);
    await writeFile(join(environmentDir, completeMarker), JSON.stringify({ requirements: wanted }));
    return { ...done, changed: true };
  } catch (error) {
    await rm(environmentDir, { recursive: true, force: true });
    throw error;
  } finally {
    await release();
  }
}

interface Environment {
  readonly environmentDir: string;
  readonly executable: string;
}

async function fingerprint(requirements: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
}

async function isComplete(
  { environmentDir, executable }: Environment,
  wanted: string,
  { env }: SetupOptions,
): Promise<boolean> {
  const marker = await readFile(join(environmentDir, completeMarker), 'utf8').catch(() => '');
  if (parseObject(marker)?.['requirements'] !== wanted) return false;
  // The interpreter it was made from may have been removed or replaced since.
  const check = await checkPython(executable, env === undefined ? {} : { env });
  return check.kind === 'runs' && check.packages.every(({ fault }) => fault === undefined);
}

async function build(
  { environmentDir, executable }: Environment,
  requirements: string,
  options: SetupOptions,
  projectDir: string,
): Promise<void> {
  const { python, env, onProgress } = options;
  const base = findPython({ python, env, projectDir, ownEnvironment: false });
  const check = await checkPython(base.executable, env === undefined ? {} : { env });
  if (check.kind === 'broken') {
    throw failed(`${base.executable} (${base.source}) does not run: ${check.detail}`, otherPython);
  }
  if (!check.recentEnough) {
    const problem = `${base.executable} (${base.source}) is Python ${check.version}; ${oldestPython} or newer is needed.`;
    throw failed(problem, otherPython);
  }
  onProgress?.(`Python ${check.version}: ${base.executable} (${base.source})`);
  const uv = findOnPath('uv', env);
  const steps =
    uv === undefined
      ? [
          [base.executable, '-m', 'venv', environmentDir],
          [
            executable,
            '-m',
            'pip',
            'install',
            '--disable-pip-version-check',
            '--no-input',
            '-r',
            requirements,
          ],
        ]
      : [
          [uv, 'venv', '--python', base.executable, environmentDir],
          [uv, 'pip', 'install', '--python', executable, '-r', requirements],
        ];
  for (const step of steps) await runStep(step, options);
}

async function runStep(step: readonly string[], options: SetupOptions): Promise<void> {
  const { env, signal, onProgress } = options;
  const [program = '', ...args] = step;
  onProgress?.(`$ ${step.join(' ')}`);
  const commandOptions: CommandOptions = { env, signal, onLine: onProgress };
  const result = await runCommand(program, args, commandOptions);
  signal?.throwIfAborted();
  if (result.code === 0) return;
  const output = result.tail.join('\n');
  const end = result.failure ?? `exit code ${String(result.code)}`;
  const advice = /ensurepip|No module named '?venv/.test(output)
    ? 'the module venv of Python is missing (Debian: apt install python3-venv), or install uv.'
    : 'read its output above; the network, a proxy (HTTPS_PROXY) or an index (PIP_INDEX_URL, UV_INDEX_URL) may be the reason. Then run `npx snakepit setup` again.';
  throw failed(`\`${step.join(' ')}\` failed (${end}):\n${output}`, advice);
}

const otherPython = `install Python ${oldestPython} or newer, or name one with SNAKEPIT_PYTHON.`;

function failed(problem: string, advice: string): Error {
  return bridgeError('ENVIRONMENT', { problem, advice });
}
