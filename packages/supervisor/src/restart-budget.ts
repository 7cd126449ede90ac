import { faultOf, type ExtensionFault } from './restart-backoff.ts';
import { isPlainObject, isWhole } from './plain-values.ts';

/**
 * How often one child may be restarted. An extension: OTP has only the supervisor's restart intensity.
 *
 * A child with a budget does not use up the supervisor's. When its own is used up it is given up, alone: it stays
 * stopped in the state `failed`, its siblings and the supervisor go on.
 */
export interface RestartBudget {
  /** Restarts allowed within {@link RestartBudget.maxSeconds}; a whole number ≥ 0. */
  readonly maxRestarts: number;
  /** In seconds; a whole number ≥ 1. Counted as the supervisor's are (OTP INT-002). */
  readonly maxSeconds: number;
}

/** What is wrong with a budget as it was given, if anything. */
export function budgetFault(budget: unknown): ExtensionFault | undefined {
  if (!isPlainObject(budget)) {
    return faultOf('budget', 'must be an object { maxRestarts, maxSeconds }', budget);
  }
  const { maxRestarts, maxSeconds } = budget;
  if (!isWhole(maxRestarts, 0)) {
    return faultOf('budget.maxRestarts', 'must be a whole number ≥ 0', maxRestarts);
  }
  if (!isWhole(maxSeconds, 1)) {
    return faultOf('budget.maxSeconds', 'must be a whole number of seconds ≥ 1', maxSeconds);
  }
  return undefined;
}
