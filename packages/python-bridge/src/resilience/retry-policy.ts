/** How often, and how soon, a call is tried again that may be. */
export interface RetrySettings {
  /** How often it is tried in all. */
  readonly maxAttempts: number;
  /** Milliseconds before the second attempt. */
  readonly initialMs: number;
  /** Longest pause, in milliseconds. */
  readonly maxMs: number;
  /** Each further pause is longer by this factor. */
  readonly factor: number;
  /** Part of a pause that is left to chance, 0 to 1: the pause is that much shorter or longer. */
  readonly jitter: number;
}

/**
 * The pause before the next attempt of a call, in milliseconds.
 *
 * @param attempts - How often it was tried.
 * @param leftMs - Milliseconds that its caller still waits.
 * @param random - For the jitter, 0 to 1.
 * @returns `undefined` when it is not tried again: it was tried often enough, or the pause would outlast its caller.
 */
export function retryDelayMs(
  { maxAttempts, initialMs, maxMs, factor, jitter }: RetrySettings,
  attempts: number,
  leftMs: number,
  random: () => number = Math.random,
): number | undefined {
  if (attempts >= maxAttempts) return undefined;
  const plainMs = Math.min(maxMs, initialMs * factor ** (attempts - 1));
  const pauseMs = Math.min(maxMs, plainMs * (1 + jitter * (2 * random() - 1)));
  return pauseMs < leftMs ? pauseMs : undefined;
}
