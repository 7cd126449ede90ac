/**
 * The restarts that a supervisor remembers, and how many it allows (OTP INT-001).
 *
 * Stamps are whole seconds of the monotonic clock, newest first, each with how many restarts fell into it: so the
 * list is never longer than the period, however large the intensity (INT-011).
 */
export interface RestartWindow {
  /** Restarts allowed within the period; ≥ 0. */
  readonly intensity: number;
  /** In seconds, ≥ 1. */
  readonly period: number;
  /** Second and number of restarts in it, newest first. */
  readonly stamps: readonly (readonly [atSecond: number, restarts: number])[];
  /** Restarts remembered: the sum over the stamps. */
  readonly count: number;
}

/** Where a window stands: room left, the next attempt gives up, or given up. */
export type RestartStanding = 'below' | 'full' | 'exceeded';

/** A window in which nothing was restarted (INT-012). */
export function emptyWindow(intensity: number, period: number): RestartWindow {
  return { intensity, period, stamps: [], count: 0 };
}

/**
 * The window after one more attempt; entries older than the period are dropped only now (INT-002, INT-011).
 *
 * @param atSecond - Monotonic time in seconds, rounded down.
 */
export function recordAttempt(window: RestartWindow, atSecond: number): RestartWindow {
  const kept = window.stamps.filter(([second]) => second >= atSecond - window.period);
  const [newest, ...older] = kept;
  const stamps: RestartWindow['stamps'] =
    newest?.[0] === atSecond ? [[atSecond, newest[1] + 1], ...older] : [[atSecond, 1], ...kept];
  return { ...window, stamps, count: total(stamps) };
}

/** Where a window stands after its last attempt. */
export function standingOf(window: RestartWindow): RestartStanding {
  if (window.count > window.intensity) return 'exceeded';
  return window.count === window.intensity ? 'full' : 'below';
}

/** How many restarts still count at a second; for display, nothing is dropped. */
export function countAt(window: RestartWindow, atSecond: number): number {
  return total(window.stamps.filter(([second]) => second >= atSecond - window.period));
}

/** The second at which the oldest restart stops counting, or `undefined` when there is none (INT-005). */
export function oldestExpiresAtSecond(window: RestartWindow): number | undefined {
  const oldest = window.stamps.at(-1);
  return oldest === undefined ? undefined : oldest[0] + window.period + 1;
}

function total(stamps: RestartWindow['stamps']): number {
  return stamps.reduce((sum, [, restarts]) => sum + restarts, 0);
}
