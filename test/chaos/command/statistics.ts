/** Quantiles of times, in milliseconds; `null` when nothing was measured. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** What came of some rounds. */
export interface Tally {
  readonly rounds: number;
  /** Processes that were ended on purpose: runtimes and workers. */
  readonly kills: number;
  /** Processes that lived on after their time. */
  readonly survivors: number;
  /** Calls that had neither result nor error although their runtime lived. */
  readonly lostRequests: number;
  /** From the fault to the worker being declared dead or sick. */
  readonly detectMs: Quantiles;
  /** From SIGKILL of the runtime to the end of its last descendant, as a rule. */
  readonly goneMs: Quantiles;
  /** The same where workers were stopped, or where nobody but the watchdog could end what was left. */
  readonly backstopGoneMs: Quantiles;
  /** Workers that were ended or replaced although nothing was wrong with them. */
  readonly falsePositives: number;
}

/** What came of one round. */
export interface RoundResult {
  readonly round: number;
  readonly scenario: string;
  readonly kills: number;
  readonly survivors: readonly string[];
  readonly lostRequests: number;
  readonly falsePositives: readonly string[];
  readonly detectMs: readonly number[];
  readonly goneMs: readonly number[];
  readonly backstopGoneMs: readonly number[];
  /** What happened, for people. */
  readonly story: readonly string[];
  /** Why it could not be played to its end; `undefined` when it was. */
  readonly problem: string | undefined;
}

/** Quantiles by the nearest rank: each is a time that was really measured. */
export function quantilesOf(times: readonly number[]): Quantiles {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number | null => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
    return value === undefined ? null : Math.round(value * 10) / 10;
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Sums rounds up. */
export function tallyOf(results: readonly RoundResult[]): Tally {
  const sum = (count: (one: RoundResult) => number): number =>
    results.reduce((total, one) => total + count(one), 0);
  return {
    rounds: results.length,
    kills: sum(({ kills }) => kills),
    survivors: sum(({ survivors }) => survivors.length),
    lostRequests: sum(({ lostRequests }) => lostRequests),
    detectMs: quantilesOf(results.flatMap(({ detectMs }) => detectMs)),
    goneMs: quantilesOf(results.flatMap(({ goneMs }) => goneMs)),
    backstopGoneMs: quantilesOf(results.flatMap(({ backstopGoneMs }) => backstopGoneMs)),
    falsePositives: sum(({ falsePositives }) => falsePositives.length),
  };
}

/** The sums of each scenario that was played, in alphabetical order. */
export function byScenario(results: readonly RoundResult[]): Readonly<Record<string, Tally>> {
  const names = [...new Set(results.map(({ scenario }) => scenario))].sort();
  return Object.fromEntries(
    names.map((name) => [name, tallyOf(results.filter(({ scenario }) => scenario === name))]),
  );
}

/** Whether a round showed what must never be. */
export function hasFailed(result: RoundResult): boolean {
  const { survivors, lostRequests, falsePositives, problem } = result;
  return (
    survivors.length > 0 || lostRequests > 0 || falsePositives.length > 0 || problem !== undefined
  );
}
