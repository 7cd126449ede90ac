import {
  defineStatechart,
  exitReason,
  type ActorSystem,
  type Behaviour,
  type Effects,
  type ExitReason,
  type From,
  Pid,
  type ProcessContext,
  type Target,
} from '@snakepit/core';
import type {
  AlreadyStarted,
  ChildCounts,
  ChildInfo,
  Done,
  MaxChildren,
  NotFound,
  Refused,
  RestartChildError,
  StartFailed,
  Started,
} from './administration.ts';
import { infoOf } from './answers.ts';
import { ChildHandles, type NamedByInput } from './child-handles.ts';
import type { ChildSpec, ChildSpecFault } from './child-spec.ts';
import { checkDynamicChildSpec, checkDynamicOptions } from './dynamic-options.ts';
import type { DynamicSupervisorOptions } from './dynamic-options.ts';
import { dynamicSupervisorMachine } from './dynamic-supervisor.machine.ts';
import { supervisorError } from './errors.ts';
import { tableValues } from './ordered-table.ts';
import type { At, Seen, Witness } from './report-effects.ts';
import type { RestartBudget } from './restart-budget.ts';
import { nameIn, SharedEffects, supervision } from './shared-effects.ts';
import { ask, refTo, stopAndWait, type SupervisorRef } from './supervisor-ref.ts';
import { SupervisorReports } from './supervisor-reports.ts';

const behaviour = {
  ...defineStatechart(dynamicSupervisorMachine, {
    name: 'dynamicSupervisor',
    trapExit: true,
    effects: effectsOf,
  }),
  supervision,
};

/** What a dynamic supervisor does when its chart says so. */
function effectsOf(
  self: ProcessContext,
  options: DynamicSupervisorOptions,
): Effects<typeof dynamicSupervisorMachine> {
  const checked = checkDynamicOptions(options);
  const handles = new ChildHandles(self, checked.ok ? checked.plan.extraArguments : []);
  const { budget, random } = checked.ok ? checked.plan : {};
  const reports = new SupervisorReports(self, nameIn(options));
  return new DynamicSupervisorEffects({ self, handles, reports }, random, budget);
}

class DynamicSupervisorEffects extends SharedEffects {
  readonly #budget: RestartBudget | undefined;

  constructor(witness: Witness, random?: () => number, budget?: RestartBudget) {
    super(witness, random);
    this.#budget = budget;
  }

  holdSpec({ serial, spec }: At & { readonly spec: unknown }): void {
    // The chart has refused what does not fit; here only the defaults are filled in.
    const complete = checkDynamicChildSpec(spec, this.#budget);
    if (complete.ok) this.handles.hold(serial, complete.spec);
  }

  askAll(_: unknown, { context }: Seen): void {
    for (const { serial, shutdown } of tableValues(context.children.slots)) {
      if (shutdown === 'brutalKill') this.handles.kill(serial);
      else this.handles.ask(serial);
    }
  }

  killOverdue({ limitMs }: { readonly limitMs: number }, { context }: Seen): void {
    for (const { serial, shutdown } of tableValues(context.children.slots)) {
      if (shutdown === limitMs) this.handles.kill(serial);
    }
  }

  answerList({ from }: { readonly from: From }, { context }: Seen): void {
    const slots = tableValues(context.children.slots);
    this.reply(
      from,
      Array.from(slots, (slot) => infoOf(slot, this.handles)),
    );
  }
}

/** Why a dynamic supervisor did not add a child (OTP DYN-012 … DYN-014). */
export type StartDynamicChildError = ChildSpecFault | AlreadyStarted | MaxChildren | StartFailed;

/** A dynamic supervisor as a behaviour and the calls on one that runs. */
export interface DynamicSupervisorApi extends Behaviour<DynamicSupervisorOptions>, NamedByInput {
  /**
   * Starts a dynamic supervisor; it has no children yet.
   *
   * @throws {@link SnakepitError} `INVALID_SUPERVISOR` when an option is faulty.
   * @throws {@link ExitError} `alreadyStarted` when the name is taken.
   */
  start(system: ActorSystem, options?: DynamicSupervisorOptions): Promise<SupervisorRef>;
  /** A dynamic supervisor that runs already, by pid or name. */
  at(system: ActorSystem, target: Target): SupervisorRef;
  /**
   * Adds a child and starts it (OTP DYN-012 … DYN-015).
   *
   * @param spec - Its `id` means nothing and may repeat.
   * @returns The pid, `undefined` when the child declined (then nothing is kept); or why not.
   */
  startChild(
    tree: SupervisorRef,
    spec: ChildSpec,
  ): Promise<Started | Refused<StartDynamicChildError>>;
  /** Stops a child by its pid, or by its last pid while it is being restarted; it is forgotten (OTP DYN-017). */
  terminateChild(tree: SupervisorRef, pid: Pid): Promise<Done | Refused<NotFound>>;
  /**
   * Starts a child again that was given up, its restart budget unused. An extension, see {@link RestartBudget}.
   *
   * @param pid - The last it had: `lastPid` in the list of children.
   * @returns The new pid, `undefined` when the child declined (then nothing is kept); or why not. One whose start
   *   fails stays given up.
   */
  restartChild(tree: SupervisorRef, pid: Pid): Promise<Started | Refused<RestartChildError>>;
  /** All children, in no order that means anything (OTP DYN-018). */
  whichChildren(tree: SupervisorRef): Promise<readonly ChildInfo[]>;
  /** How many children there are; `specs` counts running and restarting ones (OTP DYN-018). */
  countChildren(tree: SupervisorRef): Promise<ChildCounts>;
  /**
   * Stops all children at once, each by its own `shutdown`, then the supervisor; waits until it is gone (OTP DYN-019).
   *
   * @param reason - What it exits with; default `shutdown`.
   * @returns What it exited with; `noproc` when it already was gone.
   */
  stop(tree: SupervisorRef, reason?: ExitReason): Promise<ExitReason>;
}

/**
 * Starts children on request, restarts each by itself, stops all at once, as Elixir's DynamicSupervisor does.
 *
 * A behaviour too: `start: [DynamicSupervisor, { maxChildren: 100 }]`; of the type `'supervisor'` by itself.
 */
export const DynamicSupervisor: DynamicSupervisorApi = {
  ...behaviour,
  childDefaults: { type: 'supervisor' },
  nameIn,
  async start(system, options = {}) {
    const checked = checkDynamicOptions(options);
    if (!checked.ok) throw supervisorError('INVALID_SUPERVISOR', { fault: checked.fault });
    const name = nameIn(options);
    const pid = await system.start(behaviour, options, name === undefined ? {} : { name });
    return refTo(system, pid);
  },
  at: refTo,
  async startChild(tree, spec) {
    // Checked here already, so that a faulty spec costs the supervisor nothing (DYN-012).
    const checked = checkDynamicChildSpec(spec);
    if (!checked.ok) return { ok: false, error: checked.fault };
    return ask(tree, request('child.start', { spec }));
  },
  terminateChild: (tree, pid) => ask(tree, request('child.terminate', { pid: numberOf(pid) })),
  restartChild: (tree, pid) => ask(tree, request('child.revive', { pid: numberOf(pid) })),
  whichChildren: (tree) => ask(tree, request('children.list', {})),
  countChildren: (tree) => ask(tree, request('children.count', {})),
  stop: (tree, reason = exitReason.shutdown) => stopAndWait(tree, reason),
};

/** The number of a pid; none of what is no pid, and is then found nowhere. */
function numberOf(pid: unknown): number | undefined {
  return pid instanceof Pid ? pid.id : undefined;
}

function request(type: string, content: object): { readonly type: string } {
  return { type, ...content };
}
