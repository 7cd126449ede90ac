import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { chartOf, type Chart, type ChartEdge, type ChartState } from '../chart/chart.ts';
import { xmlText } from '../chart/draw-chart.ts';

/**
 * A machine as SCXML, the W3C's notation of statecharts: for exchange with other tools, not for running. Actions are
 * `<log>` elements, guards are the text of `cond`, delays and actors have XState's names.
 *
 * @param machine - Any XState machine.
 * @returns An XML document.
 */
export function machineToScxml(machine: AnyStateMachine): string {
  const chart = chartOf(machine);
  const document: Scxml = { chart, idOf: idsOf(chart) };
  const head = { xmlns: 'http://www.w3.org/2005/07/scxml', version: '1.0', name: machine.id };
  const { root } = machine;
  // The document cannot be parallel, nor handle events itself: then it holds one state that does.
  const isBare = root.type === 'compound' && !chart.edges.some(({ source }) => source === root.id);
  const inside = isBare
    ? element('scxml', { ...head, ...initialOf(document, root) }, childrenOf(document, root))
    : element('scxml', { ...head, initial: document.idOf(root.id) }, [stateOf(document, root)]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${inside.join('\n')}\n`;
}

interface Scxml {
  readonly chart: Chart;
  readonly idOf: (id: string) => string;
}

type Lines = readonly string[];

/** Ids of XML are names; a state whose id is none gets a number. */
function idsOf({ states }: Chart): (id: string) => string {
  const ids = new Map(
    states.map(({ id }, index) => [
      id,
      /^[A-Za-z_][\w.-]{0,199}$/.test(id) ? id : `state-${String(index)}`,
    ]),
  );
  return (id) => ids.get(id) ?? id;
}

function childrenOf(document: Scxml, node: AnyStateNode): Lines[] {
  return Object.values(node.states).map((inner) => stateOf(document, inner as AnyStateNode));
}

function stateOf(document: Scxml, node: AnyStateNode): Lines {
  const state = document.chart.states.find(({ id }) => id === node.id);
  if (state === undefined) return [];
  const id = document.idOf(node.id);
  if (state.type === 'history') return historyOf(document, node, { id, type: state.history });
  const tag = state.type === 'parallel' || state.type === 'final' ? state.type : 'state';
  const edges = document.chart.edges.filter(({ source }) => source === node.id);
  // A final state of SCXML has no transitions; XState never takes those of one.
  const leaving = tag === 'final' ? [] : edges.map((edge) => transitionOf(document, edge));
  return element(tag, { id, ...initialOf(document, node) }, [
    ...blocksOf('onentry', state.entry),
    ...blocksOf('onexit', state.exit),
    ...(tag === 'final' ? [] : invokesOf(state)),
    ...leaving,
    ...childrenOf(document, node),
  ]);
}

function initialOf({ idOf }: Scxml, node: AnyStateNode): Attributes {
  if (node.type !== 'compound') return {};
  return { initial: node.initial.target.map(({ id }) => idOf(id)).join(' ') };
}

function historyOf({ idOf }: Scxml, node: AnyStateNode, attributes: Attributes): Lines {
  const target = historyDefault(node).map(({ id }) => idOf(id));
  return element('history', attributes, [element('transition', { target: target.join(' ') }, [])]);
}

/** Where a history state leads before there is any history. */
function historyDefault(node: AnyStateNode): readonly AnyStateNode[] {
  const { parent, machine } = node;
  const { target } = node.config as { readonly target?: unknown };
  if (parent === undefined) return [];
  if (typeof target !== 'string') {
    return parent.type === 'parallel' ? [parent] : parent.initial.target;
  }
  if (target.startsWith('#')) return [machine.getStateNodeById(target)];
  let found: AnyStateNode = parent;
  for (const key of target.split('.')) found = found.states[key] ?? found;
  return [found];
}

function transitionOf({ idOf }: Scxml, edge: ChartEdge): Lines {
  const { kind, event, guard, targets, actions, reenter } = edge;
  const attributes = {
    ...(kind === 'always' ? {} : { event }),
    ...(guard === '' ? {} : { cond: guard }),
    ...(targets.length === 0 ? {} : { target: targets.map(idOf).join(' ') }),
    // XState stays inside where it can, unless it is told to reenter.
    ...(targets.length === 0 || reenter ? {} : { type: 'internal' }),
  };
  return element('transition', attributes, actions.map(log));
}

function blocksOf(tag: string, actions: readonly string[]): Lines[] {
  return actions.length === 0 ? [] : [element(tag, {}, actions.map(log))];
}

function invokesOf({ invoke }: ChartState): Lines[] {
  return invoke.map(({ id, src }) => element('invoke', { id, type: 'xstate', src }, []));
}

function log(action: string): Lines {
  return element('log', { label: action }, []);
}

type Attributes = Readonly<Record<string, string | null>>;

function element(tag: string, attributes: Attributes, children: readonly Lines[]): Lines {
  const written = Object.entries(attributes).map(
    ([name, value]) => ` ${name}="${xmlText(value ?? '')}"`,
  );
  const inside = children.flat().map((line) => `  ${line}`);
  const head = `<${tag}${written.join('')}`;
  return inside.length === 0 ? [`${head}/>`] : [`${head}>`, ...inside, `</${tag}>`];
}
