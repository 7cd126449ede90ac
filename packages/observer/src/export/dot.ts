import { boxLines, shorten, stateTitle } from '../chart/chart-boxes.ts';
import { edgeLabel, type Chart, type ChartEdge, type ChartState } from '../chart/chart.ts';
import type { ActorRow } from '../protocol.ts';

/**
 * A chart in the language of Graphviz: states with states inside are clusters.
 *
 * @param chart - The chart.
 * @returns The text of the graph.
 */
export function chartToDot(chart: Chart): string {
  const graph = graphOf(chart);
  const lines = [
    `digraph ${quoted(chart.id)} {`,
    '  compound=true; fontname="sans-serif"; rankdir=TB;',
    '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
    '  edge [fontname="sans-serif", fontsize=10];',
    `  label=${quoted([chart.id, ...anywhereOf(chart)].join('\n'))}; labelloc=t;`,
    ...insideOf(graph, chart.root, '  '),
    ...chart.edges.flatMap((edge) => arrowsOf(graph, edge)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * The tree of processes in the language of Graphviz: who spawned whom.
 *
 * @param rows - The processes.
 * @returns The text of the graph.
 */
export function treeToDot(rows: Iterable<ActorRow>): string {
  const all = [...rows];
  const pids = new Set(all.map(({ pid }) => pid));
  const lines = [
    'digraph processes {',
    '  rankdir=LR; node [fontname="sans-serif", fontsize=11];',
    ...all.map((row) => {
      const { pid, name, kind, status, value, restarts } = row;
      const again = restarts > 0 ? [`restarted ${String(restarts)}`] : [];
      const text = [name, kind, value === null ? status : `${status}, ${value}`, ...again];
      const shape = kind === 'supervisor' ? 'box' : 'ellipse';
      return `  n${String(pid)} [label=${quoted(text.join('\n'))}, shape=${shape}];`;
    }),
    ...all
      .filter(({ parent }) => pids.has(parent))
      .map(({ parent, pid }) => `  n${String(parent)} -> n${String(pid)};`),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

interface Graph {
  readonly chart: Chart;
  readonly number: (id: string) => string;
  readonly inner: (id: string) => readonly ChartState[];
  readonly isInside: (id: string, outer: string) => boolean;
}

function graphOf(chart: Chart): Graph {
  const numbers = new Map(chart.states.map(({ id }, index) => [id, String(index)]));
  const parents = new Map(chart.states.map(({ id, parent }) => [id, parent]));
  return {
    chart,
    number: (id) => numbers.get(id) ?? '0',
    inner: (id) => chart.states.filter(({ parent }) => parent === id),
    isInside: (id, outer) => {
      for (let at: string | null = id; at !== null; at = parents.get(at) ?? null) {
        if (at === outer) return true;
      }
      return false;
    },
  };
}

function insideOf(graph: Graph, parent: string, indent: string): string[] {
  const outer = graph.chart.states.find(({ id }) => id === parent);
  const start = `i${graph.number(parent)}`;
  return [
    ...graph.inner(parent).flatMap((state) => stateLines(graph, state, indent)),
    ...(outer?.initial ?? []).flatMap((target) => [
      `${indent}${start} [shape=point, width=0.1];`,
      `${indent}${start} -> n${leafOf(graph, target)}${attributes(headOf(graph, parent, target))};`,
    ]),
  ];
}

function stateLines(graph: Graph, state: ChartState, indent: string): string[] {
  const number = graph.number(state.id);
  const text = quoted(
    [stateTitle(state), ...boxLines(graph.chart, state).map((line) => line.text)].join('\n'),
  );
  if (graph.inner(state.id).length === 0) {
    const border = state.type === 'final' ? ', peripheries=2' : '';
    return [`${indent}n${number} [label=${text}${border}];`];
  }
  const style = state.type === 'parallel' ? '"rounded,dashed"' : 'rounded';
  return [
    `${indent}subgraph cluster_${number} {`,
    `${indent}  label=${text}; style=${style};`,
    ...insideOf(graph, state.id, `${indent}  `),
    `${indent}}`,
  ];
}

/** What the machine itself handles is possible anywhere; a graph has no end for such an arrow. */
function anywhereOf({ edges, root }: Chart): string[] {
  return edges
    .filter(({ source }) => source === root)
    .map((edge) => `anywhere: ${[labelOf(edge), ...edge.targets].join(' -> ')}`)
    .map(shorten);
}

function arrowsOf(graph: Graph, edge: ChartEdge): string[] {
  const { source, targets } = edge;
  if (source === graph.chart.root) return [];
  return targets
    .filter((target) => target !== graph.chart.root)
    .map((target) => {
      const tail = clusterEnd(graph, 'ltail', source, target);
      const marks = [`label=${quoted(labelOf(edge))}`, ...tail, ...headOf(graph, source, target)];
      return `  n${leafOf(graph, source)} -> n${leafOf(graph, target)}${attributes(marks)};`;
    });
}

function headOf(graph: Graph, source: string, target: string): string[] {
  return clusterEnd(graph, 'lhead', target, source);
}

/** An arrow ends at a leaf; at the border of a cluster it is cut off, unless its other end is inside, too. */
function clusterEnd(graph: Graph, end: 'ltail' | 'lhead', at: string, other: string): string[] {
  const isCluster = graph.inner(at).length > 0;
  return isCluster && !graph.isInside(other, at) ? [`${end}=cluster_${graph.number(at)}`] : [];
}

function leafOf(graph: Graph, id: string): string {
  const [first] = graph.inner(id);
  return first === undefined ? graph.number(id) : leafOf(graph, first.id);
}

function labelOf(edge: ChartEdge): string {
  const text = shorten(edgeLabel(edge));
  return edge.actions.length === 0 ? text : `${text} / ${shorten(edge.actions.join(', '))}`;
}

function attributes(marks: readonly string[]): string {
  return marks.length === 0 ? '' : ` [${marks.join(', ')}]`;
}

/** Lines are cut; only what separates them is left of control characters. */
function quoted(text: string): string {
  const lines = text.split('\n').map((line) => shorten(line).replace(/["\\]/g, '\\$&'));
  return `"${lines.join('\\n')}"`;
}
