import type { HistoryValue, StateNode } from '../xstate-internals.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Chart } from './chart.ts';
import { childrenOf, initialStates, isAtomic, properAncestors } from './entry-and-exit.ts';
import { candidatesOf } from './events.ts';
import type { Situation } from './guards.ts';
import { stepOf, type Step } from './steps.ts';
import { none, selectEventless, selectFrom, type Offer, type Transition } from './transitions.ts';

/** A state value: names of states, as XState shows them. */
type Value = string | { readonly [key: string]: Value };

/** Steps and offers remembered for one configuration; a machine of ordinary size never comes near. */
const mostRemembered = 1_000;

/** The states that a machine is in at once, and what it does next in them. Shared by all processes of the machine. */
export class Configuration {
  /** In the order in which they were entered; it decides the order of regions. */
  readonly nodes: readonly StateNode[];
  /** As users see them. */
  readonly value: Value;
  /** Of all of them. */
  readonly tags: ReadonlySet<string>;
  readonly #chart: Chart;
  readonly #byKey: ReadonlyMap<StateNode, readonly StateNode[]>;
  readonly #offers = new BoundedMap<number, Offer | 'none'>(mostRemembered);
  readonly #steps = new BoundedMap<number | string, Step>(mostRemembered);
  #eventless: readonly (readonly Transition[])[] | undefined;

  /**
   * @param chart - Of which machine.
   * @param nodes - Which states.
   */
  constructor(chart: Chart, nodes: readonly StateNode[]) {
    this.#chart = chart;
    this.nodes = nodes;
    this.tags = new Set(nodes.flatMap(({ tags }) => tags));
    this.#byKey = present(nodes);
    this.value = valueOf(chart.root, this.#byKey);
  }

  /** The transitions taken for an event. */
  select(eventType: string, situation: Situation): readonly Transition[] {
    const offer = this.#offers.take(this.#chart.classOf(eventType), () =>
      this.#offerFor(eventType),
    );
    return offer === 'none' ? none : selectFrom(offer, situation, eventType);
  }

  /** The transitions taken without an event. */
  selectEventless(situation: Situation): readonly Transition[] {
    this.#eventless ??= this.#eventlessLists();
    return this.#eventless.length === 0 ? none : selectEventless(this.#eventless, situation);
  }

  /** What taking transitions does. */
  step(transitions: readonly Transition[], history: HistoryValue): Step {
    const compute = (): Step => stepOf(this.#chart, { from: this, transitions, history });
    if (this.#chart.hasHistory) return compute();
    const [only] = transitions;
    const key =
      transitions.length === 1 && only !== undefined
        ? only.index
        : transitions.map(({ index }) => index).join();
    return this.#steps.take(key, compute);
  }

  #offerFor(eventType: string): Offer | 'none' {
    const offerOf = (node: StateNode): Offer | undefined => {
      // Object.keys, because XState walks the value: names that look like numbers come first.
      const inside = this.#byKey.get(node) ?? [];
      const byName = Object.fromEntries(inside.map((child) => [child.key, child]));
      const inner = Object.values(byName).flatMap((child) => offerOf(child) ?? []);
      const own = candidatesOf(node, eventType).map((found) => this.#chart.transitions.of(found));
      const [single] = inner;
      if (own.length === 0 && inner.length <= 1) return single;
      return { node, own, inner };
    };
    return offerOf(this.#chart.root) ?? 'none';
  }

  #eventlessLists(): (readonly Transition[])[] {
    return this.nodes
      .filter(isAtomic)
      .map((node) =>
        [node, ...properAncestors(node, undefined)].flatMap(({ always = [] }) =>
          always.map((found) => this.#chart.transitions.of(found)),
        ),
      )
      .filter((list) => list.length > 0);
  }
}

/**
 * The present states inside each present state.
 *
 * States that a machine is just about to enter are not there yet; until then it is shown where it will begin.
 */
function present(nodes: readonly StateNode[]): Map<StateNode, readonly StateNode[]> {
  const all = new Set(nodes);
  const has = (node: StateNode): boolean => childrenOf(node).some((child) => all.has(child));
  for (const node of all) {
    const missing =
      node.type === 'compound' && !has(node)
        ? [node]
        : node.type === 'parallel'
          ? childrenOf(node).filter((child) => !all.has(child))
          : [];
    for (const root of missing) for (const initial of initialStates(root)) all.add(initial);
  }
  const inside = new Map<StateNode, StateNode[]>();
  for (const node of all) {
    if (node.parent === undefined) continue;
    const siblings = inside.get(node.parent);
    if (siblings === undefined) inside.set(node.parent, [node]);
    else siblings.push(node);
  }
  return inside;
}

function valueOf(node: StateNode, inside: ReadonlyMap<StateNode, readonly StateNode[]>): Value {
  const children = inside.get(node) ?? [];
  const [first] = children;
  if (node.type === 'compound' && first !== undefined && isAtomic(first)) return first.key;
  const value = Object.fromEntries(children.map((child) => [child.key, valueOf(child, inside)]));
  // One value is shown to all who look: none may change it for the others.
  return Object.freeze(value);
}
