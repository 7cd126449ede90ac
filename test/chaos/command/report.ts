import type { Launch, Options } from './options.ts';
import { goalsOf, type Goal } from './goals.ts';
import { byScenario, hasFailed, tallyOf, type RoundResult, type Tally } from './statistics.ts';

/** A scenario that this machine cannot play, and why. */
export interface NotPossible {
  readonly scenario: string;
  readonly reason: string;
}

/** What the command prints. */
export interface Report extends Tally {
  readonly seed: number;
  /** How workers were started, but in histories that are about one of the ways. */
  readonly launch: Launch;
  /** What is promised, and whether it was kept. */
  readonly goals: readonly Goal[];
  /** The same for each scenario. */
  readonly byScenario: Readonly<Record<string, Tally>>;
  readonly notPossible: readonly NotPossible[];
  /** Rounds that showed what must never be, with all that is known of them. */
  readonly failures: readonly (RoundResult & { readonly again: string })[];
}

/** What was asked for. */
export type Asked = Pick<Options, 'seed' | 'launch' | 'scenario'>;

/** Sums everything up. */
export function reportOf(
  { seed, launch, scenario }: Asked,
  results: readonly RoundResult[],
  notPossible: readonly NotPossible[],
): Report {
  const only = scenario === undefined ? '' : ` --scenario ${scenario}`;
  const way = launch === 'fork' ? '' : ` --launch ${launch}`;
  const tally = tallyOf(results);
  return {
    seed,
    launch,
    ...tally,
    goals: goalsOf(tally),
    byScenario: byScenario(results),
    notPossible,
    failures: results.filter(hasFailed).map((result) => ({
      ...result,
      again: `npm run chaos -- --seed ${seed} --round ${result.round}${only}${way}`,
    })),
  };
}

/** One line for a round. */
export function lineOf(result: RoundResult): string {
  const { round, scenario, kills, detectMs, goneMs, backstopGoneMs } = result;
  const times = (name: string, values: readonly number[]): string =>
    values.length === 0 ? '' : `, ${name} ${values.map((ms) => Math.round(ms)).join(', ')} ms`;
  const verdict = hasFailed(result) ? 'FAILED' : 'ok';
  return `round ${round} ${scenario}: ${verdict}, ${kills} kills${times('detected', detectMs)}${times('gone', goneMs)}${times('gone by a backstop', backstopGoneMs)}`;
}

/** Everything that is known of rounds that failed. */
export function failuresText({ failures }: Report): string {
  return failures
    .map(({ round, scenario, again, story, survivors, lostRequests, falsePositives, problem }) =>
      [
        `\nRound ${round}, ${scenario}:`,
        ...story.map((line) => `  - ${line}`),
        ...survivors.map((line) => `  survivor: ${line}`),
        ...falsePositives.map((line) => `  wrongly ended: ${line}`),
        ...(lostRequests > 0 ? [`  ${lostRequests} calls were never answered`] : []),
        ...(problem === undefined ? [] : [`  problem: ${problem}`]),
        `  again: ${again}`,
      ].join('\n'),
    )
    .join('\n');
}
