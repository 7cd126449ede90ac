import { Option } from 'commander';
import type { Command } from 'commander';
import { tellFailure } from './failure.ts';
import { painterFor } from './paint.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

interface SetupFlags {
  readonly python?: string;
  readonly json?: true;
}

/** Adds `snakepit setup`. */
export function addSetup(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  program
    .command('setup')
    .summary('make the Python environment of this project, .snakepit/venv')
    .description(
      'Makes the Python environment of this project, .snakepit/venv, with exactly what a worker imports.\n' +
        'With uv on PATH it is made by uv, else by the modules venv and pip of Python. Does nothing when it is complete.',
    )
    .addOption(pythonOption('make it from this interpreter (a path, or a name on PATH)'))
    .option('--json', 'print the result as one JSON object')
    .action(async (flags: SetupFlags) => {
      done(await setup(flags, surroundings));
    });
}

/** The option that names an interpreter. */
export function pythonOption(description: string): Option {
  const shownDefault = 'SNAKEPIT_PYTHON, a virtual environment, python3';
  return new Option('--python <path>', `${description} (default: ${shownDefault})`);
}

async function setup(flags: SetupFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, env, cwd } = surroundings;
  const json = flags.json === true;
  // Loaded here: the bridge brings gRPC with it, for which nobody who asks for help wants to wait.
  const { setupEnvironment } = await import('@snakepit/python-bridge');
  const paint = painterFor(stderr);
  const signal = surroundings.takeInterrupts();
  try {
    const result = await setupEnvironment({
      projectDir: cwd,
      env,
      signal,
      ...(flags.python === undefined ? {} : { python: { path: flags.python, source: '--python' } }),
      ...(stderr.isTTY === true
        ? { onProgress: (line: string) => stderr.write(`${paint('dim', line)}\n`) }
        : {}),
    });
    if (json) {
      stdout.write(`${JSON.stringify({ ok: true, ...result })}\n`);
      return exitCodes.fine;
    }
    const what = result.changed ? 'is ready' : 'was complete already, nothing to do';
    stdout.write(`The Python environment ${result.environmentDir} ${what}.\n`);
    const variable = env['SNAKEPIT_PYTHON']?.trim() ?? '';
    if (variable !== '') {
      stderr.write(
        `Note: SNAKEPIT_PYTHON is set to ${variable} and wins over this environment; unset it to use this one.\n`,
      );
    }
    return exitCodes.fine;
  } catch (error) {
    // The exit code is then that of the signal, whatever is said here.
    if (signal.aborted) {
      stderr.write('Interrupted: no environment was made.\n');
      return exitCodes.problem;
    }
    return tellFailure(error, surroundings, json);
  }
}
