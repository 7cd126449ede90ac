import type { AnyStateMachine } from 'xstate';
import {
  assigning,
  internalsOf,
  invoking,
  stopping,
  type MachineInternals,
  type StateNode,
} from '../xstate-internals.ts';
import { compileAction, type Action } from './actions.ts';
import { BoundedMap } from './bounded-map.ts';
import { Configuration } from './configuration.ts';
import { initialStates } from './entry-and-exit.ts';
import { EventClasses } from './events.ts';
import { stepOf, type Step } from './steps.ts';
import { Transitions, type Transition } from './transitions.ts';

/** What a state does, made ready. */
export interface CompiledState {
  /** On entry, actors that it invokes included. */
  readonly entry: readonly Action[];
  /** When it begins by its own initial transition, after its entry. */
  readonly initial: readonly Action[];
  /** On exit. */
  readonly exit: readonly Action[];
  /** When it is left: its actors are stopped. */
  readonly stops: readonly Action[];
  /** The ids of the actors that it invokes. */
  readonly invoked: readonly string[];
}

/** Combinations of states that are remembered; parallel regions could make any number. */
const mostConfigurations = 4_096;

/** A machine as a table: what it does in which states, computed once, for all processes that run it. */
export class Chart {
  /** The machine itself. */
  readonly machine: AnyStateMachine;
  /** Its insides. */
  readonly internals: MachineInternals;
  /** Its uppermost state. */
  readonly root: StateNode;
  /** Its transitions, made ready. */
  readonly transitions: Transitions;
  /** Whether any of its states remembers where it was; then what a step does depends on more than where it begins. */
  readonly hasHistory: boolean;
  /** What makes the data of a process, where it is not the same for all. */
  readonly preparation: readonly Action[];
  readonly #states = new Map<StateNode, CompiledState>();
  readonly #classes: EventClasses;
  readonly #configurations = new BoundedMap<string, Configuration>(mostConfigurations);
  readonly #byNodes = new WeakMap<readonly StateNode[], Configuration>();
  #initialStep: Step | undefined;

  /** @param machine - Which one. */
  constructor(machine: AnyStateMachine) {
    this.machine = machine;
    this.internals = internalsOf(machine);
    this.root = this.internals.root;
    this.transitions = new Transitions(this.internals);
    const nodes = [...withDescendants(this.root)];
    this.hasHistory = nodes.some(({ type }) => type === 'history');
    this.#classes = new EventClasses(nodes);
    this.preparation = preparationOf(this.internals);
    for (const node of nodes) this.#states.set(node, compileState(this.internals, node));
  }

  /** Which events are alike to it. */
  classOf(eventType: string): number {
    return this.#classes.of(eventType);
  }

  /** What a state does. */
  state(node: StateNode): CompiledState {
    const known = this.#states.get(node);
    if (known === undefined) throw new Error(`${node.id} is no state of ${this.internals.id}`);
    return known;
  }

  /** What leaving a state does. */
  exitOf(node: StateNode): readonly Action[] {
    const { exit, stops } = this.state(node);
    return stops.length === 0 ? exit : [...exit, ...stops];
  }

  /** The configuration of these states, in this order. */
  configuration(nodes: readonly StateNode[]): Configuration {
    const key = nodes.map(({ order }) => order).join();
    return this.#configurations.take(key, () => {
      const made = new Configuration(this, nodes);
      this.#byNodes.set(nodes, made);
      return made;
    });
  }

  /** The configuration of a snapshot. */
  configurationOf({ _nodes: nodes }: { readonly _nodes: readonly StateNode[] }): Configuration {
    return this.#byNodes.get(nodes) ?? this.configuration(nodes);
  }

  /** Its first step: it enters where it begins. */
  get initialStep(): Step {
    this.#initialStep ??= stepOf(this, {
      from: this.configuration([this.root]),
      transitions: [this.#beginning()],
      history: {},
      isInitial: true,
    });
    return this.#initialStep;
  }

  #beginning(): Transition {
    return this.transitions.of({
      source: this.root,
      target: [...initialStates(this.root)],
      reenter: true,
      actions: [],
    });
  }
}

/** XState treats a function that makes the context as the first assignment. */
function preparationOf(machine: MachineInternals): Action[] {
  const { context } = machine.config;
  if (typeof context !== 'function') return [];
  const make = context as (args: unknown) => object;
  const first = assigning(({ spawn, event, self }) => make({ spawn, input: event.input, self }));
  return [compileAction(machine, first)];
}

function* withDescendants(node: StateNode): Generator<StateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* withDescendants(child);
}

function compileState(machine: MachineInternals, node: StateNode): CompiledState {
  const compileAll = (actions: readonly unknown[]): Action[] =>
    actions.map((action) => compileAction(machine, action));
  return {
    entry: compileAll([...node.entry, ...node.invoke.map(invoking)]),
    initial: compileAll(node.initial.actions),
    exit: compileAll(node.exit),
    stops: compileAll(node.invoke.map(({ id }) => stopping(id))),
    invoked: node.invoke.map(({ id }) => id),
  };
}
