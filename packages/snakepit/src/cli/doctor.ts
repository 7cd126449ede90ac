import type {
  ConfigExplanation,
  DoctorOptions,
  DoctorPool,
  Finding,
} from '@snakepit/python-bridge';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { configurationReport } from './configuration-report.ts';
import { configNames, loadConfig } from './load-config.ts';
import type { LoadedConfig } from './load-config.ts';
import { painterFor } from './paint.ts';
import { pythonOption } from './setup.ts';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

interface DoctorFlags {
  readonly adapter?: readonly string[];
  readonly python?: string;
  readonly config?: string;
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
        'With a configuration it also tries the pools of that, and says of every key what it is and who says so:\n' +
        'an environment variable, the pool, the top level, or the default.\n' +
        'Exits with 1 when something is missing.',
    )
    .option(
      '--config <file>',
      `explain the configuration in this file: a JSON file, or a module with a default export or one called config (default: ${configNames.join(', ')})`,
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
  const loaded = await loadConfig(flags.config, cwd);
  if (loaded.kind === 'missing' && flags.config !== undefined) {
    stderr.write(`error: there is no file ${flags.config} (option --config)\n`);
    return exitCodes.wrongUse;
  }
  const { explainConfig, runDoctor } = await import('@snakepit/python-bridge');
  const config = loaded.kind === 'loaded' ? loaded.config : undefined;
  const explained = explainConfig(config, { env, cwd });
  const signal = surroundings.takeInterrupts();
  let findings: readonly Finding[];
  try {
    findings = await runDoctor({
      projectDir: cwd,
      python: configured(flags.python),
      env,
      signal,
      ...whatToTry(flags, explained, cwd),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    // The exit code is then that of the signal, whatever is said here.
    stderr.write('Interrupted.\n');
    return exitCodes.problem;
  }
  const all = [...configurationFindings(loaded, explained), ...findings];
  const ok = all.every((finding) => finding.ok);
  if (flags.json === true) {
    const file = loaded.kind === 'missing' ? null : loaded.file;
    const configuration = { file, values: explained.values };
    stdout.write(`${JSON.stringify({ ok, findings: all, configuration })}\n`);
  } else {
    stdout.write(`${explanation(loaded, explained, stdout)}${report(all, stdout)}`);
  }
  return ok ? exitCodes.fine : exitCodes.problem;
}

function whatToTry(
  flags: DoctorFlags,
  { config }: ConfigExplanation,
  cwd: string,
): Pick<DoctorOptions, 'pools' | 'stateDir' | 'socketDir'> {
  const python = configured(flags.python);
  // What others start elsewhere is served by their Python.
  const ours = (config?.pools ?? []).filter(({ remote }) => remote === undefined);
  const pools = ours.map((pool) => (python === undefined ? pool : { ...pool, python }));
  const adapters = (flags.adapter ?? []).map((adapter) => poolWith(adapter, flags.python, cwd));
  return {
    pools: [...pools, ...adapters],
    stateDir: config?.stateDir,
    socketDir: config?.socketDir,
  };
}

function configurationFindings(
  loaded: LoadedConfig,
  { faults }: ConfigExplanation,
): readonly Finding[] {
  const id = 'configuration';
  if (loaded.kind === 'broken') {
    const detail = `${loaded.file} cannot be used: ${loaded.problem}`;
    const remedy = 'export the object that Snakepit.start takes as `default` or `config`.';
    return [{ id, ok: false, detail, remedy }];
  }
  const wrong = faults.map(({ where, message }) => {
    return { id, ok: false, detail: message, remedy: `correct ${where}.` };
  });
  if (wrong.length > 0 || loaded.kind === 'missing') return wrong;
  return [{ id, ok: true, detail: `the configuration ${loaded.file} is allowed`, remedy: '' }];
}

function explanation(
  loaded: LoadedConfig,
  { values }: ConfigExplanation,
  stdout: Surroundings['stdout'],
): string {
  const paint = painterFor(stdout);
  if (loaded.kind === 'loaded') {
    return `Configuration ${loaded.file}:\n\n${configurationReport(values, paint)}\n`;
  }
  // Without a configuration only what the environment says is worth a line.
  const said = values.filter(({ source }) => source !== 'default');
  if (said.length === 0) return '';
  return `The environment says for every pool:\n\n${configurationReport(said, paint)}\n`;
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
