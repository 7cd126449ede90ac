import {
  assign,
  createMachine,
  spawnChild,
  stopChild,
  type AnyActor,
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
} from 'xstate';

/*
 * What XState does not offer and a runtime needs. These are the only uses of its internals; the exact version of
 * XState is pinned, and the tests of statechart processes notice when one of them changes.
 */

interface ActorInternals {
  _send: (this: AnyActor, event: unknown) => void;
  _stop(): void;
  _snapshot: object;
  readonly _actorScope: { tap?: StepTap | undefined };
}

/**
 * Lets whatever an actor is sent pass through `route`, also what comes from actors that it invoked.
 *
 * XState handles an event where it is sent from, be it in the middle of another process's turn.
 */
export function routeEvents(
  actor: AnyActor,
  route: (deliver: () => void, event: unknown) => void,
): void {
  const internals = actor as unknown as ActorInternals;
  const send = internals._send;
  internals._send = (event) => {
    route(() => {
      send.call(actor, event);
    }, event);
  };
}

/** A delay that XState counts. */
export interface ScheduledEvent {
  /** What it brings. */
  readonly event: { readonly type: string };
  /** How long it takes, in milliseconds. */
  readonly delay: number;
}

/** The delays of an actor and of those that it invoked, in the order in which they began. */
export function scheduledBy(actor: AnyActor): readonly ScheduledEvent[] {
  const { _snapshot } = actor.system as unknown as {
    readonly _snapshot: { readonly _scheduledEvents: Readonly<Record<string, ScheduledEvent>> };
  };
  return Object.values(_snapshot._scheduledEvents);
}

/** Has what an actor's chart does told from now on, or no longer. */
export function tapInto(actor: AnyActor, tap: StepTap | undefined): void {
  (actor as unknown as ActorInternals)._actorScope.tap = tap;
}

/** Stops an actor and what it invoked. A failed actor leaves its children running; it is of no use to stop it. */
export function stopWithChildren(actor: AnyActor): void {
  const { children = {} } = actor.getSnapshot() as { children?: Record<string, AnyActorRef> };
  actor.stop();
  for (const child of Object.values(children)) (child as unknown as ActorInternals)._stop();
}

/** Puts another context in the place of an actor's; guards and `always` look at it from the next event on. */
export function replaceContext(actor: AnyActor, context: unknown): void {
  const internals = actor as unknown as ActorInternals;
  internals._snapshot = { ...internals._snapshot, context };
}

/** The events that XState itself sends to a machine, by type. */
export const ownEvent = {
  init: 'xstate.init',
  stop: 'xstate.stop',
  /** Followed by the id of the actor. */
  actorError: 'xstate.error.actor',
  /** Followed by the id of the state. */
  stateDone: 'xstate.done.state.',
} as const;

/** A state of a machine, as XState has resolved it. */
export interface StateNode {
  /** Unique in the machine. */
  readonly id: string;
  /** Its name in its parent. */
  readonly key: string;
  /** Place in document order. */
  readonly order: number;
  /** What it is. */
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Whose state it is; none of the root. */
  readonly parent?: StateNode;
  /** The states inside. */
  readonly states: Readonly<Record<string, StateNode>>;
  /** How much a history state remembers. */
  readonly history: 'shallow' | 'deep' | false;
  /** On entry, those of `after` included. */
  readonly entry: readonly unknown[];
  /** On exit, those of `after` included. */
  readonly exit: readonly unknown[];
  /** Where a compound state begins. */
  readonly initial: { readonly target: readonly StateNode[]; readonly actions: readonly unknown[] };
  /** What it invokes. */
  readonly invoke: readonly Invocation[];
  /** By event descriptor. */
  readonly transitions: ReadonlyMap<string, readonly TransitionDefinition[]>;
  /** Taken without an event. */
  readonly always?: readonly TransitionDefinition[];
  /** Of a final state or the root: a value, or what computes it. */
  readonly output: unknown;
  /** Its own. */
  readonly tags: readonly string[];
  /** As it was written. */
  readonly config: { readonly target?: string | readonly (string | StateNode)[] | undefined };
  /** Whose state it is in the end. */
  readonly machine: {
    /** The state that an id stands for, or an id and a path from there. */
    getStateNodeById(path: string): StateNode;
  };
}

/** The state that a path leads to from another, or an id anywhere; throws when there is none. */
export function stateAt(from: StateNode, path: string): StateNode {
  if (path.startsWith('#')) return from.machine.getStateNodeById(path);
  // A backslash keeps the dots of an id from being taken for the path's.
  const id = from.id.replaceAll(/[\\.]/g, String.raw`\$&`);
  return from.machine.getStateNodeById(`#${id}.${path}`);
}

/** An actor that a state invokes. */
export interface Invocation {
  /** Of the actor. */
  readonly id: string;
  /** Names the logic. */
  readonly src: string;
  /** Whether its snapshots are wanted. */
  readonly onSnapshot?: unknown;
}

/** A transition, as XState has resolved it. */
export interface TransitionDefinition {
  /** The state that has it. */
  readonly source: StateNode;
  /** Where it leads, if anywhere. */
  readonly target?: readonly StateNode[] | undefined;
  /** Whether its source is left and entered again. */
  readonly reenter: boolean;
  /** What it depends on: a name, an object with one, or a function. */
  readonly guard?: unknown;
  /** What it does. */
  readonly actions: readonly unknown[];
}

/** What a machine's snapshot remembers of its history states, by their ids. */
export type HistoryValue = Readonly<Record<string, readonly StateNode[]>>;

/** A machine and what implements its names. */
export interface MachineInternals {
  /** Unless told otherwise, the first part of the ids of its states. */
  readonly id: string;
  /** The uppermost state. */
  readonly root: StateNode;
  /** What its names stand for. */
  readonly implementations: {
    readonly actions: Readonly<Record<string, unknown>>;
    readonly guards: Readonly<Record<string, unknown>>;
  };
  /** As it was written. */
  readonly config: { readonly context?: unknown };
  /** `maxIterations` limits the microsteps of one event. */
  readonly options: { readonly maxIterations?: number };
  /** Starts the actors of a snapshot; bound, as the next two. */
  readonly start: unknown;
  /** Makes a snapshot one that can be stored. */
  readonly getPersistedSnapshot: unknown;
  /** Makes a stored snapshot one that runs. */
  readonly restoreSnapshot: unknown;
}

/** The machine as its internals. */
export function internalsOf(machine: AnyStateMachine): MachineInternals {
  return machine as unknown as MachineInternals;
}

/** What XState hands to the logic of an actor. */
export interface ActorScope {
  /** The actor. */
  readonly self: AnyActorRef;
  /** The actors that belong together. */
  readonly system: unknown;
  /** Does an action: at once, or when the actor starts. */
  actionExecutor(action: ExecutableAction): void;
  /** Told what happens; ours, not XState's, and there only while somebody watches. */
  readonly tap?: StepTap | undefined;
}

/** A transition that is taken. */
export interface TakenTransition {
  /** The state that has it. */
  readonly source: StateNode;
  /** Where it leads, if anywhere. */
  readonly target?: readonly StateNode[] | undefined;
  /** What it depended on, if anything. */
  readonly guard?: unknown;
  /** What that is called. */
  readonly guardName: string | undefined;
}

/** Told what a chart does. */
export interface StepTap {
  /** It takes transitions, for an event or without one. */
  took(transitions: readonly TakenTransition[], eventType: string | undefined): void;
  /** It does an action of this name. */
  acted(name: string): void;
}

/** An action with all that it needs. */
export interface ExecutableAction {
  /** What it is called. */
  readonly type: string;
  /** What it gets besides its params. */
  readonly info: unknown;
  /** Its params. */
  readonly params: unknown;
  /** What to do, if anything. */
  readonly exec: ((info: unknown, params: unknown) => unknown) | undefined;
}

/** One of XState's own actions: `raise`, `sendTo`, `assign` and so on. */
export interface BuiltinAction {
  /** Which. */
  readonly type: string;
  /** What it changes, what it does with which params, and actions that follow. */
  resolve(
    scope: ActorScope,
    snapshot: unknown,
    args: unknown,
    params: unknown,
    action: BuiltinAction,
    extra: ResolveExtra,
  ): readonly [snapshot: Snapshot, params: unknown, actions: readonly unknown[] | undefined];
  /** Completes the params when all actions beside it are resolved. */
  retryResolve?(scope: ActorScope, snapshot: unknown, params: unknown): void;
  /** What it does. */
  execute?(scope: ActorScope, params: unknown): void;
  /** Of `assign`: the change, or what computes it. */
  readonly assignment?: unknown;
}

/** What XState's own actions get to know of the step that they are part of. */
export interface ResolveExtra {
  /** Gets what they raise. */
  readonly internalQueue: AnyEventObject[];
  /** Actors that the state being entered invokes, after its entry actions. */
  readonly deferredActorIds: readonly string[] | undefined;
}

/** One of XState's own guards: `and`, `or`, `not`, `stateIn`. */
export interface BuiltinGuard {
  /** Whether it holds. */
  check(snapshot: unknown, args: unknown, guard: BuiltinGuard): boolean;
}

/** A machine's snapshot. */
export interface Snapshot extends SnapshotFunctions {
  /** Where the machine is in its life. */
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  /** What it ended with. */
  readonly output: unknown;
  /** What it failed with. */
  readonly error: unknown;
  /** Which machine. */
  readonly machine: AnyStateMachine;
  /** Its data. */
  readonly context: unknown;
  /** The states it is in. */
  readonly _nodes: readonly StateNode[];
  /** The states it is in, as users see them. */
  readonly value: unknown;
  /** Of the states it is in. */
  readonly tags: ReadonlySet<string>;
  /** The actors that it has. */
  readonly children: Readonly<Record<string, AnyActorRef>>;
  /** What its history states remember. */
  readonly historyValue: HistoryValue;
}

/** What a snapshot can be asked. */
interface SnapshotFunctions {
  readonly matches: unknown;
  readonly hasTag: unknown;
  readonly can: unknown;
  readonly getMeta: unknown;
  readonly toJSON: unknown;
}

/** The functions of every machine's snapshot; they read the snapshot that they are called on. */
export const snapshotFunctions: SnapshotFunctions = functionsOf(
  createMachine({}).resolveState({ value: {} }) as SnapshotFunctions,
);

function functionsOf(snapshot: SnapshotFunctions): SnapshotFunctions {
  const { matches, hasTag, can, getMeta, toJSON } = snapshot;
  return { matches, hasTag, can, getMeta, toJSON };
}

/** Whether an implementation is one of XState's own actions. */
export function isBuiltinAction(action: unknown): action is BuiltinAction {
  return typeof action === 'function' && 'resolve' in action;
}

/** What the context of a machine is made from. */
interface MakerArguments {
  readonly spawn: unknown;
  readonly event: { readonly input?: unknown };
  readonly self: unknown;
}

/** The action that puts what is computed into the context. */
export function assigning(compute: (args: MakerArguments) => object): unknown {
  return assign(compute as never);
}

const plainAssign = assign({}) as unknown as BuiltinAction;

/** Whether one of XState's own actions is `assign`. */
export function isAssign(action: BuiltinAction): boolean {
  return action.resolve === plainAssign.resolve;
}

/** Does what `spawn` in an assignment does; the snapshot that it gives has the new child. */
export function spawnIn(
  scope: ActorScope,
  snapshot: Snapshot,
  event: unknown,
  spawned: (spawn: (...args: never) => AnyActorRef) => void,
): Snapshot {
  const assignment = ({ spawn }: { spawn: (...args: never) => AnyActorRef }): object => {
    spawned(spawn);
    return {};
  };
  const action = { ...plainAssign, assignment } as BuiltinAction;
  const extra = { internalQueue: [], deferredActorIds: undefined };
  return plainAssign.resolve(scope, snapshot, { event }, undefined, action, extra)[0];
}

/** The action that starts an actor which a state invokes. */
export function invoking(invocation: Invocation): unknown {
  const { src, ...options } = invocation;
  const syncSnapshot = Boolean(invocation.onSnapshot);
  return spawnChild(src, { ...options, syncSnapshot });
}

/** The action that stops a child. */
export function stopping(child: AnyActorRef | string): unknown {
  return stopChild(child);
}

/** Whether an implementation is one of XState's own guards. */
export function isBuiltinGuard(guard: unknown): guard is BuiltinGuard {
  return typeof guard === 'function' && 'check' in guard;
}
