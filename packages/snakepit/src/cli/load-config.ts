import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Names under which a configuration is looked for in the directory of a project, in this order. */
export const configNames = ['js', 'mjs', 'cjs', 'json'].map(
  (ending) => `snakepit.config.${ending}`,
);

/** What a file holds as configuration. */
export type LoadedConfig =
  | {
      /** There is a configuration. */
      readonly kind: 'loaded';
      /** Absolute path of the file. */
      readonly file: string;
      /** What it exports; nobody has looked at it yet. */
      readonly config: unknown;
    }
  | {
      /** The file is there and holds none. */
      readonly kind: 'broken';
      /** Absolute path of the file. */
      readonly file: string;
      /** Why not. */
      readonly problem: string;
    }
  | {
      /** There is no such file, or none of the usual names. */
      readonly kind: 'missing';
    };

/**
 * Loads the configuration of a project: of a module its `default` export, else the one called `config`; of a JSON file all.
 *
 * @param file - The file that was named; undefined to look for {@link configNames}.
 * @param cwd - Directory of the project.
 */
export async function loadConfig(file: string | undefined, cwd: string): Promise<LoadedConfig> {
  const choices = file === undefined ? configNames : [file];
  for (const choice of choices) {
    const path = resolve(cwd, choice);
    if (await isFile(path)) return load(path);
  }
  return { kind: 'missing' };
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}

async function load(file: string): Promise<LoadedConfig> {
  try {
    const config: unknown =
      extname(file) === '.json'
        ? JSON.parse(await readFile(file, 'utf8'))
        : exported((await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>);
    if (config !== undefined) return { kind: 'loaded', file, config };
    const problem = 'it exports nothing as `default` or `config`';
    return { kind: 'broken', file, problem };
  } catch (error) {
    // What a module of the user throws may be anything.
    return { kind: 'broken', file, problem: String(error) };
  }
}

function exported(module: Readonly<Record<string, unknown>>): unknown {
  return module['default'] ?? module['config'];
}
