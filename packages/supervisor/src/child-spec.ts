import type {
  ChildDefaults,
  ProcessContext,
  ProcessName,
  Spawnable,
  StartResult,
} from '@snakepit/core';
import { keyOfId, type ChildId } from './child-id.ts';
import { showValue } from './plain-values.ts';
import { budgetFault, type RestartBudget } from './restart-budget.ts';

/** When an ended child is started again (OTP STR-001 … STR-003). */
export type RestartType =
  /** After every end. */
  | 'permanent'
  /** After an abnormal end only. */
  | 'transient'
  /** Never. */
  | 'temporary';

/** How a child is stopped: milliseconds to end by itself, no limit, or killed at once (OTP SHD-002, SHD-003). */
export type Shutdown = number | 'infinity' | 'brutalKill';

/** What a child is; a supervisor is given all the time it needs to stop its own children. */
export type ChildType = 'worker' | 'supervisor';

/** Whether the end of significant children ends their supervisor (OTP AUT-001 … AUT-004). */
export type AutoShutdown = 'never' | 'anySignificant' | 'allSignificant';

/** What else a start is given: the supervisor's `extraArguments`, see {@link StartFunction}. */
export type StartArguments = readonly unknown[];

/**
 * Starts a child by hand and links it to the supervisor: `self.startLink(…)`, or something slower.
 *
 * It runs in the supervisor's own turn, which is busy until the promise settles: a supervisor whose child never comes to
 * an end of its start serves nobody, and can only be killed, as in OTP (SHD-013; a `shutdown` in milliseconds, or
 * `system.stop()`, does so). What it throws is a failed start. What it started all the same, when the supervisor is gone by
 * then, is ended too, by the `shutdown` of its spec.
 *
 * @param self - The supervisor.
 */
export type StartFunction = (
  self: ProcessContext,
  ...extra: StartArguments
) => StartResult | Promise<StartResult>;

/** What a child runs and what it is given; or a function that starts it. */
export type ChildStart = readonly [logic: Spawnable<never>, input?: unknown] | StartFunction;

/** How a supervisor starts, restarts and stops one child. */
export interface ChildSpec {
  /** Names the child within its supervisor. */
  readonly id: ChildId;
  /** What it runs. */
  readonly start: ChildStart;
  /** Default `'permanent'`; of a task `'temporary'` (OTP TSK-009). */
  readonly restart?: RestartType;
  /** Default 5,000 ms for a worker, `'infinity'` for a supervisor. */
  readonly shutdown?: Shutdown;
  /** Default `'worker'`; of a supervisor of this package `'supervisor'`. */
  readonly type?: ChildType;
  /** Whether its own end counts for the supervisor's `autoShutdown`; default false. */
  readonly significant?: boolean;
  /** Name to register the child's process under; not with a start function, which registers it itself. */
  readonly name?: ProcessName;
  /** How often it may be restarted, apart from its siblings; default: the supervisor's `budget`. */
  readonly budget?: RestartBudget;
}

/** A child spec with its defaults filled in (OTP SPEC-008). */
export interface CompleteChildSpec extends ChildSpec {
  /** When it is started again. */
  readonly restart: RestartType;
  /** How it is stopped. */
  readonly shutdown: Shutdown;
  /** What it is. */
  readonly type: ChildType;
  /** Whether its own end counts for `autoShutdown`. */
  readonly significant: boolean;
}

/** What is wrong with a child spec: which field, its value, and a sentence that says what would be right. */
export interface ChildSpecFault {
  /** The rule that is broken, under OTP's name (SPEC-007 … SPEC-014). */
  readonly kind:
    | 'invalidChildSpec'
    | 'missingId'
    | 'invalidId'
    | 'missingStart'
    | 'invalidStart'
    | 'invalidRestartType'
    | 'invalidSignificant'
    | 'badCombination'
    | 'invalidChildType'
    | 'invalidShutdown'
    | 'invalidName'
    | 'invalidBudget'
    | 'duplicateChildName'
    | 'ownChild';
  /** The bad value; for a bad combination the two settings. */
  readonly value?: unknown;
  /** What is wrong and what to write instead. */
  readonly message: string;
}

/** A checked spec, or the first fault found. */
export type CheckedChildSpec =
  | { readonly ok: true; readonly spec: CompleteChildSpec; readonly key: string }
  | { readonly ok: false; readonly fault: ChildSpecFault };

/** Time a worker has to end when asked, unless its spec says otherwise (OTP SPEC-008). */
const defaultWorkerShutdownMs = 5_000;

/**
 * Checks one child spec in OTP's order and fills in its defaults; unknown fields are ignored.
 *
 * @param input - The spec as it was given.
 * @param autoShutdown - The supervisor's; a significant child needs one that is not `never`.
 * @param budget - The supervisor's, for a spec without one of its own.
 */
export function checkChildSpec(
  input: unknown,
  autoShutdown: AutoShutdown = 'never',
  budget?: RestartBudget,
): CheckedChildSpec {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse('invalidChildSpec', 'a child spec is an object { id, start, … }', input);
  }
  const given: Partial<Record<keyof ChildSpec, unknown>> = input;
  const fault =
    idFault(given.id) ??
    startFault(given) ??
    restartFault(given) ??
    significantFault(given, autoShutdown) ??
    typeFault(given) ??
    shutdownFault(given) ??
    nameFault(given) ??
    budgetFaultOf(given);
  if (fault !== undefined) return { ok: false, fault };
  // Every field was checked just now.
  const spec = input as ChildSpec;
  const defaults = defaultsOf(spec.start);
  const type = spec.type ?? defaults.type ?? 'worker';
  const restart = spec.restart ?? defaults.restart ?? 'permanent';
  // One that is never restarted has no use for a budget.
  const allowed = restart === 'temporary' ? undefined : (spec.budget ?? budget);
  return {
    ok: true,
    key: keyOfId(spec.id) ?? '',
    // Field by field: a spread to which fields are added takes a microsecond, and unknown fields are ignored.
    spec: {
      id: spec.id,
      start: spec.start,
      restart,
      type,
      shutdown: spec.shutdown ?? (type === 'worker' ? defaultWorkerShutdownMs : 'infinity'),
      significant: spec.significant ?? false,
      ...(spec.name !== undefined && { name: spec.name }),
      ...(allowed !== undefined && { budget: allowed }),
    },
  };
}

/** Checked specs of a start list with their keys, or the first fault found. */
export type CheckedStartList =
  | {
      readonly ok: true;
      readonly list: readonly { readonly spec: CompleteChildSpec; readonly key: string }[];
    }
  | { readonly ok: false; readonly fault: ChildSpecFault };

/** Checks a whole start list before anything is started (OTP SPEC-013, SPEC-015). */
export function checkStartList(
  specs: readonly unknown[],
  autoShutdown: AutoShutdown,
  budget?: RestartBudget,
): CheckedStartList {
  const seen = new Set<string>();
  const list: { spec: CompleteChildSpec; key: string }[] = [];
  for (const input of specs) {
    const checked = checkChildSpec(input, autoShutdown, budget);
    if (!checked.ok) return checked;
    if (seen.has(checked.key)) {
      return refuse(
        'duplicateChildName',
        `two children have the id ${checked.key}; ids are unique within a supervisor`,
        checked.spec.id,
      );
    }
    seen.add(checked.key);
    list.push({ spec: checked.spec, key: checked.key });
  }
  return { ok: true, list };
}

function faultOf(kind: ChildSpecFault['kind'], message: string, value?: unknown): ChildSpecFault {
  return value === undefined ? { kind, message } : { kind, message, value };
}

function refuse(
  kind: ChildSpecFault['kind'],
  message: string,
  value: unknown,
): { readonly ok: false; readonly fault: ChildSpecFault } {
  return { ok: false, fault: faultOf(kind, `${message}; got ${showValue(value)}`, value) };
}

type Given = Partial<Record<keyof ChildSpec, unknown>>;

function idFault(id: unknown): ChildSpecFault | undefined {
  if (id === undefined) return faultOf('missingId', 'a child spec needs an id');
  if (keyOfId(id) !== undefined) return undefined;
  return faultOf(
    'invalidId',
    `id must be a string, number, boolean, null, or a list or object of these; got ${showValue(id)}`,
    id,
  );
}

function startFault({ id, start }: Given): ChildSpecFault | undefined {
  const where = whereOf(id);
  if (start === undefined) {
    return faultOf('missingStart', `${where} needs start: [behaviour, input] or a function`);
  }
  if (typeof start === 'function') return undefined;
  if (Array.isArray(start) && start.length >= 1 && start.length <= 2 && isLogic(start[0])) {
    return undefined;
  }
  return faultOf(
    'invalidStart',
    `${where}: start must be [behaviour, input] or a function; got ${showValue(start)}`,
    start,
  );
}

/** What a behaviour brings along for its child specs. */
function defaultsOf(start: unknown): ChildDefaults {
  const logic: unknown = Array.isArray(start) ? start[0] : undefined;
  if (typeof logic !== 'object' || logic === null || !('childDefaults' in logic)) return {};
  // Only behaviours have it.
  return logic.childDefaults as ChildDefaults;
}

function isLogic(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Our behaviours make instances; bare XState logic of every kind makes snapshots.
  return 'createInstance' in value || 'getInitialSnapshot' in value;
}

function restartFault({ id, restart }: Given): ChildSpecFault | undefined {
  if (restart === undefined || isOneOf(restart, ['permanent', 'transient', 'temporary'])) {
    return undefined;
  }
  return faultOf(
    'invalidRestartType',
    `${whereOf(id)}: restart must be 'permanent', 'transient' or 'temporary'; got ${showValue(restart)}`,
    restart,
  );
}

function significantFault(
  { id, start, restart = defaultsOf(start).restart, significant }: Given,
  autoShutdown: AutoShutdown,
): ChildSpecFault | undefined {
  if (significant === undefined || significant === false) return undefined;
  const where = whereOf(id);
  if (significant !== true) {
    return faultOf(
      'invalidSignificant',
      `${where}: significant must be true or false; got ${showValue(significant)}`,
      significant,
    );
  }
  if (autoShutdown === 'never') {
    return faultOf(
      'badCombination',
      `${where}: significant: true has no meaning while the supervisor's autoShutdown is 'never'`,
      { autoShutdown, significant },
    );
  }
  if (restart === undefined || restart === 'permanent') {
    return faultOf(
      'badCombination',
      `${where}: a significant child must be 'transient' or 'temporary', for a permanent one is restarted whenever it ends`,
      { restart: 'permanent', significant },
    );
  }
  return undefined;
}

function typeFault({ id, type }: Given): ChildSpecFault | undefined {
  if (type === undefined || isOneOf(type, ['worker', 'supervisor'])) return undefined;
  return faultOf(
    'invalidChildType',
    `${whereOf(id)}: type must be 'worker' or 'supervisor'; got ${showValue(type)}`,
    type,
  );
}

function shutdownFault({ id, shutdown }: Given): ChildSpecFault | undefined {
  if (shutdown === undefined || isOneOf(shutdown, ['infinity', 'brutalKill'])) return undefined;
  if (typeof shutdown === 'number' && Number.isInteger(shutdown) && shutdown >= 0) return undefined;
  return faultOf(
    'invalidShutdown',
    `${whereOf(id)}: shutdown must be a whole number of milliseconds ≥ 0, 'infinity' or 'brutalKill'; got ${showValue(shutdown)}`,
    shutdown,
  );
}

function nameFault({ id, name }: Given): ChildSpecFault | undefined {
  if (name === undefined || isName(name)) return undefined;
  return faultOf(
    'invalidName',
    `${whereOf(id)}: name must be a string that is not empty, or { via: [registry, key] }; got ${showValue(name)}`,
    name,
  );
}

/** Whether the registry runs and the key can be one is seen when the child is started. */
function isName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('via' in value)) {
    return typeof value === 'string' && value !== '';
  }
  return Array.isArray(value.via) && value.via.length === 2 && typeof value.via[0] === 'string';
}

function budgetFaultOf({ id, restart, budget }: Given): ChildSpecFault | undefined {
  if (budget === undefined) return undefined;
  const where = whereOf(id);
  const fault = budgetFault(budget);
  if (fault !== undefined) {
    return { kind: 'invalidBudget', value: fault.value, message: `${where}: ${fault.message}` };
  }
  if (restart !== 'temporary') return undefined;
  return faultOf(
    'badCombination',
    `${where}: a temporary child is never restarted, so it has no use for a budget`,
    { restart, budget },
  );
}

function isOneOf(value: unknown, allowed: readonly string[]): boolean {
  return typeof value === 'string' && allowed.includes(value);
}

function whereOf(id: unknown): string {
  return `child ${showValue(id)}`;
}
