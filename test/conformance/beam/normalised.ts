import type { Segment } from './canonical.ts';
import { differences } from './differences.ts';
import { factsOf, type Side } from './rewriting.ts';
import type { Scenario } from './scenario.ts';

/** How often each of several things happened. */
export type Counts = Map<string, number>;

/** One more of these. */
export function count(counts: Counts, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Writes alike what the table of differences allows to differ; counts each rewriting. */
export function normalised(
  segments: readonly Segment[],
  side: Side,
  scenario: Scenario,
  met: Counts,
): readonly Segment[] {
  const facts = factsOf(scenario);

  function rewrite(kind: 'event' | 'answer', line: string): readonly string[] {
    let text = line;
    for (const difference of differences) {
      const rewriting = difference[kind];
      if (rewriting === undefined) continue;
      const next = rewriting(text, side, facts);
      if (next !== text) count(met, difference.id);
      if (next === undefined) return [];
      text = next;
    }
    return [text];
  }

  function reorder(events: readonly string[]): readonly string[] {
    let lines = events;
    for (const { id, order } of differences) {
      if (order === undefined) continue;
      const before = lines;
      lines = order(before);
      if (lines.some((line, index) => line !== before[index])) count(met, id);
    }
    return lines;
  }

  return segments.map(({ step, events, answers }) => ({
    step,
    events: reorder(events.flatMap((line) => rewrite('event', line))),
    answers: answers.flatMap((line) => rewrite('answer', line)),
  }));
}
