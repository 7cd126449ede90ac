import type { PoolCall } from './pool-call.ts';

/** What else has a say in the calls of a pool. Asked for every call, so an answer must cost next to nothing. */
export interface CallGuard {
  /**
   * Why a call is not taken, or not tried again.
   *
   * @param ticket - The number of one that was taken.
   */
  refusal(call: PoolCall, ticket?: number): Error | undefined;
  /** A call is taken; its end is told with the number that this gives. */
  enter(): number;
  /** A call has its outcome: no error, when it succeeded. */
  leave(ticket: number, error: Error | undefined): void;
  /** A worker has ended an attempt of a call: no error, when it succeeded. */
  attempted(call: PoolCall, error: Error | undefined): void;
  /**
   * The pause before a call is tried again that may be, in milliseconds; `undefined` when it is not tried again.
   *
   * @param attempts - How often it was tried.
   * @param leftMs - What is left of its time.
   */
  retryDelay(attempts: number, leftMs: number): number | undefined;
}

/** Without a guard a call that may be tried again is, so often in all. */
const maxAttempts = 4;

/** Has no say, but for how often a call is tried. */
export const noGuard: CallGuard = {
  refusal: () => undefined,
  enter: () => 0,
  leave: () => undefined,
  attempted: () => undefined,
  retryDelay: (attempts) => (attempts < maxAttempts ? 0 : undefined),
};
