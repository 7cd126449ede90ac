import {
  isAssign,
  isBuiltinAction,
  spawnIn,
  type ActorScope,
  type BuiltinAction,
  type ExecutableAction,
  type MachineInternals,
  type ResolveExtra,
  type Snapshot,
} from '../xstate-internals.ts';
import { compileParams, nameOf, type Situation } from './guards.ts';

/** The step that an action is part of. */
export interface Run extends Situation {
  /** What XState hands to the logic of an actor. */
  readonly scope: ActorScope;
  /** Replaces the machine's data. */
  assign(context: unknown): void;
  /** Takes over what one of XState's own actions changed. */
  adopt(snapshot: Snapshot): void;
}

/** An action whose params are to be completed when those beside it are resolved. */
export type Retry = (snapshot: Snapshot) => void;

/** Does an action, or has it done. */
export type Action = (run: Run, extra: ResolveExtra, retries: Retry[] | undefined) => void;

type ParamsOf = ReturnType<typeof compileParams>;

/** Prepares an action as it was written: a name, an object with one, or a function. */
export function compileAction(machine: MachineInternals, action: unknown): Action {
  const name = nameOf(action);
  const found = name === undefined ? action : machine.implementations.actions[name];
  const paramsOf = compileParams(action);
  if (!isBuiltinAction(found)) {
    // An action that is not implemented does nothing, as with XState.
    const exec = found as ExecutableAction['exec'];
    return effect(name ?? nameOfFunction(action), exec, paramsOf);
  }
  return isAssign(found)
    ? assignment(name ?? found.type, found.assignment, paramsOf)
    : builtin(name ?? found.type, machine, found, paramsOf);
}

function nameOfFunction(action: unknown): string {
  const { name } = action as { readonly name: string };
  return name === '' ? '(anonymous)' : name;
}

function effect(type: string, exec: ExecutableAction['exec'], paramsOf: ParamsOf): Action {
  return (run) => {
    const { context, event, scope } = run;
    const info = { context, event, self: scope.self, system: scope.system };
    scope.tap?.acted(type);
    scope.actionExecutor({ type, info, params: paramsOf(context, event), exec });
  };
}

/**
 * The one of XState's own actions that is not left to XState: most of what a chart does is remembering, and XState
 * makes the state value and the tags anew each time.
 */
function assignment(name: string, change: unknown, paramsOf: ParamsOf): Action {
  const changeOf = typeof change === 'function' ? (change as Assigner) : byProperty(change);
  return (run) => {
    const { context, event, scope } = run;
    const params = paramsOf(context, event);
    if (typeof context !== 'object' || context === null) {
      throw new Error(
        'Cannot assign to undefined `context`. Ensure that `context` is defined in the machine config.',
      );
    }
    scope.tap?.acted(name);
    const spawn: Spawn = (...wanted) => spawnFor(run, wanted);
    const args = { context, event, spawn, self: scope.self, system: scope.system };
    // A copy by spread keeps the shape of the object; one by Object.assign into an empty one is three times as slow.
    run.assign(Object.assign({ ...context }, changeOf(args, params)));
  };
}

type Spawn = (...wanted: never) => unknown;

type Assigner = (args: unknown, params: unknown) => object;

function byProperty(change: unknown): Assigner {
  const entries = Object.entries(change as object);
  return (args, params) => {
    const update: Record<string, unknown> = {};
    for (const [key, value] of entries) {
      update[key] = typeof value === 'function' ? (value as Assigner)(args, params) : value;
    }
    return update;
  };
}

function spawnFor(run: Run, wanted: never): unknown {
  let child: unknown;
  const next = spawnIn(run.scope, run.snapshot, run.event, (spawn) => {
    child = spawn(...wanted);
  });
  run.adopt(next);
  return child;
}

function builtin(
  name: string,
  machine: MachineInternals,
  action: BuiltinAction,
  paramsOf: ParamsOf,
): Action {
  return (run, extra, retries) => {
    const { context, event, scope, snapshot } = run;
    scope.tap?.acted(name);
    const info = { context, event, self: scope.self, system: scope.system };
    const params = paramsOf(context, event);
    const [next, found, following] = action.resolve(scope, snapshot, info, params, action, extra);
    if (next !== snapshot) run.adopt(next);
    retries?.push((last) => action.retryResolve?.(scope, last, found));
    if (action.execute !== undefined) {
      const exec = action.execute.bind(null, scope, found);
      scope.actionExecutor({ type: action.type, info, params: found, exec });
    }
    for (const then of following ?? []) compileAction(machine, then)(run, extra, retries);
  };
}
