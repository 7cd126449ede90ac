import type { Chart } from '../../src/chart/chart.ts';
import type { Handled } from '../../src/protocol.ts';

/**
 * Finds the transition that was taken last.
 *
 * @param records - Messages of the process, oldest first.
 * @returns Its id in the chart; null when no record tells.
 */
export function lastEdgeOf(chart: Chart, records: readonly Handled[]): string | null {
  const record = records.findLast(({ steps }) => steps.length > 0);
  // Transitions without an event follow from the first one, which is what somebody looks for.
  const step = record?.steps[0];
  if (step === undefined) return null;
  const same = chart.edges.filter(
    (edge) =>
      edge.source === step.source &&
      edge.event === (step.event ?? '') &&
      edge.targets.join('\n') === step.targets.join('\n'),
  );
  return (same.find(({ guard }) => guard === (step.guard ?? '')) ?? same[0])?.id ?? null;
}
