import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { Chart, ChartState } from './chart.ts';
import {
  type Arrow,
  arrowsOf,
  BOX_PADDING,
  boxLines,
  LINE_HEIGHT,
  RING_ROOM,
  shorten,
  stateTitle,
  textWidth,
} from './chart-boxes.ts';
import { edgeLabel } from './chart.ts';
import type { ChartBox, ChartLayout, ChartPoint } from './chart-layout.ts';

const POINT = 12;
const SMALLEST_WIDTH = 70;
const TIME_LEFT = ' 9999 s';
const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.spacing.nodeNode': '26',
  'elk.spacing.edgeLabel': '4',
};

/**
 * Writes a chart as ELK reads graphs. Its ids are numbers of ours: names of states may hold anything.
 *
 * @param chart - The chart.
 * @returns A graph with the sizes of boxes and labels, without places.
 */
export function toElk(chart: Chart): ElkNode {
  const numbers = new Map(chart.states.map(({ id }, index) => [id, index]));
  const name = (id: string): string => `s${numbers.get(id) ?? -1}`;
  const inside = new Map<string | null, ChartState[]>();
  for (const state of chart.states) {
    inside.set(state.parent, [...(inside.get(state.parent) ?? []), state]);
  }
  const node = (state: ChartState): ElkNode => {
    const inner = inside.get(state.id) ?? [];
    const size = boxSize(chart, state);
    if (inner.length === 0) return { id: name(state.id), ...size };
    const begins = state.initial.map((_, index) => ({
      id: `${name(state.id)}i${index}`,
      width: POINT,
      height: POINT,
    }));
    return {
      id: name(state.id),
      layoutOptions: {
        'elk.padding': `[top=${size.height + BOX_PADDING},left=18,bottom=18,right=18]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${size.width},${size.height})`,
      },
      children: [...begins, ...inner.map(node)],
    };
  };
  const begins = chart.states.flatMap((state) =>
    state.initial.map((target, index) => ({
      id: `${name(state.id)}b${index}`,
      sources: [`${name(state.id)}i${index}`],
      targets: [name(target)],
    })),
  );
  const arrows = arrowsOf(chart).map((arrow, index) => ({
    id: `e${index}`,
    sources: [name(arrow.source)],
    targets: [name(arrow.target)],
    labels: [labelOf(arrow)],
  }));
  return {
    id: 'chart',
    layoutOptions: OPTIONS,
    children: (inside.get(null) ?? []).map(node),
    edges: [...begins, ...arrows],
  };
}

/**
 * Reads ELK's answer.
 *
 * @param chart - The chart that was laid out.
 * @param graph - The graph with places in it.
 * @returns The layout, with whole pixels.
 */
export function fromElk(chart: Chart, graph: ElkNode): ChartLayout {
  const nodes = new Map<string, ElkNode>();
  const collect = (node: ElkNode): void => {
    nodes.set(node.id, node);
    node.children?.forEach(collect);
  };
  collect(graph);
  const edges = new Map(graph.edges?.map((edge) => [edge.id, edge]));
  const begins = chart.states.flatMap((state, number) =>
    state.initial.map((_, index) => [`s${number}i${index}`, `s${number}b${index}`] as const),
  );
  return {
    width: whole(graph.width),
    height: whole(graph.height),
    states: chart.states.map((_, index) => boxOf(nodes.get(`s${index}`))),
    initials: begins.map(([node]) => boxOf(nodes.get(node))),
    routes: [
      ...begins.map(([, id]) => ({ edges: [], points: pointsOf(edges.get(id)), label: null })),
      ...arrowsOf(chart).map((arrow, index) => {
        const edge = edges.get(`e${index}`);
        return {
          edges: arrow.edges.map(({ id }) => id),
          points: pointsOf(edge),
          label: edge?.labels?.[0] === undefined ? null : boxOf(edge.labels[0]),
        };
      }),
    ],
  };
}

function boxSize(chart: Chart, state: ChartState): { width: number; height: number } {
  if (state.type === 'history') return { width: 30, height: 30 };
  const lines = boxLines(chart, state);
  const widest = Math.max(...[stateTitle(state), ...lines.map(({ text }) => text)].map(textWidth));
  return {
    // Room for the mark of an active state before its name, and for a count behind it.
    width: Math.max(SMALLEST_WIDTH, widest + 2 * BOX_PADDING + 3 * RING_ROOM),
    height: (1 + lines.length) * LINE_HEIGHT + 2 * BOX_PADDING,
  };
}

function labelOf({ edges }: Arrow): { text: string; width: number; height: number } {
  const texts = edges.map((edge) => shorten(edgeLabel(edge)));
  const ring = edges.some(({ kind }) => kind === 'after') ? RING_ROOM + textWidth(TIME_LEFT) : 0;
  return {
    text: ' ',
    width: Math.max(...texts.map(textWidth)) + ring + 6,
    height: texts.length * LINE_HEIGHT,
  };
}

function boxOf(shape: Partial<ChartBox> | undefined): ChartBox {
  return {
    x: whole(shape?.x),
    y: whole(shape?.y),
    width: whole(shape?.width),
    height: whole(shape?.height),
  };
}

function pointsOf(edge: ElkExtendedEdge | undefined): ChartPoint[] {
  return (edge?.sections ?? []).flatMap((section) =>
    [section.startPoint, ...(section.bendPoints ?? []), section.endPoint].map(({ x, y }) => ({
      x: whole(x),
      y: whole(y),
    })),
  );
}

function whole(pixels: number | undefined): number {
  return Math.round(pixels ?? 0);
}
