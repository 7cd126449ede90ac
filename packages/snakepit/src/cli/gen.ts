import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { isSnakepitError } from '@snakepit/core';
import { classNameFor, isPackageName, writeAdapter } from '../gen/adapter-source.ts';
import { writeClient, type ClientSource } from '../gen/client-source.ts';
import { tellFailure } from './failure.ts';
import { pythonOption } from './setup.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

interface TypesFlags {
  readonly adapter: string;
  readonly out?: string;
  readonly python?: string;
  readonly json?: true;
}

interface AdapterFlags {
  readonly json?: true;
}

/** Adds `snakepit gen adapter` and `snakepit gen types`. */
export function addGen(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  const gen = program
    .command('gen')
    .summary('write an adapter to begin with, or the types of one')
    .description('Writes code: an adapter to begin with, or a typed client for one.');
  gen
    .command('adapter')
    .summary('a Python adapter that runs, and a test of it')
    .description(
      'Writes a Python package with an adapter that runs, NAME/adapter.py, and a test of it, NAME/adapter.test.mjs.\n' +
        'Nothing that is there is overwritten.',
    )
    .argument('<name>', 'name of the package: small letters, digits and _', checkPackage)
    .option('--json', 'print the result as one JSON object')
    .action(async (name: string, flags: AdapterFlags) => {
      done(await genAdapter(name, flags, surroundings));
    });
  gen
    .command('types')
    .summary('a typed client for the tools of an adapter')
    .description(
      'Writes a client whose methods are the tools of an adapter, typed by their hints and explained by their docstrings.\n' +
        'The adapter is imported for that. FILE.ts is one file; FILE.js, FILE.mjs have their types beside them.',
    )
    .requiredOption('--adapter <pkg.mod.Class>', 'the adapter', checkAdapter)
    .option('--out <file>', 'where to write it (default: the name of the class, .ts)', checkOut)
    .addOption(pythonOption('import the adapter with this interpreter'))
    .option('--json', 'print the result as one JSON object')
    .action(async (flags: TypesFlags) => {
      done(await genTypes(flags, surroundings));
    });
}

function checkPackage(value: string): string {
  if (isPackageName(value)) return value;
  throw new InvalidArgumentError(
    'It must be a name for a Python package: small letters, digits and _, such as my_app.',
  );
}

function checkAdapter(value: string): string {
  // The pattern of the configuration key `adapter`.
  if (/^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)+$/u.test(value)) return value;
  throw new InvalidArgumentError(
    'It must be the dotted path of a Python class, such as my_app.adapter.MyAdapter.',
  );
}

function checkOut(value: string): string {
  if (['.ts', '.mts', '.js', '.mjs'].includes(extname(value)) && !value.endsWith('.d.ts')) {
    return value;
  }
  throw new InvalidArgumentError('It must end in .ts, .mts, .js or .mjs.');
}

async function genAdapter(
  name: string,
  flags: AdapterFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { cwd, stdout, stderr } = surroundings;
  const json = flags.json === true;
  const files = writeAdapter(name);
  const existing: string[] = [];
  for (const path of Object.keys(files)) if (await exists(resolve(cwd, path))) existing.push(path);
  const adapter = `${name}.adapter.${classNameFor(name)}`;
  if (existing.length > 0) {
    const message = `${existing.join(', ')} is there already; nothing was written. Take another name.`;
    if (json) stdout.write(`${JSON.stringify({ ok: false, error: { message } })}\n`);
    else stderr.write(`${message}\n`);
    return exitCodes.problem;
  }
  try {
    for (const [path, text] of Object.entries(files)) await write(resolve(cwd, path), text, 'wx');
  } catch (error) {
    return tellUnwritable(error, surroundings, json);
  }
  const written = Object.keys(files);
  if (json) stdout.write(`${JSON.stringify({ ok: true, adapter, files: written })}\n`);
  else {
    stdout.write(
      `Wrote ${written.join(', ')}.\nTry it: npx snakepit doctor --adapter ${adapter} && node --test ${name}/\n`,
    );
  }
  return exitCodes.fine;
}

async function genTypes(flags: TypesFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { cwd, env, stdout } = surroundings;
  const { adapter, python } = flags;
  const json = flags.json === true;
  const { describeAdapter, signatureOf } = await import('@snakepit/python-bridge');
  const signal = surroundings.takeInterrupts();
  try {
    const tools = await describeAdapter({
      adapter,
      projectDir: cwd,
      env,
      signal,
      python: python === undefined ? undefined : { path: python, source: '--python' },
    });
    const out = flags.out ?? `${fileNameFor(adapter)}.ts`;
    const command = `npx snakepit gen types --adapter ${adapter} --out ${quote(out)}`;
    const files = filesOf(out, writeClient({ adapter, command, tools, signatureOf }));
    for (const [path, text] of Object.entries(files)) await write(resolve(cwd, path), text, 'w');
    const written = Object.keys(files);
    stdout.write(
      json
        ? `${JSON.stringify({ ok: true, adapter, tools: tools.length, files: written })}\n`
        : `Wrote ${written.join(' and ')}: ${tools.length} tools of ${adapter}.\n`,
    );
    return exitCodes.fine;
  } catch (error) {
    if (isSnakepitError(error)) return tellFailure(error, surroundings, json);
    return tellUnwritable(error, surroundings, json);
  }
}

/** Tells the user that a file could not be written. Anything else is a defect, and thrown on. */
function tellUnwritable(error: unknown, { stdout, stderr }: Surroundings, json: boolean): ExitCode {
  if (!isSystemError(error)) throw error;
  const message = `The files cannot be written: ${error.message}.`;
  if (json) stdout.write(`${JSON.stringify({ ok: false, error: { message } })}\n`);
  else stderr.write(`${message}\n`);
  return exitCodes.problem;
}

function isSystemError(error: unknown): error is { readonly message: string } {
  // Not `instanceof`: it may be of another realm.
  return typeof error === 'object' && error !== null && 'syscall' in error && 'message' in error;
}

/** As a shell reads it. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** `my_app.adapter.MyAdapter` is written to `my-adapter`. */
function fileNameFor(adapter: string): string {
  const name = adapter.slice(adapter.lastIndexOf('.') + 1);
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<!^)_+/g, '-').toLowerCase();
}

function filesOf(out: string, source: ClientSource): Readonly<Record<string, string>> {
  const ending = extname(out);
  if (ending === '.ts' || ending === '.mts') return { [out]: source.typescript };
  const types = `${out.slice(0, -ending.length)}${ending === '.js' ? '.d.ts' : '.d.mts'}`;
  return { [out]: source.javascript, [types]: source.declarations };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function write(path: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { flag });
}
