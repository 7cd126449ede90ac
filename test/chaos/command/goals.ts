import type { Tally } from './statistics.ts';

/** What is promised, and what came of it. */
export interface Goal {
  /** In words, with its limit. */
  readonly goal: string;
  /** What was measured; `null` when nothing was. */
  readonly measured: number | null;
  /** Whether it is within the limit; `null` when nothing was measured. */
  readonly met: boolean | null;
}

const GOALS: readonly {
  readonly goal: string;
  readonly limit: number;
  readonly of: (tally: Tally) => number | null;
}[] = [
  { goal: 'survivors: none', limit: 0, of: ({ survivors }) => survivors },
  { goal: 'calls without an answer: none', limit: 0, of: ({ lostRequests }) => lostRequests },
  { goal: 'wrong verdicts: none', limit: 0, of: ({ falsePositives }) => falsePositives },
  {
    goal: 'runtime killed, last descendant gone: p99 at most 250 ms',
    limit: 250,
    of: ({ goneMs }) => goneMs.p99,
  },
  {
    goal: 'the same of stopped workers, or with nothing but the watchdog: at most 5 s',
    limit: 5_000,
    of: ({ backstopGoneMs }) => backstopGoneMs.max,
  },
  {
    goal: 'fault of a worker seen: at most 10 s',
    limit: 10_000,
    of: ({ detectMs }) => detectMs.max,
  },
];

/** Compares what was measured with what is promised. */
export function goalsOf(tally: Tally): readonly Goal[] {
  return GOALS.map(({ goal, limit, of }) => {
    const measured = of(tally);
    return { goal, measured, met: measured === null ? null : measured <= limit };
  });
}
