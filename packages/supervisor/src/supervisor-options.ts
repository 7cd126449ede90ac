import type { ProcessName } from '@snakepit/core';
import { checkStartList, type AutoShutdown, type ChildSpec } from './child-spec.ts';
import type { ChildSpecFault, CompleteChildSpec } from './child-spec.ts';
import { wayBackToItself } from './own-children.ts';
import { isPlainObject, isWhole, showValue } from './plain-values.ts';
import { backoffFault, backoffPlan } from './restart-backoff.ts';
import type { BackoffPlan, RestartBackoff } from './restart-backoff.ts';
import { budgetFault, type RestartBudget } from './restart-budget.ts';

/** Which children are restarted when one ends (OTP STR-006 … STR-008). */
export type Strategy =
  /** Only that one. */
  | 'oneForOne'
  /** All of them. */
  | 'oneForAll'
  /** That one and those started after it. */
  | 'restForOne';

/** How a supervisor works. */
export interface SupervisorOptions {
  /** Name to register it under. */
  readonly name?: ProcessName;
  /** Default `'oneForOne'`. */
  readonly strategy?: Strategy;
  /** Restarts allowed within {@link SupervisorOptions.maxSeconds}; a whole number ≥ 0, default 3 (Elixir's). */
  readonly maxRestarts?: number;
  /** In seconds; a whole number ≥ 1, default 5. */
  readonly maxSeconds?: number;
  /** Whether the end of significant children ends it; default `'never'`. */
  readonly autoShutdown?: AutoShutdown;
  /** Started one after another in this order; default none. */
  readonly children?: readonly ChildSpec[];
  /** Waits between restarts; default none: restarts are tried at once, as in OTP. */
  readonly backoff?: RestartBackoff;
  /** How often each child may be restarted, unless its spec says otherwise; default: only `maxRestarts` counts. */
  readonly budget?: RestartBudget;
}

/** What is wrong with a supervisor's own options, checked in OTP's order (SPEC-002 … SPEC-006). */
export interface SupervisorFault {
  /** The rule that is broken, under OTP's name. */
  readonly kind:
    | 'invalidType'
    | 'invalidStrategy'
    | 'invalidIntensity'
    | 'invalidPeriod'
    | 'invalidAutoShutdown'
    | 'invalidChildren'
    | 'invalidMaxChildren'
    | 'invalidExtraArguments'
    | 'missingName'
    | 'missingChild'
    | 'invalidChild'
    | 'invalidPartitions'
    | 'invalidWithArguments'
    | 'invalidBackoff'
    | 'invalidBudget';
  /** The bad value. */
  readonly value: unknown;
  /** What is wrong and what to write instead. */
  readonly message: string;
}

/** Everything that can be wrong with what a supervisor is started with. */
export type StartFault =
  | { readonly kind: 'supervisorData'; readonly fault: SupervisorFault }
  | { readonly kind: 'startSpec'; readonly fault: ChildSpecFault };

/** Options that were checked, with defaults. */
export interface SupervisorPlan {
  /** Which children are restarted when one ends. */
  readonly strategy: Strategy;
  /** Restarts allowed within the period. */
  readonly intensity: number;
  /** In seconds. */
  readonly period: number;
  /** Whether the end of significant children ends it. */
  readonly autoShutdown: AutoShutdown;
  /** How restarts wait; `null` when they do not. */
  readonly backoff: BackoffPlan | null;
  /** How often each child may be restarted whose spec does not say. */
  readonly budget: RestartBudget | undefined;
  /** Gives the random part of waits. */
  readonly random: () => number;
  /** The children to start, with their ids as text. */
  readonly list: readonly { readonly spec: CompleteChildSpec; readonly key: string }[];
}

/** Options that were checked, or the first fault. */
export type CheckedOptions<T> =
  { readonly ok: true; readonly plan: T } | { readonly ok: false; readonly fault: StartFault };

/** Restarts allowed within the period, unless told otherwise (Elixir's default). */
const defaultMaxRestarts = 3;
/** The period in seconds, unless told otherwise (OTP SPEC-001). */
const defaultMaxSeconds = 5;

/** Checks a supervisor's options and all its child specs before anything is started; unknown keys are ignored. */
export function checkSupervisorOptions(input: unknown): CheckedOptions<SupervisorPlan> {
  if (!isPlainObject(input)) {
    return refuse(
      'invalidType',
      'supervisor options are an object { strategy, children, … }',
      input,
    );
  }
  const { strategy = 'oneForOne', autoShutdown = 'never', children = [] } = input;
  if (!isOneOf(strategy, strategies)) {
    const hint = strategy === 'simpleOneForOne' ? ' (use DynamicSupervisor instead)' : '';
    return refuse('invalidStrategy', `strategy must be ${anyOf(strategies)}${hint}`, strategy);
  }
  const limits = checkRestartLimits(input);
  if (!limits.ok) return limits;
  if (!isOneOf(autoShutdown, autoShutdowns)) {
    return refuse(
      'invalidAutoShutdown',
      `autoShutdown must be ${anyOf(autoShutdowns)}`,
      autoShutdown,
    );
  }
  if (!Array.isArray(children)) {
    return refuse('invalidChildren', 'children must be a list of child specs', children);
  }
  const extensions = checkExtensions(input);
  if (!extensions.ok) return extensions;
  const checked = checkStartList(children, autoShutdown, extensions.plan.budget);
  if (!checked.ok) return { ok: false, fault: { kind: 'startSpec', fault: checked.fault } };
  const { list } = checked;
  const way = wayBackToItself(input);
  if (way !== undefined) {
    const ids = way.join(' › ');
    const message = `child ${ids} has the options of a supervisor that it is part of: it would start itself, without end`;
    return { ok: false, fault: { kind: 'startSpec', fault: { kind: 'ownChild', message } } };
  }
  return { ok: true, plan: { strategy, autoShutdown, list, ...limits.plan, ...extensions.plan } };
}

/** Checks what goes beyond OTP: `backoff` and `budget`. */
export function checkExtensions(
  input: Readonly<Record<string, unknown>>,
): CheckedOptions<Pick<SupervisorPlan, 'backoff' | 'budget' | 'random'>> {
  // What has no fault is what its type says.
  const { backoff, budget } = input as Pick<SupervisorOptions, 'backoff' | 'budget'>;
  const badBackoff = backoff === undefined ? undefined : backoffFault(backoff);
  if (badBackoff !== undefined) return faulty({ kind: 'invalidBackoff', ...badBackoff });
  const badBudget = budget === undefined ? undefined : budgetFault(budget);
  if (badBudget !== undefined) return faulty({ kind: 'invalidBudget', ...badBudget });
  const random = backoff?.random ?? Math.random;
  return { ok: true, plan: { backoff: backoffPlan(backoff), budget, random } };
}

/** Checks `maxRestarts` and `maxSeconds`, in this order (OTP SPEC-003, SPEC-004). */
export function checkRestartLimits(
  input: Readonly<Record<string, unknown>>,
): CheckedOptions<{ readonly intensity: number; readonly period: number }> {
  const { maxRestarts = defaultMaxRestarts, maxSeconds = defaultMaxSeconds } = input;
  if (!isWhole(maxRestarts, 0)) {
    return refuse('invalidIntensity', 'maxRestarts must be a whole number ≥ 0', maxRestarts);
  }
  if (!isWhole(maxSeconds, 1)) {
    return refuse('invalidPeriod', 'maxSeconds must be a whole number of seconds ≥ 1', maxSeconds);
  }
  return { ok: true, plan: { intensity: maxRestarts, period: maxSeconds } };
}

/** A fault of a supervisor's own options. */
export function refuse(
  kind: SupervisorFault['kind'],
  message: string,
  value: unknown,
): { readonly ok: false; readonly fault: StartFault } {
  return faulty({ kind, value, message: `${message}; got ${showValue(value)}` });
}

function faulty(fault: SupervisorFault): { readonly ok: false; readonly fault: StartFault } {
  return { ok: false, fault: { kind: 'supervisorData', fault } };
}

const strategies = ['oneForOne', 'oneForAll', 'restForOne'] as const;
const autoShutdowns = ['never', 'anySignificant', 'allSignificant'] as const;

function isOneOf<const T extends string>(value: unknown, allowed: readonly T[]): value is T {
  return (allowed as readonly unknown[]).includes(value);
}

function anyOf(allowed: readonly string[]): string {
  return allowed.map((item) => `'${item}'`).join(', ');
}
