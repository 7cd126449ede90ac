import {
  createActor,
  initialTransition,
  SimulatedClock,
  transition,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from 'xstate';

type StateNode = AnyStateMachine['root'];

/** One event tried in one state. */
export interface Edge {
  readonly from: string;
  readonly event: AnyEventObject;
  readonly to: string;
  /** Types of the actions, in order. */
  readonly actions: readonly string[];
  /** Whether a transition was enabled. */
  readonly taken: boolean;
}

/** One state that was reached, and how. */
export interface Node {
  readonly key: string;
  readonly state: AnyMachineSnapshot;
  /** The edge by which it was reached first. */
  readonly via?: Edge;
}

/** All that was reached. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: readonly Edge[];
}

/** What to walk. */
export interface WalkOptions {
  readonly input?: unknown;
  /** Events to try in a state; delays are added. */
  readonly events: (state: AnyMachineSnapshot) => readonly AnyEventObject[];
  /** What makes two states the same; abstract unbounded context here, but no answer of a guard. */
  readonly key?: (state: AnyMachineSnapshot) => string;
  /** States allowed; default 10,000. */
  readonly limit?: number;
}

function delays(state: AnyMachineSnapshot): AnyEventObject[] {
  return state._nodes.flatMap((node) =>
    node.after.map(({ eventType }) => ({ type: eventType as string })),
  );
}

/**
 * Walks a machine breadth first with XState's own pure functions.
 *
 * Not `getAdjacencyMap`: it drops delays when events are given, and never shows the actions.
 */
export function walk(machine: AnyStateMachine, options: WalkOptions): Graph {
  const keyOf =
    options.key ?? ((state) => JSON.stringify([state.status, state.value, state.context]));
  const limit = options.limit ?? 10_000;
  const [first] = initialTransition(machine, options.input);
  const nodes = new Map<string, Node>([[keyOf(first), { key: keyOf(first), state: first }]]);
  const edges: Edge[] = [];
  // The iteration of a Map sees the nodes that are added meanwhile.
  for (const node of nodes.values()) {
    if (node.state.status !== 'active') continue;
    if (nodes.size > limit) throw new Error(`more than ${String(limit)} states: abstract in key()`);
    for (const event of [...options.events(node.state), ...delays(node.state)]) {
      const taken = node.state.can(event);
      const [next, actions] = transition(machine, node.state, event);
      const to = keyOf(next);
      const types = actions.map(({ type }) => type);
      const edge: Edge = { from: node.key, event, to, taken, actions: types };
      edges.push(edge);
      if (!nodes.has(to)) nodes.set(to, { key: to, state: next, via: edge });
    }
  }
  return { nodes, edges };
}

/** A node that was reached. */
export function nodeAt(graph: Graph, key: string): Node {
  const node = graph.nodes.get(key);
  if (node === undefined) throw new Error(`no state ${key}`);
  return node;
}

/** The shortest way to a state. */
export function pathTo(graph: Graph, key: string): readonly Edge[] {
  const path: Edge[] = [];
  for (let { via } = nodeAt(graph, key); via !== undefined; { via } = nodeAt(graph, via.from)) {
    path.unshift(via);
  }
  return path;
}

/**
 * One way for each edge that is taken: covers every transition, not only every state.
 *
 * @param alike - Edges with the same answer are taken once; default: every edge is.
 */
export function edgePaths(
  graph: Graph,
  alike?: (edge: Edge) => string,
): { events: AnyEventObject[]; edge: Edge; edges: readonly Edge[] }[] {
  const seen = new Set<string>();
  const isNew = (edge: Edge): boolean => {
    const answer = alike?.(edge);
    if (answer === undefined) return true;
    const before = seen.size;
    return seen.add(answer).size > before;
  };
  return graph.edges
    .filter((edge) => edge.taken && isNew(edge))
    .map((edge) => {
      const edges = [...pathTo(graph, edge.from), edge];
      return { events: edges.map(({ event }) => event), edge, edges };
    });
}

/**
 * Every declared transition that does anything: source, descriptor, index among its candidates.
 *
 * One without target and actions only keeps an event from a wildcard; XState does not report it as taken.
 */
export function declared(machine: AnyStateMachine): Set<string> {
  const found = new Set<string>();
  const visit = (node: StateNode): void => {
    for (const [descriptor, candidates] of node.transitions) {
      candidates.forEach(({ target, actions }, index) => {
        if (target === undefined && actions.length === 0) return;
        found.add(`${node.id}|${descriptor}|${String(index)}`);
      });
    }
    node.always?.forEach((_, index) => found.add(`${node.id}||${String(index)}`));
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return found;
}

interface Taken {
  readonly source: StateNode;
  readonly eventType: string;
}

function keyOfTaken(taken: Taken): string {
  const { source, eventType } = taken;
  const candidates: readonly unknown[] =
    (eventType === '' ? source.always : source.transitions.get(eventType)) ?? [];
  return `${source.id}|${eventType}|${String(candidates.indexOf(taken))}`;
}

/** What to replay. */
export interface ReplayOptions {
  readonly input?: unknown;
  /** Milliseconds of each named delay that is waited for. */
  readonly delays?: Readonly<Record<string, number>>;
  /** Gets the key of every transition that was taken. */
  readonly covered?: Set<string>;
}

/** Sends events to a real actor with a simulated clock; its effects do nothing. */
export function replay(
  machine: AnyStateMachine,
  events: readonly AnyEventObject[],
  options: ReplayOptions = {},
): AnyMachineSnapshot {
  const clock = new SimulatedClock();
  const actor = createActor(withoutEffects(machine), {
    clock,
    input: options.input,
    inspect: (inspected) => {
      if (inspected.type !== '@xstate.microstep') return;
      // The inspection event has the very transition objects of the machine.
      for (const taken of inspected._transitions) options.covered?.add(keyOfTaken(taken as Taken));
    },
  }).start();
  for (const event of events) {
    const delay = /^xstate\.after\.([^.]+)\./.exec(event.type)?.[1];
    if (delay === undefined) actor.send(event);
    else clock.increment(options.delays?.[delay] ?? Number(delay));
  }
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
  actor.stop();
  return snapshot;
}

/** The machine with its effects (plain functions) replaced by nothing. */
function withoutEffects(machine: AnyStateMachine): AnyStateMachine {
  const silent: Record<string, () => void> = {};
  for (const [name, action] of Object.entries(machine.implementations.actions)) {
    if (typeof action === 'function' && !('resolve' in action)) silent[name] = () => undefined;
  }
  // Names and kinds are the machine's own.
  return machine.provide({ actions: silent as never });
}
