import type { AnyMachineSnapshot, AnyStateMachine, StateValue } from 'xstate';
import { BoundedMap } from './chart/bounded-map.ts';
import { matchesDescriptor } from './chart/events.ts';

type StateNode = AnyStateMachine['root'];

/**
 * The event descriptors that a state postpones: `meta.postpone`, as gen_statem's `postpone` action.
 *
 * A descriptor is an event type, a prefix with `.*`, or `*` for what the state has no use for.
 */
function descriptorsOf(node: StateNode): readonly string[] {
  const meta: unknown = node.meta;
  if (typeof meta !== 'object' || meta === null || !('postpone' in meta)) return [];
  const { postpone } = meta;
  return Array.isArray(postpone) ? postpone.filter((item) => typeof item === 'string') : [];
}

/** Whether any state of a machine postpones anything; asked once per machine. */
export function postponesAnything(machine: AnyStateMachine): boolean {
  const visit = (node: StateNode): boolean =>
    descriptorsOf(node).length > 0 || Object.values(node.states).some((child) => visit(child));
  return visit(machine.root);
}

/** Tells which events must wait in the present states. */
export type PostponedIn = (snapshot: AnyMachineSnapshot) => (eventType: string) => boolean;

/** Types of events whose answer is remembered for one combination of states; more could be made up. */
const mostTypes = 256;

/**
 * Makes what tells it for one machine, and remembers the answers.
 *
 * A compiled chart has one list of states for each combination, so that is what they are remembered by.
 */
export function rememberPostponed(): PostponedIn {
  const known = new WeakMap<object, (eventType: string) => boolean>();
  return (snapshot) => {
    const before = known.get(snapshot._nodes);
    if (before !== undefined) return before;
    const mustWait = postponedIn(snapshot);
    const answers = new BoundedMap<string, boolean>(mostTypes);
    const answer = (eventType: string): boolean =>
      answers.take(eventType, () => mustWait(eventType));
    known.set(snapshot._nodes, answer);
    return answer;
  };
}

function postponedIn(snapshot: AnyMachineSnapshot): (eventType: string) => boolean {
  const rules = snapshot._nodes.flatMap((node) =>
    descriptorsOf(node).map((descriptor) => ({ descriptor, node })),
  );
  return (eventType) =>
    rules.some(({ descriptor, node }) =>
      descriptor === '*'
        ? // What is no event has no type; a chart drops it at once.
          eventType !== '' && !isNamedWithin(node, eventType, snapshot)
        : matches(descriptor, eventType),
    );
}

/** Whether a state, or a present one inside it, names a transition for an event; `'*'` names none. */
function isNamedWithin(node: StateNode, eventType: string, snapshot: AnyMachineSnapshot): boolean {
  return snapshot._nodes.some(
    (inner) =>
      isWithin(inner, node) &&
      [...inner.transitions.keys()].some((descriptor) => matches(descriptor, eventType)),
  );
}

function isWithin(inner: StateNode, outer: StateNode): boolean {
  for (let node: StateNode | undefined = inner; node !== undefined; node = node.parent) {
    if (node === outer) return true;
  }
  return false;
}

/** As transitions do; but `'*'` is no descriptor here, it is told apart before. */
function matches(descriptor: string, eventType: string): boolean {
  return descriptor !== '*' && matchesDescriptor(eventType, descriptor);
}

/** Whether two state values name the same states. */
export function sameStateValue(a: StateValue, b: StateValue): boolean {
  if (a === b) return true;
  if (typeof a === 'string' || typeof b === 'string') return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    const left = a[key];
    const right = b[key];
    return left !== undefined && right !== undefined && sameStateValue(left, right);
  });
}
