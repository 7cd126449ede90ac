import {
  callsForRestart as wantsRestart,
  childAt,
  markBackingOff,
  markFailed,
  withHistory,
  type Children,
  type ChildSlot,
} from './children.ts';
import { backoffDelayMs, type BackoffPlan } from './restart-backoff.ts';
import { forgiven, isSpent, unwritten, withAttempt } from './restart-history.ts';
import type { RestartHistory } from './restart-history.ts';
import { recordAttempt, standingOf, type RestartWindow } from './restart-window.ts';

/** What both kinds of supervisor decide a restart by. */
export interface RestartContext {
  /** Its children. */
  readonly children: Children;
  /** The restarts it remembers, but those of children with a budget of their own. */
  readonly window: RestartWindow;
  /** Place of the child at hand. */
  readonly at: number | null;
  /** How restarts wait; `null` when they do not. */
  readonly backoff: BackoffPlan | null;
}

/** The child at hand. */
export function childAtHand(
  context: Pick<RestartContext, 'children' | 'at'>,
): ChildSlot | undefined {
  return childAt(context.children, context.at ?? -1);
}

/** Whether the end of the child at hand calls for a restart (OTP STR-001 … STR-003). */
export function callsForRestart(context: RestartContext & { readonly clean: boolean }): boolean {
  const slot = childAtHand(context);
  return slot !== undefined && wantsRestart(slot, context.clean);
}

type Change = Partial<Pick<RestartContext, 'children' | 'window'>>;

/** One wait of one child. */
export interface Wait {
  /** Place of the child. */
  readonly serial: number;
  /** Which wait of that child. */
  readonly wait: number;
  /** How long, in milliseconds, the random part not yet taken off. */
  readonly delayMs: number;
}

/**
 * Counts one restart: of a child with a budget of its own there, of another one in the window of all (OTP INT-008).
 *
 * @param atSecond - Monotonic time in seconds, rounded down.
 * @param atMs - The same in milliseconds.
 */
export function countAttempt(context: RestartContext, atSecond: number, atMs: number): Change {
  const { children, window } = context;
  const slot = childAtHand(context);
  if (slot === undefined || slot.history === null) {
    return { window: recordAttempt(window, atSecond) };
  }
  const hasLasted = ranLongEnough(slot, slot.history, atMs, context.backoff);
  const counted = withHistory(children, slot.serial, (history) =>
    withAttempt(history, atSecond, hasLasted),
  );
  return slot.history.budget === null
    ? { children: counted, window: recordAttempt(window, atSecond) }
    : { children: counted };
}

/** Whether the last restart counted was one too many for all. */
export function gaveUp({ window }: RestartContext): boolean {
  return standingOf(window) === 'exceeded';
}

/** Whether the last restart counted was one too many for the child at hand, which has a budget of its own. */
export function isGivenUp(context: RestartContext): boolean {
  return isSpent(childAtHand(context)?.history ?? null);
}

/** The child at hand waits for the time of its restart. */
export function backOff(context: RestartContext): Change {
  return { children: markBackingOff(context.children, placeOf(context)) };
}

/** How the child at hand waits. */
export function waitAtHand(context: RestartContext): Wait {
  const history = childAtHand(context)?.history ?? unwritten;
  const delayMs = context.backoff === null ? 0 : backoffDelayMs(context.backoff, history.inARow);
  return { serial: placeOf(context), wait: history.waits, delayMs };
}

/** Whether a child still waits as it did when that wait began. */
export function isWaiting(
  { children }: RestartContext,
  { serial, wait }: Omit<Wait, 'delayMs'>,
): boolean {
  const slot = childAt(children, serial);
  return slot?.status === 'backingOff' && slot.history?.waits === wait;
}

/** The child at hand is given up. */
export function giveUpChild(context: RestartContext): Change {
  return { children: markFailed(context.children, placeOf(context)) };
}

/** Somebody starts the child at hand again: what it did before is forgiven. */
export function forgive(context: RestartContext): Change {
  return { children: withHistory(context.children, placeOf(context), forgiven) };
}

/** Where the child at hand is; nowhere, when there is none. */
function placeOf({ at }: RestartContext): number {
  return at ?? -1;
}

/** A child that could not even be started again has not lasted. */
function ranLongEnough(
  slot: ChildSlot,
  { startedAtMs }: RestartHistory,
  atMs: number,
  backoff: BackoffPlan | null,
): boolean {
  const resetAfterMs = backoff?.resetAfterMs ?? null;
  if (resetAfterMs === null || startedAtMs === null || slot.failures > 0) return false;
  return atMs - startedAtMs >= resetAfterMs;
}
