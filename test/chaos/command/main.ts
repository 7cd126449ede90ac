// npm run chaos -- [--seed S] [--rounds N] [--scenario X] [--json]; --help tells more.
import { writePage } from './page.ts';
import { play } from './play.ts';
import { scenarioOf } from './plan.ts';
import { helpText, launchOf, parseOptions, type Options } from './options.ts';
import { failuresText, lineOf, reportOf, type NotPossible } from './report.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios/all.ts';
import type { RoundResult } from './statistics.ts';

async function main(): Promise<number> {
  const names = scenarios.map(({ name }) => name);
  const parsed = parseOptions(process.argv.slice(2), names, {
    seed: Date.now() % 2 ** 31,
    launch: launchOf(process.env),
  });
  if (parsed.kind === 'help') {
    process.stdout.write(helpText(scenarios));
    return 0;
  }
  if (parsed.kind === 'invalid') {
    console.error(`${parsed.problem}\nnpm run chaos -- --help tells what there is.`);
    return 2;
  }
  if (process.platform !== 'linux') {
    console.error('npm run chaos needs /proc and pidfds: it runs on Linux only.');
    return 2;
  }
  return run(parsed.options);
}

async function run(options: Options): Promise<number> {
  const { seed, scenario: wanted, launch, json } = options;
  const { possible, notPossible } = sorted(wanted);
  const rounds = roundsOf(options, possible);
  const tell = (line: string): void => {
    if (!json) console.log(line);
  };
  tell(`${rounds.length} rounds, seed ${seed}, launch ${launch}`);
  for (const { scenario, reason } of notPossible) {
    tell(`not possible here: ${scenario}: ${reason}`);
  }
  const onResult = (result: RoundResult): void => {
    tell(lineOf(result));
  };
  const interrupted = new AbortController();
  // The second one finds no listener and ends this program at once.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupted.abort();
    });
  }
  const results = await play({ ...options, rounds, onResult, signal: interrupted.signal });
  if (interrupted.signal.aborted) {
    console.error(`interrupted; ${results.length} of ${rounds.length} rounds were played`);
    return 130;
  }
  const report = reportOf({ seed, launch, scenario: wanted }, results, notPossible);
  if (results.length < rounds.length) {
    tell(`the limit of ${options.limitS} s came first: ${results.length} rounds were played`);
  }
  const { failures, ...short } = report;
  console.log(JSON.stringify(json ? report : short, null, 2));
  for (const { goal, measured, met } of report.goals) {
    if (met === false) tell(`goal not met: ${goal}; measured ${String(measured)}`);
  }
  if (failures.length > 0) console.error(failuresText(report));
  if (options.write !== undefined) await writePage(options.write, report);
  return failures.length > 0 ? 1 : 0;
}

function sorted(wanted: string | undefined): {
  readonly possible: readonly Scenario[];
  readonly notPossible: readonly NotPossible[];
} {
  const asked = scenarios.filter(({ name }) => wanted === undefined || name === wanted);
  const judged = asked.map((scenario) => ({ scenario, reason: scenario.impossible?.() }));
  return {
    possible: judged.flatMap(({ scenario, reason }) => (reason === undefined ? scenario : [])),
    notPossible: judged.flatMap(({ scenario: { name }, reason }) =>
      reason === undefined ? [] : { scenario: name, reason },
    ),
  };
}

/** The rounds that are played; a round of a seed is the same whether it is played alone or among others. */
function roundsOf(
  { seed, rounds, round, scenario: wanted }: Options,
  possible: readonly Scenario[],
): readonly { readonly number: number; readonly scenario: Scenario }[] {
  const names = scenarios.map(({ name }) => name);
  const numbers = round === undefined ? Array.from({ length: rounds }, (_, n) => n) : [round];
  return numbers.flatMap((number) => {
    const name = wanted ?? scenarioOf(names, seed, number);
    const scenario = possible.find((one) => one.name === name);
    return scenario === undefined ? [] : { number, scenario };
  });
}

process.exitCode = await main();
