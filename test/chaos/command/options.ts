import { parseArgs } from 'node:util';

/** How the workers of the attacked systems are started. */
export const launches = ['fork', 'spawn'] as const;
export type Launch = (typeof launches)[number];

/** What the command is asked to do. */
export interface Options {
  /** All choices follow from it. */
  readonly seed: number;
  /** How many rounds. */
  readonly rounds: number;
  /** Only this round of them. */
  readonly round: number | undefined;
  /** Only histories of this kind. */
  readonly scenario: string | undefined;
  /** How workers are started, but in histories that are about one of the ways. */
  readonly launch: Launch;
  /** Whether the result is printed as JSON. */
  readonly json: boolean;
  /** Rounds at a time. */
  readonly concurrency: number;
  /** No round is begun later than so many seconds after the start. */
  readonly limitS: number;
  /** A page into which the result is put. */
  readonly write: string | undefined;
}

/** Options, a wish for help, or what is wrong with the arguments. */
export type Parsed =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'help' }
  | { readonly kind: 'invalid'; readonly problem: string };

const LARGEST_SEED = 2 ** 32 - 1;

/**
 * Reads the arguments of the command.
 *
 * @param names - Of the scenarios there are.
 * @param others - What holds when it is not given.
 */
export function parseOptions(
  args: readonly string[],
  names: readonly string[],
  others: { readonly seed: number; readonly launch: Launch },
): Parsed {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: String(others.seed) },
        rounds: { type: 'string', default: '30' },
        round: { type: 'string' },
        scenario: { type: 'string' },
        launch: { type: 'string', default: others.launch },
        json: { type: 'boolean', default: false },
        concurrency: { type: 'string', default: '2' },
        'limit-s': { type: 'string', default: '3600' },
        write: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const options = {
      seed: wholeNumber('--seed', values.seed, 0, LARGEST_SEED),
      rounds: wholeNumber('--rounds', values.rounds, 1, 100_000),
      round:
        values.round === undefined ? undefined : wholeNumber('--round', values.round, 0, 100_000),
      scenario: knownScenario(values.scenario, names),
      launch: knownLaunch(values.launch),
      json: values.json,
      concurrency: wholeNumber('--concurrency', values.concurrency, 1, 64),
      limitS: wholeNumber('--limit-s', values['limit-s'], 1, 86_400),
      write: values.write,
    };
    return { kind: 'run', options };
  } catch (error) {
    return { kind: 'invalid', problem: error instanceof Error ? error.message : String(error) };
  }
}

function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (/^\d+$/u.test(text) && value >= low && value <= high) return value;
  throw new RangeError(
    `${name} must be a whole number from ${low} to ${high}; got ${JSON.stringify(text)}`,
  );
}

function knownScenario(name: string | undefined, names: readonly string[]): string | undefined {
  if (name === undefined || names.includes(name)) return name;
  throw new RangeError(
    `--scenario ${JSON.stringify(name)} is not known; there are ${names.join(', ')}`,
  );
}

function knownLaunch(name: string): Launch {
  const launch = launches.find((one) => one === name);
  if (launch !== undefined) return launch;
  throw new RangeError(`--launch must be fork or spawn; got ${JSON.stringify(name)}`);
}

/** The way that the environment names; a whole suite may be run in another way than the usual one. */
export function launchOf(env: Readonly<Record<string, string | undefined>>): Launch {
  return env['SNAKEPIT_LAUNCH'] === 'spawn' ? 'spawn' : 'fork';
}

/** What `--help` prints. */
export function helpText(
  scenarios: readonly { readonly name: string; readonly about: string }[],
): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length)) + 2;
  return `npm run chaos -- [--seed S] [--rounds N] [--scenario X] [--json]

Attacks a real system under load in random histories, and counts who survives. Every choice follows from the seed.
Linux only. Exit code 0 when nobody survived, no call was lost and no healthy worker was replaced; 1 otherwise;
2 for wrong arguments.

  --seed S         whole number that all choices follow from; default any, and printed
  --rounds N       how many histories are played; default 30
  --round K        plays only round K of that seed again
  --scenario X     only histories of this kind
  --launch L       how workers are started, fork or spawn; default what SNAKEPIT_LAUNCH says, else fork. The
                   histories of fork servers always fork
  --json           prints the result as JSON, and nothing else
  --concurrency C  rounds at a time; default 2
  --limit-s T      begins no round later than T seconds after the start; default 3600
  --write FILE     also puts the result into a page, between its marks

Scenarios:
${scenarios.map(({ name, about }) => `  ${name.padEnd(width)}${about}`).join('\n')}
`;
}
