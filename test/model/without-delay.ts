import type { Edge, Graph } from './machine-graph.ts';

/**
 * The part of a graph that is reached without a delay.
 *
 * A graph has no time: of two pending delays both may come. On a real actor only the shorter one does, so each is replayed
 * in the part without the other.
 */
export function withoutDelay(graph: Graph, delay: string): Graph {
  const isOther = ({ event }: Pick<Edge, 'event'>): boolean =>
    !event.type.startsWith(`xstate.after.${delay}.`);
  const nodes = new Map<string, ReturnType<Graph['nodes']['get']> & object>();
  // Nodes come in the order in which they were reached: before each the one that it was reached from.
  for (const [key, node] of graph.nodes) {
    const { via } = node;
    if (via === undefined || (isOther(via) && nodes.has(via.from))) nodes.set(key, node);
  }
  const edges = graph.edges.filter(
    (edge) => isOther(edge) && nodes.has(edge.from) && nodes.has(edge.to),
  );
  return { nodes, edges };
}
