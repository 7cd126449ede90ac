import { shorten } from '../chart/chart-boxes.ts';
import { edgeLabel, type Chart, type ChartEdge, type ChartState } from '../chart/chart.ts';

/**
 * A chart as a Mermaid state diagram. Ids in it are aliases, since states may be called whatever they like; names are
 * cut to a length that can be drawn, and escaped.
 *
 * @param chart - The chart.
 * @param active - Ids of the states to be drawn with a thick border; default none.
 * @returns The text of the diagram.
 */
export function chartToMermaid(chart: Chart, active: Iterable<string> = []): string {
  const aliases = new Map(chart.states.map(({ id }, index) => [id, `s${String(index)}`]));
  const diagram: Diagram = { chart, alias: (id) => aliases.get(id) ?? 'unknown' };
  const lit = [...active].filter((id) => id !== chart.root && aliases.has(id));
  const lines = [
    'stateDiagram-v2',
    ...insideOf(diagram, chart.root, '  '),
    ...chart.edges.flatMap((edge) => arrowsOf(diagram, edge)),
    ...(lit.length === 0 ? [] : ['  classDef active stroke-width:4px']),
    ...lit.map((id) => `  class ${diagram.alias(id)} active`),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * A text as Mermaid shows it, whatever is in it: cut, on one line, and what means something to Mermaid as its number.
 *
 * @internal
 */
export function mermaidText(text: string): string {
  const shown = shorten(text).replace(
    /[#;:<>"'`{}%&|\\[\]-]/g,
    (sign) => `#${String(sign.charCodeAt(0))};`,
  );
  return shown.trim() === '' ? '#32;' : shown;
}

interface Diagram {
  readonly chart: Chart;
  readonly alias: (id: string) => string;
}

function insideOf(diagram: Diagram, parent: string, indent: string): string[] {
  const { chart, alias } = diagram;
  const outer = chart.states.find(({ id }) => id === parent);
  const inner = chart.states.filter((state) => state.parent === parent);
  return [
    ...inner.flatMap((state, index) => {
      const isRegion = outer?.type === 'parallel' && index > 0;
      return [...(isRegion ? [`${indent}--`] : []), ...stateLines(diagram, state, indent)];
    }),
    ...(outer?.initial ?? []).map((target) => `${indent}[*] --> ${alias(target)}`),
  ];
}

function stateLines(diagram: Diagram, state: ChartState, indent: string): string[] {
  const alias = diagram.alias(state.id);
  const inside = insideOf(diagram, state.id, `${indent}  `);
  const head = `${indent}state "${titleOf(state)}" as ${alias}`;
  if (inside.length > 0) return [`${head} {`, ...inside, `${indent}}`];
  return state.type === 'final' ? [head, `${indent}${alias} --> [*]`] : [head];
}

function titleOf({ key, type, history }: ChartState): string {
  const mark = history === 'deep' ? ' (H*)' : ' (H)';
  return mermaidText(key) + (type === 'history' ? mark : '');
}

/** Mermaid cannot have an arrow from the whole diagram: what is possible anywhere is a note. */
function arrowsOf({ chart, alias }: Diagram, edge: ChartEdge): string[] {
  const label = mermaidText(edgeLabel(edge)) + actionsOf(edge);
  if (edge.source !== chart.root) {
    const targets = edge.targets.length === 0 ? [edge.source] : edge.targets;
    return targets
      .filter((target) => target !== chart.root)
      .map((target) => `  ${alias(edge.source)} --> ${alias(target)}: ${label}`);
  }
  const first = chart.states.find(({ parent }) => parent === chart.root);
  if (first === undefined) return [];
  const keys = edge.targets.map((id) => chart.states.find((state) => state.id === id)?.key ?? id);
  const where = keys.length === 0 ? '' : `, to ${keys.map(mermaidText).join(', ')}`;
  return [`  note right of ${alias(first.id)}: anywhere, ${label}${where}`];
}

function actionsOf({ actions }: ChartEdge): string {
  return actions.length === 0 ? '' : ` / ${actions.map(mermaidText).join(', ')}`;
}
