import {
  defineStatechart,
  exitReason,
  formatProcessName,
  type ActorSystem,
  type Behaviour,
  type Effects,
  type ExitReason,
  type From,
  type ProcessContext,
  type Target,
} from '@snakepit/core';
import type {
  ChildCounts,
  ChildInfo,
  Done,
  NoChildIds,
  NotFound,
  NotStopped,
  Refused,
  RestartChildError,
  StartChildError,
  Started,
} from './administration.ts';
import { infoOf } from './answers.ts';
import { ChildHandles, type NamedByInput } from './child-handles.ts';
import type { ChildId } from './child-id.ts';
import { checkChildSpec, type ChildSpec, type CompleteChildSpec } from './child-spec.ts';
import { supervisorError } from './errors.ts';
import { tableValues } from './ordered-table.ts';
import type { At, Seen, Witness } from './report-effects.ts';
import type { RestartBudget } from './restart-budget.ts';
import { nameIn, SharedEffects, supervision } from './shared-effects.ts';
import { ask, refTo, stopAndWait, type SupervisorRef } from './supervisor-ref.ts';
import { SupervisorReports } from './supervisor-reports.ts';
import { explainStart } from './start-failure.ts';
import { supervisorMachine } from './supervisor.machine.ts';
import { checkSupervisorOptions, type SupervisorOptions } from './supervisor-options.ts';

const behaviour = {
  ...defineStatechart(supervisorMachine, {
    name: 'supervisor',
    trapExit: true,
    effects: effectsOf,
  }),
  supervision,
};

/** What a supervisor does when its chart says so. */
function effectsOf(
  self: ProcessContext,
  options: SupervisorOptions,
): Effects<typeof supervisorMachine> {
  const handles = new ChildHandles(self);
  const reports = new SupervisorReports(self, nameIn(options));
  const checked = checkSupervisorOptions(options);
  const { budget, random } = checked.ok ? checked.plan : {};
  if (checked.ok) {
    for (const [serial, { spec }] of checked.plan.list.entries()) handles.hold(serial, spec);
  }
  return new SupervisorEffects({ self, handles, reports }, random, budget);
}

class SupervisorEffects extends SharedEffects {
  readonly #budget: RestartBudget | undefined;

  constructor(witness: Witness, random?: () => number, budget?: RestartBudget) {
    super(witness, random);
    this.#budget = budget;
  }

  holdSpec({ serial, spec }: At & { readonly spec: unknown }): void {
    // The chart has refused what does not fit; here only the defaults are filled in.
    const complete = checkChildSpec(spec, 'anySignificant', this.#budget);
    if (complete.ok) this.handles.hold(serial, complete.spec);
  }

  answerList({ from }: { readonly from: From }, { context }: Seen): void {
    const slots = tableValues(context.children.slots);
    // Newest first (SUP-021).
    this.reply(from, Array.from(slots, (slot) => infoOf(slot, this.handles)).reverse());
  }

  answerSpec({ from, serial }: { readonly from: From; readonly serial: number | null }): void {
    const spec = serial === null ? undefined : this.handles.spec(serial);
    const answer =
      spec === undefined ? { ok: false, error: { kind: 'notFound' } } : { ok: true, spec };
    this.reply(from, answer);
  }
}

/** A supervisor as a behaviour and the calls on one that runs. */
export interface SupervisorApi extends Behaviour<SupervisorOptions>, NamedByInput {
  /**
   * Starts a supervisor and all its children, and waits until they run.
   *
   * @throws {@link SnakepitError} `INVALID_SUPERVISOR` when an option or a child spec is faulty; nothing was started.
   * @throws {@link ExitError} when a child failed to start, with the reason of the supervisor (OTP SUP-005); the
   *   children started before it are stopped again. The message names the child and its reason.
   */
  start(system: ActorSystem, options: SupervisorOptions): Promise<SupervisorRef>;
  /** A supervisor that runs already, by pid or name. */
  at(system: ActorSystem, target: Target): SupervisorRef;
  /** Adds a child at the end of the order and starts it (OTP SUP-012 … SUP-015). */
  startChild(tree: SupervisorRef, spec: ChildSpec): Promise<Started | Refused<StartChildError>>;
  /**
   * Stops a child and keeps its specification, unless it is temporary.
   *
   * Never restarts anybody and never counts toward the restart intensity (OTP SUP-017). The call waits as long as
   * the child's `shutdown` allows, in milliseconds; with `'infinity'`, without limit.
   *
   * @param id - Id from the child specification, not a pid.
   * @returns `ok` also when the child had already stopped; `notFound` for an unknown id (OTP SUP-016).
   */
  terminateChild(tree: SupervisorRef, id: ChildId): Promise<Done | Refused<NotFound | NoChildIds>>;
  /**
   * Starts a stopped child in its old place; not counted as a restart (OTP SUP-018).
   *
   * Also one that was given up ({@link RestartBudget}); its budget is unused then, and its waits begin anew.
   */
  restartChild(tree: SupervisorRef, id: ChildId): Promise<Started | Refused<RestartChildError>>;
  /** Forgets a stopped child (OTP SUP-019). */
  deleteChild(
    tree: SupervisorRef,
    id: ChildId,
  ): Promise<Done | Refused<NotFound | NoChildIds | NotStopped>>;
  /** All children, newest first (OTP SUP-021). */
  whichChildren(tree: SupervisorRef): Promise<readonly ChildInfo[]>;
  /** How many children there are (OTP SUP-022). */
  countChildren(tree: SupervisorRef): Promise<ChildCounts>;
  /** The full spec of a child, with its defaults (OTP SUP-023). */
  getChildSpec(
    tree: SupervisorRef,
    id: ChildId,
  ): Promise<
    { readonly ok: true; readonly spec: CompleteChildSpec } | Refused<NotFound | NoChildIds>
  >;
  /**
   * Stops all children in reverse start order, then the supervisor; waits until it is gone.
   *
   * @param reason - What it exits with; default `shutdown`.
   * @returns What it exited with; `noproc` when it already was gone.
   */
  stop(tree: SupervisorRef, reason?: ExitReason): Promise<ExitReason>;
}

/**
 * Starts children in order, restarts them by a strategy, stops them in reverse order, as OTP's supervisor does.
 *
 * A behaviour too: `start: [Supervisor, { strategy, children }]` makes a supervisor the child of another. The `type` of
 * that child is `'supervisor'` then, and its `shutdown` `'infinity'`, unless its spec says otherwise.
 *
 * Differs from OTP: `maxRestarts` is 3 unless told otherwise, as in Elixir; `simpleOneForOne` is
 * {@link DynamicSupervisor}; an unknown cast cannot be told from a message and is logged, not fatal, and a request that
 * was cast is carried out unanswered.
 */
export const Supervisor: SupervisorApi = {
  ...behaviour,
  childDefaults: { type: 'supervisor' },
  nameIn,
  async start(system, options) {
    const checked = checkSupervisorOptions(options);
    if (!checked.ok) throw supervisorError('INVALID_SUPERVISOR', { fault: checked.fault });
    const name = nameIn(options);
    const pid = await explainStart(
      name === undefined ? 'supervisor' : `supervisor ${formatProcessName(name)}`,
      system.start(behaviour, options, {
        ...(name === undefined ? {} : { name }),
        timeout: Infinity,
      }),
    );
    return refTo(system, pid);
  },
  at: refTo,
  startChild: (tree, spec) => ask(tree, request('child.start', { spec })),
  terminateChild: (tree, id) => ask(tree, request('child.terminate', { id })),
  restartChild: (tree, id) => ask(tree, request('child.restart', { id })),
  deleteChild: (tree, id) => ask(tree, request('child.delete', { id })),
  whichChildren: (tree) => ask(tree, request('children.list', {})),
  countChildren: (tree) => ask(tree, request('children.count', {})),
  getChildSpec: (tree, id) => ask(tree, request('child.describe', { id })),
  stop: (tree, reason = exitReason.shutdown) => stopAndWait(tree, reason),
};

function request(type: string, content: object): { readonly type: string } {
  return { type, ...content };
}
