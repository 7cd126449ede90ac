import type { ProcessName } from '@snakepit/core';
import { checkChildSpec, type CheckedChildSpec } from './child-spec.ts';
import { isPlainObject, isWhole, showValue } from './plain-values.ts';
import type { BackoffPlan, RestartBackoff } from './restart-backoff.ts';
import type { RestartBudget } from './restart-budget.ts';
import { checkExtensions, checkRestartLimits, refuse } from './supervisor-options.ts';
import type { CheckedOptions } from './supervisor-options.ts';

/** How a dynamic supervisor works (OTP DYN-010). */
export interface DynamicSupervisorOptions {
  /** Name to register it under. */
  readonly name?: ProcessName;
  /** Only `'oneForOne'`, which is the default. */
  readonly strategy?: 'oneForOne';
  /** Restarts allowed within {@link DynamicSupervisorOptions.maxSeconds}, of all children together; default 3. */
  readonly maxRestarts?: number;
  /** In seconds; default 5. */
  readonly maxSeconds?: number;
  /** Running and restarting children allowed; a whole number ≥ 0, default `Infinity`. */
  readonly maxChildren?: number;
  /**
   * Come before each child's own arguments, at every start (OTP DYN-015).
   *
   * A start function is called `(self, ...extraArguments)`; a behaviour gets `[...extraArguments, input]` as its input.
   */
  readonly extraArguments?: readonly unknown[];
  /** Waits between restarts; default none: restarts are tried at once, as in OTP. */
  readonly backoff?: RestartBackoff;
  /** How often each child may be restarted, unless its spec says otherwise; default: only `maxRestarts` counts. */
  readonly budget?: RestartBudget;
}

/** Options of a dynamic supervisor that were checked, with defaults. */
export interface DynamicPlan {
  /** Restarts allowed within the period. */
  readonly intensity: number;
  /** In seconds. */
  readonly period: number;
  /** Children allowed; `null` without limit. */
  readonly maxChildren: number | null;
  /** Come before each child's own arguments. */
  readonly extraArguments: readonly unknown[];
  /** How restarts wait; `null` when they do not. */
  readonly backoff: BackoffPlan | null;
  /** How often each child may be restarted whose spec does not say. */
  readonly budget: RestartBudget | undefined;
  /** Gives the random part of waits. */
  readonly random: () => number;
}

/** Checks a dynamic supervisor's options, in Elixir's order (OTP DYN-011); without any, all are the defaults. */
export function checkDynamicOptions(input: unknown = {}): CheckedOptions<DynamicPlan> {
  if (!isPlainObject(input)) {
    return refuse(
      'invalidType',
      'dynamic supervisor options are an object { maxChildren, … }',
      input,
    );
  }
  const { strategy = 'oneForOne', maxChildren = Infinity, extraArguments = [] } = input;
  if (strategy !== 'oneForOne') {
    return refuse(
      'invalidStrategy',
      `strategy of a DynamicSupervisor can only be 'oneForOne'`,
      strategy,
    );
  }
  const limits = checkRestartLimits(input);
  if (!limits.ok) return limits;
  if (maxChildren !== Infinity && !isWhole(maxChildren, 0)) {
    return refuse(
      'invalidMaxChildren',
      'maxChildren must be a whole number ≥ 0 or Infinity',
      maxChildren,
    );
  }
  if (!Array.isArray(extraArguments)) {
    return refuse('invalidExtraArguments', 'extraArguments must be a list', extraArguments);
  }
  const { autoShutdown = 'never' } = input;
  if (autoShutdown !== 'never') {
    return refuse(
      'invalidAutoShutdown',
      `autoShutdown of a DynamicSupervisor can only be 'never'`,
      autoShutdown,
    );
  }
  const extensions = checkExtensions(input);
  if (!extensions.ok) return extensions;
  return {
    ok: true,
    plan: {
      ...limits.plan,
      ...extensions.plan,
      maxChildren: maxChildren === Infinity ? null : maxChildren,
      extraArguments: extraArguments as readonly unknown[],
    },
  };
}

/** Checks a spec for a dynamic supervisor: its id means nothing, and it cannot be significant (OTP DYN-012). */
export function checkDynamicChildSpec(input: unknown, budget?: RestartBudget): CheckedChildSpec {
  const checked = checkChildSpec(input, 'anySignificant', budget);
  if (checked.ok) {
    if (!checked.spec.significant) return checked;
    const message = 'a child of a dynamic supervisor cannot be significant';
    return { ok: false, fault: { kind: 'invalidSignificant', value: true, message } };
  }
  const { kind, message } = checked.fault;
  if (kind === 'missingId' || kind === 'missingStart') {
    const fault = { kind: 'invalidChildSpec', value: input, message } as const;
    return { ok: false, fault: { ...fault, message: `${message}; got ${showValue(input)}` } };
  }
  return checked;
}
