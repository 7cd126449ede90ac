import type { CompleteChildSpec } from './child-spec.ts';
import type { BackoffPlan } from './restart-backoff.ts';
import { emptyWindow, recordAttempt, standingOf, type RestartWindow } from './restart-window.ts';

/** What is remembered of one child's restarts where a backoff or a budget asks for it; plain data. */
export interface RestartHistory {
  /** Its restarts within its own budget; `null` when the supervisor's count. */
  readonly budget: RestartWindow | null;
  /** Restarts in a row of which none lasted. */
  readonly inARow: number;
  /** How often it has waited in its life: tells one wait from another. */
  readonly waits: number;
  /** When it was last started well, in milliseconds of the clock; `null` before. */
  readonly startedAtMs: number | null;
}

/** The history of a child that was never restarted, and has no budget. */
export const unwritten: RestartHistory = { budget: null, inARow: 0, waits: 0, startedAtMs: null };

/** The history of a child that has none yet; `null` where nothing needs one. */
export function openingHistory(
  { budget }: Pick<CompleteChildSpec, 'budget'>,
  backoff: BackoffPlan | null,
): RestartHistory | null {
  if (budget === undefined && backoff === null) return null;
  if (budget === undefined) return unwritten;
  return { ...unwritten, budget: emptyWindow(budget.maxRestarts, budget.maxSeconds) };
}

/** The history of a child that somebody starts again by hand: forgiven. */
export function forgiven(history: RestartHistory): RestartHistory {
  const { budget } = history;
  const unused = budget === null ? null : emptyWindow(budget.intensity, budget.period);
  return { ...history, budget: unused, inARow: 0 };
}

/**
 * One more restart is due.
 *
 * @param atSecond - Monotonic time in seconds, rounded down.
 * @param hasLasted - Whether the child had run long enough to begin anew.
 */
export function withAttempt(
  history: RestartHistory,
  atSecond: number,
  hasLasted: boolean,
): RestartHistory {
  return {
    ...history,
    budget: history.budget === null ? null : recordAttempt(history.budget, atSecond),
    inARow: hasLasted ? 1 : history.inARow + 1,
  };
}

/** Whether the last restart that was due was one too many for its budget. */
export function isSpent(history: RestartHistory | null): boolean {
  return history !== null && history.budget !== null && standingOf(history.budget) === 'exceeded';
}
