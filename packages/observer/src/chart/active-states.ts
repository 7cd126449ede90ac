import type { Chart, ChartEdge, ChartState } from './chart.ts';

/**
 * Finds the states that a state value means.
 *
 * @param chart - The chart of the machine.
 * @param value - `snapshot.value`: a key, or keys with the values inside them. Anything else means no state.
 * @returns Ids of the active states, outer ones first, the machine itself included; empty for a value that is not of
 * this machine.
 */
export function activeStates(chart: Chart, value: unknown): readonly string[] {
  const inside = new Map<string, Map<string, ChartState>>();
  for (const state of chart.states) {
    if (state.parent === null) continue;
    const siblings = inside.get(state.parent) ?? new Map<string, ChartState>();
    inside.set(state.parent, siblings.set(state.key, state));
  }
  const found: string[] = [];
  const enter = (parent: string, part: unknown): void => {
    for (const [key, inner] of parts(part)) {
      const state = inside.get(parent)?.get(key);
      if (state === undefined) continue;
      found.push(state.id);
      enter(state.id, inner);
    }
  };
  enter(chart.root, value);
  return found.length === 0 ? [] : [chart.root, ...found];
}

function parts(value: unknown): (readonly [key: string, inner: unknown])[] {
  if (typeof value === 'string') return [[value, undefined]];
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/**
 * Finds the transitions that could be taken next; whether their guards agree is not asked.
 *
 * @param chart - The chart of the machine.
 * @param active - Ids of the active states.
 * @returns Ids of the transitions.
 */
export function openEdges(chart: Chart, active: Iterable<string>): ReadonlySet<string> {
  const sources = new Set(active);
  return new Set(
    chart.edges.filter((edge: ChartEdge) => sources.has(edge.source)).map(({ id }) => id),
  );
}
