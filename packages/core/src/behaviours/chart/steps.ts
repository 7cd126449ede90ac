import type { HistoryValue, StateNode } from '../xstate-internals.ts';
import type { Action } from './actions.ts';
import type { Chart } from './chart.ts';
import type { Configuration } from './configuration.ts';
import {
  entrySet,
  exitSet,
  isAtomic,
  isDescendant,
  isInFinalState,
  withoutConflicts,
} from './entry-and-exit.ts';
import type { Transition } from './transitions.ts';

/** What taking some transitions in some configuration does (SCXML: a microstep). */
export interface Step {
  /** Of the states that are left, the innermost first. */
  readonly exits: readonly Action[];
  /** Of the transitions. */
  readonly actions: readonly Action[];
  /** The states that are entered, the outermost first. */
  readonly entries: readonly Entry[];
  /** When it ends the machine: of the states that it ends in. */
  readonly lastExits: readonly Action[];
  /** Where it leads. */
  readonly next: Configuration;
  /** What history states remember afterwards. */
  readonly history: HistoryValue;
}

/** A state that is entered. */
export interface Entry {
  /** What it does. */
  readonly actions: readonly Action[];
  /** The ids of the actors that it invokes. */
  readonly invoked: readonly string[];
  /** The ends that it brings about, innermost first. */
  readonly ends: readonly End[];
  /** Set when the machine is done: the state that completes it. */
  readonly completes: StateNode | undefined;
}

/** A state has come to its end. */
export interface End {
  /** The type of the event that says so. */
  readonly type: string;
  /** The final state whose output goes with it. */
  readonly final: StateNode | undefined;
}

interface Taking {
  readonly from: Configuration;
  readonly transitions: readonly Transition[];
  readonly history: HistoryValue;
  readonly isInitial?: boolean;
}

/** What taking transitions does. */
export function stepOf(chart: Chart, taking: Taking): Step {
  const { from, isInitial = false } = taking;
  const present = new Set(from.nodes);
  const transitions = withoutConflicts(taking.transitions, present, taking.history);
  const left = isInitial ? [] : exitSet(transitions, present, taking.history);
  left.sort((a, b) => b.order - a.order);
  const history = remember(left, present, taking.history);
  for (const node of left) present.delete(node);
  const entries = entriesOf(chart, { transitions, present, history, isInitial });
  const isDone = entries.some(({ completes }) => completes !== undefined);
  const nodes = [...present];
  if (isDone) nodes.sort((a, b) => b.order - a.order);
  const isSame = history === taking.history && haveSameMembers(from.nodes, present);
  return {
    exits: left.flatMap((node) => chart.exitOf(node)),
    actions: transitions.flatMap(({ actions }) => actions),
    entries,
    lastExits: isDone ? nodes.flatMap((node) => chart.state(node).exit) : [],
    next: isSame ? from : chart.configuration(nodes),
    history,
  };
}

function haveSameMembers(nodes: readonly StateNode[], others: ReadonlySet<StateNode>): boolean {
  return nodes.length === others.size && nodes.every((node) => others.has(node));
}

/** What history states remember once these states are left. */
function remember(
  left: readonly StateNode[],
  present: ReadonlySet<StateNode>,
  history: HistoryValue,
): HistoryValue {
  const changes: Record<string, readonly StateNode[]> = {};
  for (const parent of left) {
    for (const node of Object.values(parent.states)) {
      if (node.type !== 'history') continue;
      changes[node.id] = [...present].filter((other) =>
        node.history === 'deep'
          ? isAtomic(other) && isDescendant(other, parent)
          : other.parent === parent,
      );
    }
  }
  return Object.keys(changes).length === 0 ? history : { ...history, ...changes };
}

interface Entering {
  readonly transitions: readonly Transition[];
  /** Gets the states that are entered. */
  readonly present: Set<StateNode>;
  readonly history: HistoryValue;
  readonly isInitial: boolean;
}

function entriesOf(chart: Chart, entering: Entering): Entry[] {
  const { transitions, present, history, isInitial } = entering;
  const { states, byDefault } = entrySet(transitions, history);
  const completed = new Set<StateNode>();
  const inOrder = [...states].sort((a, b) => a.order - b.order);
  return inOrder.map((node) => {
    present.add(node);
    const { entry, initial, invoked } = chart.state(node);
    const beginsByDefault = byDefault.has(node) || (isInitial && node === chart.root);
    return {
      actions: beginsByDefault ? [...entry, ...initial] : entry,
      invoked,
      ...endsBy(node, present, completed),
    };
  });
}

/** What ends when a state is entered, if it is a final one. */
function endsBy(
  node: StateNode,
  present: ReadonlySet<StateNode>,
  completed: Set<StateNode>,
): Pick<Entry, 'ends' | 'completes'> {
  if (node.type !== 'final') return { ends: [], completes: undefined };
  const { parent } = node;
  const ends: End[] = [];
  if (parent?.type === 'compound') ends.push({ type: doneType(parent), final: node });
  let ancestor = parent?.type === 'parallel' ? parent : parent?.parent;
  let last = ancestor ?? node;
  while (
    ancestor?.type === 'parallel' &&
    !completed.has(ancestor) &&
    isInFinalState(present, ancestor)
  ) {
    completed.add(ancestor);
    ends.push({ type: doneType(ancestor), final: undefined });
    last = ancestor;
    ancestor = ancestor.parent;
  }
  return { ends, completes: ancestor === undefined ? last : undefined };
}

function doneType({ id }: StateNode): string {
  return `xstate.done.state.${id}`;
}
