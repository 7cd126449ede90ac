import { checkExitReason, type ExitReason } from '../process/exit-reason.ts';

/** What `init` may return. */
export type InitResult<S> =
  | { readonly kind: 'ok'; readonly state: S; readonly next: Next | undefined }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'fail'; readonly reason: ExitReason }
  | { readonly kind: 'stop'; readonly reason: ExitReason };

/** What the handler of a message may return. */
export type HandleResult<S, R = unknown> =
  | {
      readonly kind: 'reply';
      readonly value: R;
      readonly state: S;
      readonly next: Next | undefined;
    }
  | { readonly kind: 'noreply'; readonly state: S; readonly next: Next | undefined }
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

/** What to do when no message comes. */
export interface StateTimeout {
  /**
   * In milliseconds from now, ≥ 0: then `info` gets a {@link TimeoutMessage}, unless any message came before.
   *
   * It holds for this once, and 0 only for an empty mailbox; a system message starts it anew (GEN-032).
   */
  readonly timeout: number;
}

/** What comes next, when it is not just the next message. */
export type Next = Continuation | StateTimeout;

/** What `info` gets when no message came in the time that was allowed. */
export interface TimeoutMessage {
  /** Marks it among messages. */
  readonly type: 'timeout';
}

/** `init` succeeded with this state. */
export function ok<S>(state: S, next?: Next): InitResult<S> & { readonly kind: 'ok' } {
  return { kind: 'ok', state, next };
}

/** `init` declines: the start is no failure, but there is no process (GEN-004). */
export function ignore(): { readonly kind: 'ignore' } {
  return { kind: 'ignore' };
}

/**
 * `init` could not succeed, and that is no crash: the start fails with this reason, but the process ends `normal` and
 * nothing is reported (GEN-008).
 */
export function fail(reason: ExitReason): { readonly kind: 'fail'; readonly reason: ExitReason } {
  return { kind: 'fail', reason: checkExitReason(reason) };
}

/** Answers the call and goes on with this state (GEN-012). */
export function reply<S, R>(
  value: R,
  state: S,
  next?: Next,
): HandleResult<S, R> & { readonly kind: 'reply' } {
  return { kind: 'reply', value, state, next };
}

/** Goes on with this state; a call is answered later with `self.reply(from, …)` (GEN-013). */
export function noreply<S>(
  state: S,
  next?: Next,
): HandleResult<S, never> & { readonly kind: 'noreply' } {
  return { kind: 'noreply', state, next };
}

/** From `init`: the start fails with this reason, and so does the process: a crash unless it is clean (GEN-005). */
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
    reason: checkExitReason(reason),
    state,
    reply: answer === undefined ? undefined : { value: answer.reply },
  };
}
