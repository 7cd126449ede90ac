import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addChart } from './chart.ts';
import { addDoctor } from './doctor.ts';
import { addGen } from './gen.ts';
import { addObserve } from './observe.ts';
import { addSetup } from './setup.ts';
import { addStatus } from './status.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * Runs one command of the `snakepit` command line.
 *
 * @param args - What the user typed after `snakepit`.
 * @param surroundings - What the command may see and touch.
 * @returns 0 fine, 1 a problem was found, 2 wrong use. Throws only for defects.
 */
export async function runCli(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  let code: ExitCode = exitCodes.fine;
  const done = (result: ExitCode): void => {
    code = result;
  };
  const program = new Command('snakepit')
    .description('Supervised Python workers for Node.js.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .showHelpAfterError('`snakepit --help` lists what there is.');
  addSetup(program, surroundings, done);
  addDoctor(program, surroundings, done);
  addGen(program, surroundings, done);
  addStatus(program, surroundings, done);
  addChart(program, surroundings, done);
  addObserve(program, surroundings, done);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Asking for help or the version is fine; typing nothing at all gets the help too, and is not.
    return error.exitCode === 0 ? exitCodes.fine : exitCodes.wrongUse;
  }
  return code;
}

function ownVersion(): string {
  // Two folders up, from `src` and from `dist`.
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version);
  }
  throw new TypeError('package.json has no version');
}
