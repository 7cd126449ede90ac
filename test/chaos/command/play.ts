import type { Launch } from './options.ts';
import { Round } from './round.ts';
import type { Scenario } from './scenario.ts';
import type { RoundResult } from './statistics.ts';
import { PYTHON } from './victim.ts';
import { startWitness } from './witness.ts';

/** Rounds that are to be played. */
export interface Match {
  readonly seed: number;
  /** Each with its number. */
  readonly rounds: readonly { readonly number: number; readonly scenario: Scenario }[];
  readonly launch: Launch;
  readonly concurrency: number;
  /** No round is begun later than so many seconds after the start. */
  readonly limitS: number;
  /** Aborted, no round is begun any more, and those that are played are broken off; nothing is left of them. */
  readonly signal: AbortSignal;
  /** Hears what came of each round. */
  readonly onResult: (result: RoundResult) => void;
}

/** Plays rounds, some at a time, and gives what came of those that were begun, in their order. */
export async function play(match: Match): Promise<readonly RoundResult[]> {
  const deadline = performance.now() + match.limitS * 1_000;
  const isBrokenOff = (): boolean => match.signal.aborted;
  const isOver = (): boolean => isBrokenOff() || performance.now() > deadline;
  const results: RoundResult[] = [];
  const waiting = [...match.rounds];
  const lane = async (): Promise<void> => {
    const witness = startWitness(PYTHON);
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (isOver()) return;
        const round = new Round(next.number, next.scenario, match, witness);
        const result = await playRound(round, next.scenario, match.signal);
        if (isBrokenOff()) return;
        results.push(result);
        match.onResult(result);
      }
    } finally {
      witness.close();
    }
  };
  await Promise.all(Array.from({ length: match.concurrency }, lane));
  return results.sort((a, b) => a.round - b.round);
}

async function playRound(
  round: Round,
  scenario: Scenario,
  signal: AbortSignal,
): Promise<RoundResult> {
  const breakOff = (): void => {
    void round.close();
  };
  signal.addEventListener('abort', breakOff);
  try {
    let problem: string | undefined;
    try {
      await scenario.play(round);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    return await round.finish(problem);
  } finally {
    signal.removeEventListener('abort', breakOff);
    await round.close();
  }
}
