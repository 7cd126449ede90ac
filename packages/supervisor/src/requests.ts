import type { ExitReason, From } from '@snakepit/core';
import type { ChildId } from './child-id.ts';
import type { ChildSpecFault } from './child-spec.ts';

/** What a supervisor can be asked by a call; each carries whom to answer. */
export type SupervisorRequest =
  | { readonly type: 'child.start'; readonly spec: unknown; readonly from: From }
  | { readonly type: 'child.terminate'; readonly id: ChildId; readonly from: From }
  | { readonly type: 'child.restart'; readonly id: ChildId; readonly from: From }
  | { readonly type: 'child.delete'; readonly id: ChildId; readonly from: From }
  | { readonly type: 'child.describe'; readonly id: ChildId; readonly from: From }
  | { readonly type: 'children.list'; readonly from: From }
  | { readonly type: 'children.count'; readonly from: From };

/** What a dynamic supervisor can be asked by a call; `pid` is the number of a pid. */
export type DynamicRequest =
  | { readonly type: 'child.start'; readonly spec: unknown; readonly from: From }
  | { readonly type: 'child.terminate'; readonly pid: number | undefined; readonly from: From }
  /** What only a supervisor whose children have ids can do (OTP DYN-003). */
  | {
      readonly type: 'child.restart' | 'child.delete' | 'child.describe';
      readonly from: From;
    }
  | { readonly type: 'child.revive'; readonly pid: number | undefined; readonly from: From }
  | { readonly type: 'children.list'; readonly from: From }
  | { readonly type: 'children.count'; readonly from: From };

/**
 * A message of the supervisor to itself: a restart failed and is to be tried again (OTP STR-016).
 *
 * It is void when the child does not await a restart by then (STR-018). When it awaits one again, for another failure,
 * the older of two such messages is as good as the newer one.
 */
export interface RetryMessage {
  /** Told by this. */
  readonly type: 'child.retry';
  /** Place of the child. */
  readonly serial: number;
}

/** A child has waited long enough; an extension, see `RestartBackoff`. */
export interface BackoffMessage {
  /** Told by this. */
  readonly type: 'backoff.over';
  /** Place of the child. */
  readonly serial: number;
  /** Which wait of that child; another one by now makes it void. */
  readonly wait: number;
}

/** A request to end, in mailbox order; it has no answer but the end. */
export interface StopMessage {
  /** Told by this. */
  readonly type: 'supervisor.stop';
  /** What to exit with. */
  readonly reason: ExitReason;
}

/**
 * What the effects tell the chart: whose exit signals it obeys (the number of that pid), how a start went, what
 * second of the monotonic clock it is, and that timers and I/O had their turn.
 */
export type SupervisorFact =
  | { readonly type: 'parent.known'; readonly parent: number }
  | {
      readonly type: 'child.started';
      readonly serial: number;
      readonly pid: number;
      /** When, in milliseconds of the clock. */
      readonly atMs: number;
    }
  | { readonly type: 'child.ignored'; readonly serial: number }
  | { readonly type: 'child.failed'; readonly serial: number; readonly reason: ExitReason }
  | { readonly type: 'second.read'; readonly atSecond: number; readonly atMs: number }
  | { readonly type: 'turn.came' };

/** Why a request was refused, as the chart says it. */
export type Refusal =
  | { readonly kind: 'invalidSpec'; readonly fault: ChildSpecFault }
  | { readonly kind: 'alreadyStarted'; readonly serial: number }
  | { readonly kind: 'alreadyPresent' }
  | { readonly kind: 'startFailed'; readonly reason: ExitReason; readonly serial: number | null }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'noChildIds' }
  | { readonly kind: 'running' }
  | { readonly kind: 'restarting' }
  | { readonly kind: 'maxChildren'; readonly limit: number };

/** An answer as the chart says it; the effect puts in the pids. */
export type Answer =
  | { readonly kind: 'done' }
  /** The child at this place runs. */
  | { readonly kind: 'started'; readonly serial: number }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Carried out. */
export const done: Answer = { kind: 'done' };

/** The child declined to start. */
export const ignored: Answer = { kind: 'ignored' };

/** A refusal as an answer; carried out when there is none. */
export function refusedOr(refusal: Refusal | undefined): Answer {
  return refusal === undefined ? done : { kind: 'refused', refusal };
}

/** What waits in the mailbox while the supervisor is busy: all but what it waits for (OTP SUP-010, SUP-011). */
export const allElse = ['*'] as const;

/** Something a chart has done for it, with these params. */
type EffectFunction<P> = (args: unknown, params: P) => void;

/** A named effect without implementation; the process that runs the chart supplies it. */
export function effect<P = undefined>(name: string): EffectFunction<P> {
  return () => {
    throw new Error(`provide the action '${name}'`);
  };
}
