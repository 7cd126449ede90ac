import { expect } from '@jest/globals';
import type { AnyStateMachine } from 'xstate';
import { differences } from './compiled-chart.ts';
import { declared, edgePaths, nodeAt, replay, type Edge, type Graph } from './machine-graph.ts';

/**
 * Takes edges on a real actor, and all of them with the compiled chart, which must do the same.
 *
 * @returns The declared transitions that none of them took.
 */
export function replayAll(
  machine: AnyStateMachine,
  graph: Graph,
  options: {
    readonly input: unknown;
    readonly delays?: Record<string, number>;
    readonly alike?: (edge: Edge) => string;
  },
): Set<string> {
  const { input, delays = {}, alike } = options;
  expect(differences(machine, graph, input)).toEqual([]);
  const covered = new Set<string>();
  replay(machine, [], { input, covered });
  for (const { events, edge } of edgePaths(graph, alike)) {
    const got = replay(machine, events, { input, delays, covered });
    const { state } = nodeAt(graph, edge.to);
    // One comparison in a thousand is shown; building each message would cost more than the replay.
    if (JSON.stringify([got.status, got.value]) === JSON.stringify([state.status, state.value])) {
      continue;
    }
    expect([events, got.status, got.value]).toEqual([events, state.status, state.value]);
  }
  return new Set([...declared(machine)].filter((transition) => !covered.has(transition)));
}

/** What none of several replays took. */
export function missedByAll(missed: readonly Set<string>[]): string[] {
  return [...(missed[0] ?? [])].filter((one) => missed.every((each) => each.has(one)));
}

/** How many edges a graph has. */
export function takenEdges(graph: Graph): number {
  return graph.edges.filter(({ taken }) => taken).length;
}
