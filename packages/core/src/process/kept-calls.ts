import type { From } from './messages.ts';

/** The calls that a process makes or is to answer. Mostly it is one at a time, and that needs no set. @internal */
export type KeptCalls = From | Set<From> | undefined;

/** Those, and one more. */
export function withCall(kept: KeptCalls, call: From): KeptCalls {
  if (kept === undefined) return call;
  return kept instanceof Set ? kept.add(call) : new Set([kept, call]);
}

/** Those without one that is settled. */
export function withoutCall(kept: KeptCalls, call: From): KeptCalls {
  if (kept === call) return undefined;
  if (kept instanceof Set) kept.delete(call);
  return kept;
}

/** All of them. */
export function callsIn(kept: KeptCalls): Iterable<From> {
  if (kept === undefined) return [];
  return kept instanceof Set ? kept : [kept];
}
