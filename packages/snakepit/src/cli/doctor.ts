import type { DoctorPool, Finding } from '@snakepit/python-bridge';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { painterFor } from './paint.ts';
import { pythonOption } from './setup.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

interface DoctorFlags {
  readonly adapter?: readonly string[];
  readonly python?: string;
  readonly json?: true;
}

/** Adds `snakepit doctor`. */
export function addDoctor(
  program: Command,
  surroundings: Surroundings,
  done: (code: ExitCode) => void,
): void {
  program
    .command('doctor')
    .summary('say what is missing, and what to type')
    .description(
      'Looks at everything that Snakepit needs and says what is missing and what to type.\n' +
        'Exits with 1 when something is missing.',
    )
    .option(
      '--adapter <pkg.mod.Class>',
      'load this adapter too and list its tools; may be repeated',
      collectAdapter,
    )
    .addOption(pythonOption('look at this interpreter'))
    .option('--json', 'print the findings as one JSON object')
    .action(async (flags: DoctorFlags) => {
      done(await doctor(flags, surroundings));
    });
}

function collectAdapter(value: string, before: readonly string[] = []): readonly string[] {
  // The pattern of the configuration key `adapter`.
  if (!/^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)+$/u.test(value)) {
    throw new InvalidArgumentError(
      'It must be the dotted path of a Python class, such as my_app.adapter.MyAdapter.',
    );
  }
  return [...before, value];
}

async function doctor(flags: DoctorFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, cwd, env } = surroundings;
  const { runDoctor } = await import('@snakepit/python-bridge');
  const signal = surroundings.takeInterrupts();
  let findings: readonly Finding[];
  try {
    findings = await runDoctor({
      projectDir: cwd,
      pools: (flags.adapter ?? []).map((adapter) => poolWith(adapter, flags.python, cwd)),
      python: configured(flags.python),
      env,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    // The exit code is then that of the signal, whatever is said here.
    stderr.write('Interrupted.\n');
    return exitCodes.problem;
  }
  const ok = findings.every((finding) => finding.ok);
  stdout.write(
    flags.json === true ? `${JSON.stringify({ ok, findings })}\n` : report(findings, stdout),
  );
  return ok ? exitCodes.fine : exitCodes.problem;
}

function poolWith(adapter: string, path: string | undefined, cwd: string): DoctorPool {
  return { name: adapter, adapter, python: configured(path), pythonPath: [], cwd, env: {} };
}

function configured(path: string | undefined): DoctorPool['python'] {
  return path === undefined ? undefined : { path, source: '--python' };
}

function report(findings: readonly Finding[], stdout: Surroundings['stdout']): string {
  const paint = painterFor(stdout);
  const mark = (ok: boolean): string => (ok ? paint('green', 'ok     ') : paint('red', 'problem'));
  const indent = (text: string): string => text.replaceAll('\n', `\n${' '.repeat(9)}`);
  const lines = findings.flatMap(({ ok, detail, remedy }) => [
    `${mark(ok)}  ${indent(detail)}`,
    ...(remedy === '' ? [] : [`         -> ${indent(remedy)}`]),
  ]);
  const problems = findings.filter(({ ok }) => !ok).length;
  const count = `${problems} problem${problems === 1 ? '' : 's'} found.`;
  return [...lines, '', problems === 0 ? 'Nothing is missing.' : count, ''].join('\n');
}
