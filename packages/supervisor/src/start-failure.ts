import { ExitError, formatExitReason, isExitReason, type ExitReason } from '@snakepit/core';

interface FailedChild {
  readonly kind: 'failedToStartChild';
  readonly id: unknown;
  readonly reason: ExitReason;
}

/**
 * Waits for a start and says, when it failed, which child down the tree it was and why.
 *
 * The reason stays as it was; only the message is for people.
 */
export async function explainStart<T>(who: string, started: Promise<T>): Promise<T> {
  try {
    return await started;
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    const [path, innermost] = traceOfStart(error.reason);
    if (path.length === 0) throw error;
    const what = `${who}: child ${path.join(' › ')} failed to start`;
    const explained = new ExitError(error.reason, what);
    // The whole reason would say all of that once more, and less readably.
    explained.message = `${what}: ${whyOf(innermost)}`;
    explained.cause = innermost.kind === 'error' ? innermost.error : error;
    throw explained;
  }
}

function whyOf(reason: ExitReason): string {
  return reason.kind === 'alreadyStarted'
    ? `its name is taken by ${reason.pid.toString()}`
    : formatExitReason(reason);
}

/** The ids from the outermost failed child to the innermost, and the reason there. */
export function traceOfStart(
  reason: ExitReason,
): readonly [path: readonly string[], innermost: ExitReason] {
  const detail: unknown = reason.kind === 'shutdownWith' ? reason.detail : undefined;
  if (!isFailedChild(detail)) return [[], reason];
  const [path, innermost] = traceOfStart(detail.reason);
  return [[JSON.stringify(detail.id), ...path], innermost];
}

function isFailedChild(detail: unknown): detail is FailedChild {
  if (typeof detail !== 'object' || detail === null) return false;
  if (!('kind' in detail) || detail.kind !== 'failedToStartChild' || !('reason' in detail)) {
    return false;
  }
  return isExitReason(detail.reason);
}
