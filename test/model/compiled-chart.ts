import { isDeepStrictEqual } from 'node:util';
import {
  initialTransition,
  transition,
  type AnyActorLogic,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ExecutableActionObject,
} from 'xstate';
import { compileChart } from '../../packages/core/src/behaviours/chart/compile.ts';
import type { Graph } from './machine-graph.ts';

type Taken = [AnyMachineSnapshot, ExecutableActionObject[]];

/** One step that a compiled chart does not do as its machine does. */
export interface Difference {
  /** The state and the event; or the beginning. */
  readonly where: unknown;
  /** What the machine does. */
  readonly wanted: Readonly<Record<string, unknown>>;
  /** What the compiled chart does. */
  readonly got: Readonly<Record<string, unknown>>;
}

/**
 * Takes every edge of a graph with the compiled chart, which is what processes run, and with the machine itself.
 *
 * @param compiled - Default: the machine, compiled.
 * @returns Where the two differ in anything that can be seen: state, data, end, or what is done with which params and
 *   in which order.
 */
export function differences(
  machine: AnyStateMachine,
  graph: Graph,
  input?: unknown,
  compiled: AnyActorLogic = compileChart(machine),
): Difference[] {
  const found: Difference[] = [];
  const compare = (where: unknown, theirs: Taken, ours: Taken): void => {
    const [wanted, got] = [seen(theirs), seen(ours)];
    if (!isDeepStrictEqual(got, wanted)) found.push({ where, wanted, got });
  };
  compare('the beginning', begin(machine, input), begin(compiled, input));
  // Each state as the compiled chart came to it from the first, not as the machine did.
  const reached = new Map<string, AnyMachineSnapshot>();
  for (const { key, state, via } of graph.nodes.values()) {
    const before = via === undefined ? undefined : reached.get(via.from);
    const isFirst = before === undefined || via === undefined;
    reached.set(key, isFirst ? state : take(compiled, before, via.event)[0]);
  }
  for (const { from, event } of graph.edges) {
    const [theirs, ours] = [graph.nodes.get(from)?.state, reached.get(from)];
    if (theirs === undefined || ours === undefined) throw new Error(`no state ${from}`);
    compare([from, event], take(machine, theirs, event), take(compiled, ours, event));
  }
  return found;
}

function begin(logic: AnyActorLogic, input: unknown): Taken {
  return initialTransition(logic, input as never) as Taken;
}

function take(logic: AnyActorLogic, before: AnyMachineSnapshot, event: AnyEventObject): Taken {
  return transition(logic, before, event) as Taken;
}

function seen([snapshot, actions]: Taken): Readonly<Record<string, unknown>> {
  const { status, value, context, output, error, children } = snapshot as unknown as Readonly<
    Record<string, unknown>
  >;
  return {
    status,
    value: JSON.stringify(value),
    context,
    output,
    error,
    tags: [...snapshot.tags],
    children: Object.keys(children as object),
    nodes: snapshot._nodes.map(({ id }) => id),
    actions: actions.map(({ type, params }) => [type, withoutActors(params)]),
  };
}

/** Actors are others in each run; who they are is told by their ids. */
function withoutActors(params: unknown): unknown {
  if (typeof params !== 'object' || params === null) return params;
  if ('sessionId' in params && 'id' in params) return { actor: params.id };
  const { to, actorRef, ...rest } = params as Readonly<Record<string, unknown>>;
  if (to === undefined && actorRef === undefined) return params;
  return { ...rest, to: withoutActors(to), actorRef: withoutActors(actorRef) };
}
