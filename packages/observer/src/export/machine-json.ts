import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { chartOf, type Chart, type ChartEdge, type ChartState } from '../chart/chart.ts';

type Json = Readonly<Record<string, unknown>>;
/** Event, delay or source to what is done then. */
type Transitions = Map<string, Json[]>;

/**
 * The configuration of a machine as plain JSON: `createMachine` makes a machine with the same chart of it, and tools for
 * XState open it. Actions, guards, delays and actors are there by their names; those without one are called `inline`.
 *
 * @param machine - Any XState machine.
 * @returns The configuration.
 */
export function machineConfig(machine: AnyStateMachine): Readonly<Record<string, unknown>> {
  const chart = chartOf(machine);
  return { ...stateConfig(chart, machine.root), id: machine.id };
}

/**
 * {@link machineConfig} as text.
 *
 * @param machine - Any XState machine.
 * @returns JSON, indented by two.
 */
export function machineToJson(machine: AnyStateMachine): string {
  return `${JSON.stringify(machineConfig(machine), null, 2)}\n`;
}

function stateConfig(chart: Chart, node: AnyStateNode): Json {
  const state = chart.states.find(({ id }) => id === node.id);
  if (state === undefined) return {};
  const edges = chart.edges.filter(({ source }) => source === node.id);
  const inner: (readonly [string, Json])[] = Object.values(node.states).map((one) => {
    const child = one as AnyStateNode;
    return [child.key, stateConfig(chart, child)];
  });
  const defaultId = [node.machine.id, ...node.path].join('.');
  return {
    ...(node.id === defaultId ? {} : { id: node.id }),
    ...typeOf(state, node),
    ...filled('description', state.description),
    ...filled('tags', state.tags),
    ...filled('entry', state.entry.map(named)),
    ...filled('exit', state.exit.map(named)),
    ...filled('invoke', invokesOf(node, edges)),
    ...transitionsOf(node, edges),
    ...(inner.length === 0 ? {} : { states: Object.fromEntries(inner) }),
  };
}

function typeOf(state: ChartState, node: AnyStateNode): Json {
  if (state.type === 'compound') return { initial: node.initial.target[0]?.key };
  if (state.type === 'history') {
    const { target } = node.config as { readonly target?: unknown };
    return { type: 'history', history: state.history, ...filled('target', target) };
  }
  return state.type === 'atomic' ? {} : { type: state.type };
}

function invokesOf(node: AnyStateNode, edges: readonly ChartEdge[]): readonly Json[] {
  return node.invoke.map(({ id, src }) => ({
    id,
    src,
    ...filled('onDone', given(edges, `xstate.done.actor.${id}`, node)),
    ...filled('onError', given(edges, `xstate.error.actor.${id}`, node)),
    ...filled('onSnapshot', given(edges, `xstate.snapshot.${id}`, node)),
  }));
}

/** What leaves a state, but for what its actors bring. */
function transitionsOf(node: AnyStateNode, edges: readonly ChartEdge[]): Json {
  const ofActors = new Set(
    node.invoke.flatMap(({ id }) =>
      ['done.actor', 'error.actor', 'snapshot'].map((what) => `xstate.${what}.${id}`),
    ),
  );
  const done = `xstate.done.state.${node.id}`;
  const on: Transitions = new Map();
  const after: Transitions = new Map();
  for (const edge of edges) {
    const { event, kind } = edge;
    if (kind === 'always' || event === done || ofActors.has(event)) continue;
    const delay = edge.label.replace(/^after /s, '');
    const [list, key] = kind === 'after' ? ([after, delay] as const) : ([on, event] as const);
    list.set(key, [...(list.get(key) ?? []), transition(edge, node)]);
  }
  return {
    ...(on.size === 0 ? {} : { on: Object.fromEntries(on) }),
    ...filled('onDone', given(edges, done, node)),
    ...(after.size === 0 ? {} : { after: Object.fromEntries(after) }),
    ...filled('always', given(edges, '', node)),
  };
}

function given(edges: readonly ChartEdge[], event: string, node: AnyStateNode): readonly Json[] {
  return edges.filter((edge) => edge.event === event).map((edge) => transition(edge, node));
}

function transition({ targets, guard, actions, reenter }: ChartEdge, node: AnyStateNode): Json {
  return {
    ...filled('target', targets.map(addressOf)),
    ...(guard === '' ? {} : { guard: named(guard) }),
    ...filled('actions', actions.map(named)),
    ...(reenter ? { reenter } : {}),
  };

  /** A dot in a name would be taken for a step into a state, unless it is escaped. */
  function addressOf(id: string): string {
    const found = node.machine.getStateNodeById(`#${escaped(id)}`);
    const isPlain = [node.machine.id, ...found.path].join('.') === id && !hasDots(found);
    return `#${isPlain ? id : escaped(id)}`;
  }
}

function hasDots({ path, machine }: AnyStateNode): boolean {
  return [machine.id, ...path].some((part) => /[.\\]/.test(part));
}

function escaped(id: string): string {
  return id.replace(/[.\\]/g, '\\$&');
}

function named(type: string): Json {
  return { type };
}

function filled(name: string, value: unknown): Json {
  const isEmpty = value === null || value === undefined || (Array.isArray(value) && !value.length);
  return isEmpty ? {} : { [name]: value };
}
