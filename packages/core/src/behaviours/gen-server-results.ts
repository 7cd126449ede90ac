import type { ExitReason } from '../process/exit-reason.ts';

/** What `init` may return. */
export type InitResult<S> =
  | { readonly kind: 'ok'; readonly state: S; readonly next: Continuation | undefined }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'stop'; readonly reason: ExitReason };

/** What the handler of a message may return. */
export type HandleResult<S, R = unknown> =
  | {
      readonly kind: 'reply';
      readonly value: R;
      readonly state: S;
      readonly next: Continuation | undefined;
    }
  | { readonly kind: 'noreply'; readonly state: S; readonly next: Continuation | undefined }
  | {
      readonly kind: 'stop';
      readonly reason: ExitReason;
      readonly state: S;
      readonly reply: { readonly value: R } | undefined;
    };

/** What to do before any other message. */
export interface Continuation {
  /** Handed to the `continue` callback (GEN-003, GEN-014). */
  readonly continue: unknown;
}

/** `init` succeeded with this state. */
export function ok<S>(state: S, next?: Continuation): InitResult<S> & { readonly kind: 'ok' } {
  return { kind: 'ok', state, next };
}

/** `init` declines: the start is no failure, but there is no process (GEN-004). */
export function ignore(): { readonly kind: 'ignore' } {
  return { kind: 'ignore' };
}

/** Answers the call and goes on with this state (GEN-012). */
export function reply<S, R>(
  value: R,
  state: S,
  next?: Continuation,
): HandleResult<S, R> & { readonly kind: 'reply' } {
  return { kind: 'reply', value, state, next };
}

/** Goes on with this state; a call is answered later with `self.reply(from, …)` (GEN-013). */
export function noreply<S>(
  state: S,
  next?: Continuation,
): HandleResult<S, never> & { readonly kind: 'noreply' } {
  return { kind: 'noreply', state, next };
}

/** From `init`: the start fails with this reason (GEN-005). */
export function stop(reason: ExitReason): { readonly kind: 'stop'; readonly reason: ExitReason };
/** From a handler: `terminate` runs, then the reply is sent if there is one, then the process ends (GEN-019, GEN-020). */
export function stop<S, R = never>(
  reason: ExitReason,
  state: S,
  answer?: { readonly reply: R },
): HandleResult<S, R> & { readonly kind: 'stop' };
/** One of the two; which is told by the arguments. */
export function stop(
  reason: ExitReason,
  state?: unknown,
  answer?: { readonly reply: unknown },
): object {
  return {
    kind: 'stop',
    reason,
    state,
    reply: answer === undefined ? undefined : { value: answer.reply },
  };
}
