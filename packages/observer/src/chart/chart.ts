import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** One state of a machine, as far as it can be drawn. */
export interface ChartState {
  /** Id of the state in XState: unique in its machine. */
  readonly id: string;
  /** Its name among its siblings. */
  readonly key: string;
  /** What XState calls its type. */
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Id of the state around it; null for the machine itself. */
  readonly parent: string | null;
  /** Its place in the order of the document. */
  readonly order: number;
  /** Kind of a history state; null for every other one. */
  readonly history: 'shallow' | 'deep' | null;
  /** Tags of the state. */
  readonly tags: readonly string[];
  /** What the author says about it. */
  readonly description: string | null;
  /** Names of the actions done on entry; `inline` for a function without a name. */
  readonly entry: readonly string[];
  /** Names of the actions done on exit. */
  readonly exit: readonly string[];
  /** Actors that run while the state is active. */
  readonly invoke: readonly { readonly id: string; readonly src: string }[];
  /** Ids of the states that it begins in; empty unless it is compound. */
  readonly initial: readonly string[];
}

/** One transition of a machine. */
export interface ChartEdge {
  /** Unique in its chart, and the same in every process that runs the machine. */
  readonly id: string;
  /** Id of the state it leaves. */
  readonly source: string;
  /** Ids of the states it enters; empty when it only does actions. */
  readonly targets: readonly string[];
  /** What it waits for. */
  readonly kind: 'event' | 'after' | 'always' | 'done' | 'error' | 'wildcard';
  /** Type of the event, as XState writes it; empty for `always`. */
  readonly event: string;
  /** The event as people read it: `after 5000` for a delay, `done fetch` for the end of an actor. */
  readonly label: string;
  /** Name of the guard; parts of a combined one are joined by words. Empty without one. */
  readonly guard: string;
  /** Names of its actions. */
  readonly actions: readonly string[];
  /** Whether it leaves and enters its source again. */
  readonly reenter: boolean;
}

/** What can be drawn of a machine. It is data: it goes through JSON unchanged. */
export interface Chart {
  /** Id of the machine. */
  readonly id: string;
  /** Id of its outermost state. */
  readonly root: string;
  /** Every state, outer ones before those inside. */
  readonly states: readonly ChartState[];
  /** Every transition, in the order in which XState tries them. */
  readonly edges: readonly ChartEdge[];
}

const DELAYED = 'xstate.after.';

/**
 * Reads everything that can be drawn from a machine.
 *
 * It walks the state nodes, because `machine.toJSON()` leaves out `always`, actions without a name and combined guards.
 *
 * @param machine - Any XState machine.
 * @returns Its states and transitions.
 */
export function chartOf(machine: AnyStateMachine): Chart {
  const states: ChartState[] = [];
  const edges: ChartEdge[] = [];
  const visit = (node: AnyStateNode): void => {
    states.push(stateOf(node));
    edges.push(...edgesOf(node));
    for (const inner of Object.values(node.states)) visit(inner as AnyStateNode);
  };
  visit(machine.root);
  return { id: machine.id, root: machine.root.id, states, edges };
}

/**
 * The words on an arrow: the event, and the guard in brackets.
 *
 * @param edge - A transition.
 * @returns One line; the actions are not in it.
 */
export function edgeLabel(edge: ChartEdge): string {
  return edge.guard === '' ? edge.label : `${edge.label} [${edge.guard}]`;
}

function stateOf(node: AnyStateNode): ChartState {
  return {
    id: node.id,
    key: node.key,
    type: node.type,
    parent: node.parent?.id ?? null,
    order: node.order,
    // Without a word about it, XState remembers one level.
    history: node.type === 'history' ? node.history || 'shallow' : null,
    tags: node.tags,
    description: node.description ?? null,
    // XState starts and stops the timers of `after` by these two actions.
    entry: node.entry.map(nameOf).filter((action) => action !== 'raise'),
    exit: node.exit.map(nameOf).filter((action) => action !== 'cancel'),
    invoke: node.invoke.map(({ id, src }) => ({ id, src: nameOf(src) })),
    initial: node.type === 'compound' ? node.initial.target.map(({ id }) => id) : [],
  };
}

interface Transition {
  readonly target?: readonly AnyStateNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
}

function edgesOf(node: AnyStateNode): ChartEdge[] {
  const edges: ChartEdge[] = [];
  const add = (event: string, list: readonly Transition[]): void => {
    for (const [index, transition] of list.entries()) {
      edges.push({
        id: `${node.id}|${event}|${index}`,
        source: node.id,
        targets: transition.target?.map(({ id }) => id) ?? [],
        ...kindAndLabel(event, node.id),
        event,
        guard: guardText(transition.guard),
        actions: transition.actions.map(nameOf),
        reenter: transition.reenter,
      });
    }
  };
  for (const [event, list] of node.transitions) add(event, list);
  add('', node.always ?? []);
  return edges;
}

function kindAndLabel(event: string, source: string): Pick<ChartEdge, 'kind' | 'label'> {
  if (event === '') return { kind: 'always', label: 'always' };
  if (event.startsWith(DELAYED)) {
    const delay = event.slice(DELAYED.length, event.length - source.length - 1);
    return { kind: 'after', label: `after ${delay}` };
  }
  const [, word, what] = /^xstate\.(done|error)\.(?:actor|state)\.(.*)$/s.exec(event) ?? [];
  if ((word === 'done' || word === 'error') && what !== undefined) {
    return { kind: word, label: `${word} ${what}` };
  }
  return { kind: event === '*' || event.endsWith('.*') ? 'wildcard' : 'event', label: event };
}

function nameOf(named: unknown): string {
  const name =
    typeof named === 'string'
      ? named
      : (field(named, 'type') ?? (typeof named === 'function' ? named.name : ''));
  return name === '' ? 'inline' : name.replace(/^xstate\./, '');
}

/** `and`, `or` and `not` are functions that carry their parts. */
function guardText(guard: unknown, inside = false): string {
  if (guard === undefined || guard === null) return '';
  const parts: unknown =
    typeof guard === 'function' && 'guards' in guard ? guard.guards : undefined;
  if (typeof guard !== 'function' || !Array.isArray(parts)) return nameOf(guard);
  const texts = parts.map((part) => guardText(part, true));
  if (guard.name === 'not') return `not ${texts.join('')}`;
  const text = texts.join(` ${guard.name} `);
  return inside ? `(${text})` : text;
}

function field(value: unknown, key: string): string | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    return undefined;
  }
  const found: unknown = Reflect.get(value, key);
  return typeof found === 'string' ? found : undefined;
}
