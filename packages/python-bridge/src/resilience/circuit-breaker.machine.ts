import { exitReason, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';

/** What happens to a circuit breaker. Calls do not pass through it: it hears only of what is exceptional. */
export type CircuitBreakerEvent =
  /** A call failed in a way that counts. */
  | { readonly type: 'failure.counted'; readonly atMs: number }
  /** A call that was let through to try succeeded. */
  | { readonly type: 'probe.succeeded' }
  /** A call that was let through to try failed in a way that counts. */
  | { readonly type: 'probe.failed' }
  | ExitMessage;

/** What a circuit breaker knows. */
export interface CircuitBreakerContext {
  /** Name of its pool. */
  readonly pool: string;
  /** So many failures within the window open it. */
  readonly failureThreshold: number;
  /** Length of the window, in milliseconds. */
  readonly failureWindowMs: number;
  /** Milliseconds that calls are refused before some are let through to try. */
  readonly resetTimeoutMs: number;
  /** When the failures in the window happened, by the clock of the system, oldest first; never more than the threshold. */
  readonly failuresAtMs: readonly number[];
  /** Why it ends. */
  readonly reason: ExitReason;
}

/** What a circuit breaker is started with. */
export type CircuitBreakerInput = Omit<CircuitBreakerContext, 'failuresAtMs' | 'reason'>;

/** How a circuit breaker ends. */
export interface CircuitBreakerOutput {
  /** The reason its supervisor gave. */
  readonly reason: ExitReason;
}

const rememberFailure = {
  type: 'rememberFailure',
  params: ({ event }: { readonly event: { readonly atMs: number } }) => ({ atMs: event.atMs }),
} as const;

/**
 * Keeps calls from a pool whose infrastructure fails, and tries now and then whether it is well again.
 *
 * Closed, it counts failures in a window; failures that lie further back are forgotten, so that a pool with one
 * failure an hour never opens it.
 */
export const circuitBreakerMachine = setup({
  types: {
    context: {} as CircuitBreakerContext,
    events: {} as CircuitBreakerEvent,
    input: {} as CircuitBreakerInput,
    output: {} as CircuitBreakerOutput,
  },
  actions: {
    admitAll: provide('admitAll'),
    refuseAll: provide('refuseAll'),
    admitProbes: provide('admitProbes'),
    rememberFailure: assign({
      failuresAtMs: ({ context }, { atMs }: { readonly atMs: number }) =>
        [...recent(context, atMs), atMs].slice(-context.failureThreshold),
    }),
    forgetFailures: assign({ failuresAtMs: [] }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
  },
  guards: {
    isThresholdReached: ({ context }, { atMs }: { readonly atMs: number }) =>
      recent(context, atMs).length + 1 >= context.failureThreshold,
  },
  delays: {
    resetTimeout: ({ context }) => context.resetTimeoutMs,
  },
}).createMachine({
  id: 'circuitBreaker',
  context: ({ input }) => ({ ...input, failuresAtMs: [], reason: exitReason.normal }),
  initial: 'closed',
  on: {
    EXIT: {
      target: '.ended',
      actions: { type: 'rememberReason', params: ({ event }) => event.reason },
    },
  },
  states: {
    closed: {
      entry: ['forgetFailures', 'admitAll'],
      on: {
        'failure.counted': [
          {
            guard: { type: 'isThresholdReached', params: ({ event }) => ({ atMs: event.atMs }) },
            target: 'open',
            actions: rememberFailure,
          },
          { actions: rememberFailure },
        ],
      },
    },
    open: {
      entry: 'refuseAll',
      after: { resetTimeout: 'halfOpen' },
    },
    halfOpen: {
      entry: 'admitProbes',
      on: { 'probe.succeeded': 'closed', 'probe.failed': 'open' },
      // Those that were let through may run for ever; then others are.
      after: { resetTimeout: { target: 'halfOpen', reenter: true } },
    },
    ended: { type: 'final' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});

function recent(
  { failuresAtMs, failureWindowMs }: CircuitBreakerContext,
  nowMs: number,
): readonly number[] {
  return failuresAtMs.filter((atMs) => nowMs - atMs < failureWindowMs);
}
