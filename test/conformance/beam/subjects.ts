import type { Arbitrary } from 'fast-check';
import type { Beam } from './beam.ts';
import { compare, isEqual, rulesFor, type Verdict } from './compare.ts';
import { processHistories } from './generate-processes.ts';
import { scenarios } from './generate.ts';
import { count, type Counts } from './normalised.ts';
import { playOurProcesses } from './our-processes.ts';
import { playOurs } from './ours.ts';
import { readableHistory } from './process-history.ts';
import { readable } from './readable.ts';

/** What is made up, played on both sides and compared. */
export interface Subject<T> {
  /** Names it on the command line. */
  readonly name: 'trees' | 'processes';
  /** Makes histories. */
  readonly histories: Arbitrary<T>;
  /** Plays one on both sides. */
  readonly play: (beam: Beam, history: T, counts: Tally) => Promise<Verdict>;
  /** A history for people. */
  readonly readable: (history: T) => string;
  /** Which rules may be at work where two logs part. */
  readonly rulesFor: (verdict: Verdict) => readonly string[];
}

/** What was met in a run. */
export interface Tally {
  /** Known differences. */
  readonly met: Counts;
  /** Kinds of lines in the logs. */
  readonly seen: Counts;
}

/** Supervision trees. */
export const trees: Subject<Parameters<typeof playOurs>[0]> = {
  name: 'trees',
  histories: scenarios,
  async play(beam, scenario, { met, seen }) {
    const [otp, ours] = await Promise.all([beam.play(scenario), playOurs(scenario)]);
    for (const line of otp) {
      const [, kind = ''] = /^(report \S+ \S+|> (?:query )?\S+ [a-z_]+|\S+)/.exec(line) ?? [];
      count(seen, kind.replace(/^(report|> query|>) \S+ /, '$1 '));
    }
    return compare(scenario, otp, ours, met);
  },
  readable,
  rulesFor: ({ otp, ours }) => rulesFor(otp, ours),
};

/** Bare processes: what each gets, in order; between processes no order is promised (MSG-002). */
export const processes: Subject<Parameters<typeof playOurProcesses>[0]> = {
  name: 'processes',
  histories: processHistories,
  async play(beam, history, { seen }) {
    const logs = await Promise.all([beam.play(history), playOurProcesses(history)]);
    const [otp, ours] = [ordered(logs[0]), ordered(logs[1])];
    for (const line of otp) count(seen, /^\S+ (?:\d+ )?(\S+)/.exec(line)?.[1] ?? '');
    return { same: isEqual(otp, ours), otp, ours };
  },
  readable: readableHistory,
  rulesFor: ({ otp, ours }) => {
    const at = otp.findIndex((line, index) => line !== ours[index]);
    const lines = `${otp[at] ?? ''} ${ours[at] ?? ''}`;
    return processHints.flatMap(([pattern, rules]) => (pattern.test(lines) ? rules : []));
  },
};

/** Several ends that a process learns of in one step come in any order: they are of different senders (MSG-002). */
function ordered(log: readonly string[]): readonly string[] {
  const keyOf = (line: string): string => /^\S+ \d+ (?=EXIT |DOWN )/.exec(line)?.[0] ?? '';
  const runs: string[][] = [];
  let last = '';
  for (const line of log) {
    const key = keyOf(line);
    if (key !== '' && key === last) runs.at(-1)?.push(line);
    else runs.push([line]);
    last = key;
  }
  return runs.flatMap((run) => run.sort());
}

const processHints: readonly (readonly [RegExp, readonly string[]])[] = [
  [/ ends /, ['PRC-006', 'PRC-007', 'PRC-009', 'PRC-010', 'PRC-014', 'PRC-018']],
  [/ EXIT /, ['PRC-006', 'PRC-013', 'PRC-014', 'PRC-015', 'PRC-017', 'PRC-018']],
  [/ link /, ['PRC-012', 'PRC-015']],
  [/ DOWN /, ['MON-001', 'MON-002', 'MON-003', 'MON-005']],
  [/ (?:register|unregister|whereis) /, ['NAM-001', 'NAM-002', 'NAM-003']],
  [/ (?:got|send) /, ['MSG-001', 'MSG-004', 'MSG-006', 'TMR-003', 'TMR-004', 'TMR-005']],
  [/ (?:timer|cancel) /, ['TMR-002', 'TMR-003', 'TMR-006']],
  [/ at last: /, ['PRC-012', 'NAM-001', 'NAM-002', 'MON-005']],
];
