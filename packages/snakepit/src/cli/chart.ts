import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option, type Command } from 'commander';
import type * as ObserverPackage from '@snakepit/observer';
import { nearestNames } from './nearest-names.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

type Observer = typeof ObserverPackage;
/** A machine of XState, of whichever copy. */
type Machine = Parameters<Observer['exportMachine']>[0];

interface ChartFlags {
  readonly format: ObserverPackage.MachineFormat;
  readonly module?: string;
  readonly output?: string;
  readonly list?: true;
}

/** The user has to say it in another way. */
class WrongUse extends Error {}

/** Adds `snakepit chart`. */
export function addChart(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  program
    .command('chart')
    .summary('write a statechart as a picture, or for another tool')
    .description(
      'Writes a statechart of Snakepit, or one of yours, as text of another tool or as a picture:\n' +
        'mermaid for Markdown, svg and dot for pictures, json for XState and its tools, scxml for everybody else.',
    )
    .argument('[name]', 'id of a machine; see --list')
    .addOption(
      new Option('--format <format>', 'as what')
        .choices(['mermaid', 'scxml', 'json', 'svg', 'dot'])
        .default('mermaid'),
    )
    .option('--module <file>', 'a machine of yours: a module, or `./my.machine.js#nameOfItsExport`')
    .option('-o, --output <file>', 'write it here (default: to the terminal)')
    .option('--list', 'print the ids of the machines there are')
    .action(async (name: string | undefined, flags: ChartFlags) => {
      done(await chart(name, flags, surroundings));
    });
}

async function chart(
  name: string | undefined,
  flags: ChartFlags,
  { stdout, stderr, cwd }: Surroundings,
): Promise<ExitCode> {
  const observer = await import('@snakepit/observer');
  try {
    const machines = await machinesFor(flags, cwd, observer);
    if (flags.list === true) {
      stdout.write(machines.map(({ id }) => `${id}\n`).join(''));
      return exitCodes.fine;
    }
    const text = await observer.exportMachine(chosen(machines, name), flags.format);
    if (flags.output === undefined) stdout.write(text);
    else await write(resolve(cwd, flags.output), text);
    return exitCodes.fine;
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error;
    stderr.write(`error: ${error.message}\n`);
    return exitCodes.wrongUse;
  }
}

async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw new WrongUse(`${path} cannot be written: ${messageOf(error)}`);
  }
}

async function machinesFor(
  { module }: ChartFlags,
  cwd: string,
  observer: Observer,
): Promise<readonly Machine[]> {
  if (module !== undefined) return machinesOf(module, cwd, observer);
  const packages = [
    await import('@snakepit/supervisor'),
    await import('@snakepit/python-bridge'),
    observer,
  ];
  const found = packages.flatMap((one) => Object.values<unknown>(one));
  return [...new Set(found.filter(observer.isStateMachine))].sort((a, b) => compare(a.id, b.id));
}

/** The machines that a module of the user exports; or the one export that is named. */
async function machinesOf(
  module: string,
  cwd: string,
  { isStateMachine }: Observer,
): Promise<readonly Machine[]> {
  const [, file = module, name] = /^(.*?)(?:#([^#]*))?$/s.exec(module) ?? [];
  const exported = await load(resolve(cwd, file));
  const all = Object.entries(exported).filter(([, one]) => isStateMachine(one));
  const wanted = all.filter(([key]) => name === undefined || key === name);
  const found = wanted.map(([, one]) => one).filter(isStateMachine);
  if (found.length > 0) return found;
  if (name === undefined || all.length === 0) {
    throw new WrongUse(`${file} exports no state machine`);
  }
  const names = all.map(([key]) => key);
  throw new WrongUse(`${file} exports no state machine ${name}: ${names.join(', ')}`);
}

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const isTypeScript = /\.[cm]?ts$/.test(path) && codeOf(error) === 'ERR_UNKNOWN_FILE_EXTENSION';
    const advice = isTypeScript
      ? '; this Node reads JavaScript only: name what it is built to'
      : '';
    throw new WrongUse(`${path} cannot be loaded: ${messageOf(error)}${advice}`);
  }
}

function chosen(machines: readonly Machine[], name: string | undefined): Machine {
  const [first, ...others] = machines;
  if (name === undefined) {
    if (first !== undefined && others.length === 0) return first;
    throw new WrongUse(`which one? ${machines.map(({ id }) => id).join(', ')}`);
  }
  const found = machines.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const near = nearestNames(
    name,
    machines.map(({ id }) => id),
  );
  throw new WrongUse(
    `there is no machine ${name}; did you mean ${near.join(', ')}? \`snakepit chart --list\` prints all`,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

/** What a module of the user throws may be anything. */
function messageOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
