import type { From } from './messages.ts';

/** The calls that a process makes or is to answer. Mostly it is one at a time, and that needs no set. @internal */
export type KeptCalls = From | Set<From> | undefined;

/** Who keeps calls. @internal */
export interface CallKeeper {
  /** They. */
  calls: KeptCalls;
}

/** Keeps a call that a process makes or is to answer, so that it fails with that one's exit reason. @internal */
export function keepCall(keeper: CallKeeper | undefined, call: From): void {
  if (keeper === undefined) return;
  const { calls } = keeper;
  if (calls === undefined) keeper.calls = call;
  else if (calls instanceof Set) calls.add(call);
  else keeper.calls = new Set([calls, call]);
}

/** Lets go of a call that is settled. @internal */
export function forgetCall(keeper: CallKeeper | undefined, call: From): void {
  if (keeper === undefined) return;
  const { calls } = keeper;
  if (calls === call) keeper.calls = undefined;
  else if (calls instanceof Set) calls.delete(call);
}

/** All of them. */
export function callsIn(kept: KeptCalls): Iterable<From> {
  if (kept === undefined) return [];
  return kept instanceof Set ? kept : [kept];
}
