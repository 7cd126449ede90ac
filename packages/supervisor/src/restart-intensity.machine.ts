import { assign, setup } from 'xstate';
import { exitReason, type ExitReason } from '@snakepit/core';
import {
  countAt,
  emptyWindow,
  recordAttempt,
  standingOf,
  type RestartWindow,
} from './restart-window.ts';

/** What happens to a restart-intensity window. Seconds are whole ones of the monotonic clock. */
export type RestartIntensityEvent =
  /** A restart is due. */
  | { readonly type: 'restart.attempted'; readonly atSecond: number }
  /** Time went by; only changes what is shown, nothing is forgotten (OTP INT-011). */
  | { readonly type: 'second.passed'; readonly atSecond: number };

/** The window itself; see {@link RestartWindow}. */
export type RestartIntensityContext = RestartWindow;

/** How many restarts are allowed within how many seconds. */
export interface RestartIntensityInput {
  /** Restarts allowed within the period; ≥ 0. */
  readonly intensity: number;
  /** In seconds, ≥ 1. */
  readonly period: number;
}

/** What a supervisor that gives up exits with. */
export interface RestartIntensityOutput {
  /** Always `shutdown` (OTP INT-010). */
  readonly reason: ExitReason;
}

const second = ({ event }: { readonly event: { readonly atSecond: number } }) => ({
  atSecond: event.atSecond,
});
const countAttempt = { type: 'countAttempt', params: second } as const;

const attempted = [
  {
    guard: { type: 'attemptExceeds', params: second },
    target: 'exceeded',
    actions: countAttempt,
  },
  { guard: { type: 'attemptFills', params: second }, target: 'full', actions: countAttempt },
  { target: 'below', actions: countAttempt },
] as const;

/**
 * How near a supervisor is to giving up: below, full (the next attempt gives up), exceeded.
 *
 * Supervisors keep such a window in their own context and ask the same functions, so this chart shows exactly what
 * they decide by.
 */
export const restartIntensityMachine = setup({
  types: {
    context: {} as RestartIntensityContext,
    events: {} as RestartIntensityEvent,
    input: {} as RestartIntensityInput,
    output: {} as RestartIntensityOutput,
  },
  guards: {
    allowsNone: ({ context }) => context.intensity === 0,
    attemptExceeds: ({ context }, { atSecond }: { atSecond: number }) =>
      standingOf(recordAttempt(context, atSecond)) === 'exceeded',
    attemptFills: ({ context }, { atSecond }: { atSecond: number }) =>
      standingOf(recordAttempt(context, atSecond)) === 'full',
    hasRoomAgain: ({ context }, { atSecond }: { atSecond: number }) =>
      countAt(context, atSecond) < context.intensity,
  },
  actions: {
    countAttempt: assign(({ context }, { atSecond }: { atSecond: number }) =>
      recordAttempt(context, atSecond),
    ),
  },
}).createMachine({
  id: 'restartIntensity',
  context: ({ input }) => emptyWindow(input.intensity, input.period),
  initial: 'opening',
  states: {
    opening: { always: [{ guard: 'allowsNone', target: 'full' }, { target: 'below' }] },
    below: { on: { 'restart.attempted': attempted } },
    full: {
      on: {
        'restart.attempted': attempted,
        'second.passed': {
          guard: { type: 'hasRoomAgain', params: ({ event }) => ({ atSecond: event.atSecond }) },
          target: 'below',
        },
      },
    },
    exceeded: { type: 'final' },
  },
  output: { reason: exitReason.shutdown },
});
