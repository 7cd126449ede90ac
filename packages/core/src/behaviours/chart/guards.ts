import { isBuiltinGuard, type MachineInternals, type Snapshot } from '../xstate-internals.ts';

/** What guards are asked about. */
export interface Situation {
  /** The machine's data. */
  readonly context: unknown;
  /** What has happened. */
  readonly event: unknown;
  /** The whole; made when it is asked for. */
  readonly snapshot: Snapshot;
}

/** Whether a transition may be taken. */
export type Guard = (situation: Situation) => boolean;

type PlainGuard = (
  args: { readonly context: unknown; readonly event: unknown },
  params: unknown,
) => boolean;

/** Prepares a guard as it was written: a name, an object with one, or a function. */
export function compileGuard(machine: MachineInternals, guard: unknown): Guard {
  const name = nameOf(guard);
  const found = name === undefined ? guard : machine.implementations.guards[name];
  if (found === undefined) {
    return () => {
      // To the letter what XState says.
      throw new Error(`Guard '${name ?? ''}' is not implemented.'.`);
    };
  }
  // One name may stand for another.
  if (typeof found !== 'function') return compileGuard(machine, found);
  const paramsOf = compileParams(guard);
  if (isBuiltinGuard(found)) {
    return (situation) => {
      const { context, event } = situation;
      paramsOf(context, event);
      return found.check(situation.snapshot, { context, event }, found);
    };
  }
  const holds = found as PlainGuard;
  return ({ context, event }) => holds({ context, event }, paramsOf(context, event));
}

/** What computes the params that go with a name. */
export function compileParams(reference: unknown): (context: unknown, event: unknown) => unknown {
  if (typeof reference !== 'object' || reference === null || !('params' in reference)) {
    return () => undefined;
  }
  const { params } = reference;
  if (typeof params !== 'function') return () => params;
  const compute = params as (args: { context: unknown; event: unknown }) => unknown;
  return (context, event) => compute({ context, event });
}

/** The name that an action or a guard goes by; a function has none. */
export function nameOf(reference: unknown): string | undefined {
  if (typeof reference === 'string') return reference;
  if (typeof reference === 'function') return undefined;
  return (reference as { readonly type: string }).type;
}
