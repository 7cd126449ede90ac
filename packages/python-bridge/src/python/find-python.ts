import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { ConfiguredPython } from '../config/config.ts';
import { bridgeError } from '../errors.ts';
import { currentPlatform } from '../os/platform/current.ts';

/** Where a Python interpreter is looked for. */
export interface PythonSearch {
  /** What the configuration names; `SNAKEPIT_PYTHON` counts when it names nothing. */
  readonly python?: ConfiguredPython | undefined;
  /** Directory of the user's project. Default: the working directory. */
  readonly projectDir?: string | undefined;
  /** Environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Whether the environment that `snakepit setup` makes counts. Default true. */
  readonly ownEnvironment?: boolean | undefined;
}

/** An interpreter that exists. */
export interface FoundPython {
  /** Absolute path; not resolved further, because in a virtual environment the link itself is what counts. */
  readonly executable: string;
  /** Why this one: an option, a variable, a directory. */
  readonly source: string;
  /** Whether somebody named it, so that no environment that is made later will be taken instead. */
  readonly isNamed: boolean;
}

/** Name of the directory of the environment that `snakepit setup` makes, below the project. */
export const ownEnvironmentDir = join('.snakepit', 'venv');

/** Name of the file that is written into that environment last, when it is complete. */
export const completeMarker = 'snakepit-complete.json';

/**
 * Finds the Python interpreter.
 *
 * What somebody named wins and must exist: the configuration, then `$SNAKEPIT_PYTHON`. Otherwise the first that exists of
 * the environment of `snakepit setup`, `.venv`, `../.venv`, `$VIRTUAL_ENV`, then `python3` and `python` on PATH.
 *
 * @throws SnakepitError ENVIRONMENT, when the one that was named, or any at all, does not exist.
 */
export function findPython(search: PythonSearch = {}): FoundPython {
  const env = search.env ?? process.env;
  const projectDir = search.projectDir ?? process.cwd();
  const variable = env['SNAKEPIT_PYTHON']?.trim();
  const named =
    search.python ??
    (variable === undefined || variable === ''
      ? undefined
      : { path: variable, source: 'SNAKEPIT_PYTHON' });
  if (named !== undefined) return findNamed(named, projectDir, env);
  for (const { directory, source } of environments(search, projectDir, env)) {
    const executable = interpreterOf(directory);
    if (isExecutable(executable)) return { executable, source, isNamed: false };
  }
  for (const name of ['python3', 'python']) {
    const executable = findOnPath(name, env);
    if (executable !== undefined) {
      return { executable, source: `${name} on PATH`, isNamed: false };
    }
  }
  throw bridgeError('ENVIRONMENT', {
    problem:
      'there is no Python: neither a virtual environment in the project nor python3 on PATH.',
    advice:
      'install Python 3.9 or newer (Debian: apt install python3 python3-venv), or name one with pools[].python or SNAKEPIT_PYTHON.',
  });
}

/** The interpreter of a virtual environment. */
export function interpreterOf(environmentDir: string): string {
  return join(environmentDir, ...currentPlatform.interpreterPath);
}

/**
 * Finds a program on PATH.
 *
 * @returns Its absolute path, or undefined.
 */
export function findOnPath(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { executableSuffix } = currentPlatform;
  const file = name.endsWith(executableSuffix) ? name : `${name}${executableSuffix}`;
  for (const directory of (env['PATH'] ?? '').split(delimiter)) {
    // An empty entry means the working directory, from which nobody wants to run an interpreter by accident.
    if (directory === '') continue;
    const path = resolve(directory, file);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

function findNamed(
  { path, source }: ConfiguredPython,
  projectDir: string,
  env: Readonly<Record<string, string | undefined>>,
): FoundPython {
  const isPath = /[/\\]/.test(path);
  const executable = isPath ? resolve(projectDir, path) : findOnPath(path, env);
  if (executable !== undefined && isExecutable(executable)) {
    return { executable, source, isNamed: true };
  }
  const where = isPath ? `"${executable ?? path}"` : `"${path}" on PATH`;
  const why =
    executable !== undefined && existsSync(executable)
      ? 'which is not an executable file'
      : 'which does not exist';
  throw bridgeError('ENVIRONMENT', {
    problem: `${source} names the Python interpreter ${where}, ${why}.`,
    advice: `correct ${source}, or leave it out: then a virtual environment of the project or python3 is used.`,
    source,
  });
}

function environments(
  search: PythonSearch,
  projectDir: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly { readonly directory: string; readonly source: string }[] {
  const own = join(projectDir, ownEnvironmentDir);
  const active = env['VIRTUAL_ENV'];
  // Without its marker the environment is one that was never finished.
  const ownCounts = search.ownEnvironment !== false && existsSync(join(own, completeMarker));
  return [
    ...(ownCounts ? [{ directory: own, source: ownEnvironmentDir }] : []),
    { directory: join(projectDir, '.venv'), source: '.venv' },
    { directory: resolve(projectDir, '..', '.venv'), source: '../.venv' },
    ...(active === undefined || active === ''
      ? []
      : [{ directory: active, source: '$VIRTUAL_ENV' }]),
  ];
}

function isExecutable(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Missing, unreadable, a dangling link: all the same to somebody who wants to run it.
    return false;
  }
}
