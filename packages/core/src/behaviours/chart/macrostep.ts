import type { AnyEventObject } from 'xstate';
import {
  ownEvent,
  stopping,
  type ActorScope,
  type HistoryValue,
  type Snapshot,
  type StateNode,
} from '../xstate-internals.ts';
import { compileAction, type Action, type Retry, type Run } from './actions.ts';
import type { Chart } from './chart.ts';
import type { Configuration } from './configuration.ts';
import { snapshotOf } from './snapshot.ts';
import type { Entry, Step } from './steps.ts';
import { none, type Transition } from './transitions.ts';

/** What a chart does upon one event, until it is stable again (SCXML: a macrostep). */
export class Macrostep implements Run {
  /** What XState hands to the logic of an actor. */
  readonly scope: ActorScope;
  /** What is being handled: the event from outside, later those raised. */
  event: AnyEventObject;
  /** The machine's data. */
  context: unknown;
  readonly #chart: Chart;
  readonly #raised: AnyEventObject[] = [];
  #configuration: Configuration;
  #history: HistoryValue;
  #children: Snapshot['children'];
  #status: Snapshot['status'];
  #output: unknown;
  #error: unknown;
  /** What all of the above looks like from outside, if anybody has asked since it changed. */
  #shown: Snapshot | undefined;
  /** How often it changed; what XState tells by the identity of snapshots. */
  #changes = 0;

  /**
   * @param chart - Of which machine.
   * @param before - Where it stands.
   * @param event - What has happened.
   * @param scope - What XState hands to the logic of an actor.
   */
  constructor(chart: Chart, before: Snapshot, event: AnyEventObject, scope: ActorScope) {
    this.#chart = chart;
    this.scope = scope;
    this.event = event;
    this.context = before.context;
    this.#configuration = chart.configurationOf(before);
    this.#history = before.historyValue;
    this.#children = before.children;
    this.#status = before.status;
    this.#output = before.output;
    this.#error = before.error;
    this.#shown = before;
  }

  /** How it looks now; the same object until something changes. */
  get snapshot(): Snapshot {
    return (this.#shown ??= snapshotOf(this.#chart.machine, this.#configuration, {
      status: this.#status,
      output: this.#output,
      error: this.#error,
      context: this.context,
      children: this.#children,
      historyValue: this.#history,
    }));
  }

  /** Replaces the machine's data. */
  assign(context: unknown): void {
    this.context = context;
    this.#changed();
  }

  /** Takes over what one of XState's own actions changed. */
  adopt({ context, children }: Snapshot): void {
    this.context = context;
    this.#children = children;
    this.#changed();
  }

  #changed(): void {
    this.#shown = undefined;
    this.#changes += 1;
  }

  /** Makes the machine's data, before it is in any state. */
  prepare(): Snapshot {
    this.#perform(this.#chart.preparation, undefined);
    return this.snapshot;
  }

  /** Enters where the machine begins. */
  begin(): Snapshot {
    this.#take(this.#chart.initialStep);
    return this.#settle();
  }

  /** Handles the event. */
  handle(): Snapshot {
    const { event } = this;
    if (event.type === '*') throw new Error("An event cannot have the wildcard type ('*')");
    if (event.type === ownEvent.stop) return this.#end('stopped', undefined);
    const transitions = this.#configuration.select(event.type, this);
    if (transitions.length === 0 && event.type.startsWith(ownEvent.actorError)) {
      return this.#end('error', event['error']);
    }
    this.#takeAll(transitions, event.type);
    return this.#settle();
  }

  /** Looks for transitions without an event, then for what was raised, until there is neither. */
  #settle(): Snapshot {
    const most = this.#chart.internals.options.maxIterations ?? Infinity;
    let mayMove = true;
    for (let steps = 1; this.#status === 'active'; steps++) {
      if (steps > most) throw endless(most);
      let transitions: readonly Transition[] = mayMove
        ? this.#configuration.selectEventless(this)
        : none;
      const isEventless = transitions.length > 0;
      if (!isEventless) {
        const raised = this.#raised.shift();
        if (raised === undefined) return this.snapshot;
        this.event = raised;
        transitions = this.#configuration.select(raised.type, this);
      }
      const before = this.#changes;
      this.#takeAll(transitions, isEventless ? undefined : this.event.type);
      // One without an event that changes nothing would be taken for ever.
      mayMove = !isEventless || this.#changes !== before;
    }
    const last = this.snapshot;
    this.#stopChildren();
    return last;
  }

  #takeAll(transitions: readonly Transition[], eventType: string | undefined): void {
    if (transitions.length === 0) return;
    const { tap } = this.scope;
    if (tap !== undefined) tap.took(transitions, eventType);
    this.#take(this.#configuration.step(transitions, this.#history));
  }

  #take(step: Step): void {
    this.#perform(step.exits, undefined);
    this.#perform(step.actions, undefined);
    for (const entry of step.entries) this.#enter(entry);
    this.#perform(step.lastExits, undefined);
    if (step.next === this.#configuration && step.history === this.#history) return;
    this.#configuration = step.next;
    this.#history = step.history;
    this.#changed();
  }

  #enter({ actions, invoked, ends, completes }: Entry): void {
    this.#perform(actions, invoked.length === 0 ? undefined : invoked);
    for (const { type, final } of ends) {
      this.#raised.push({ type, output: this.#outputOf(final, this.event) });
    }
    if (completes === undefined) return;
    const { root } = this.#chart;
    // The root's own output is not that of a state inside it.
    const final = completes === root ? undefined : completes;
    if (root.output !== undefined) {
      const type = `${ownEvent.stateDone}${completes.id}`;
      const output = this.#outputOf(final, this.event);
      this.#output = this.#outputOf(root, { type, output });
    }
    this.#status = 'done';
    this.#changed();
  }

  #outputOf(node: StateNode | undefined, event: AnyEventObject): unknown {
    if (typeof node?.output !== 'function') return node?.output;
    const { context, scope } = this;
    return (node.output as (args: unknown) => unknown)({ context, event, self: scope.self });
  }

  #perform(actions: readonly Action[], deferredActorIds: readonly string[] | undefined): void {
    if (actions.length === 0) return;
    const retries: Retry[] | undefined = deferredActorIds === undefined ? undefined : [];
    const extra = { internalQueue: this.#raised, deferredActorIds };
    for (const action of actions) action(this, extra, retries);
    for (const retry of retries ?? []) retry(this.snapshot);
  }

  #end(status: 'stopped' | 'error', error: unknown): Snapshot {
    this.#stopChildren();
    this.#status = status;
    this.#error = error;
    this.#changed();
    return this.snapshot;
  }

  #stopChildren(): void {
    const stops = Object.values(this.#children).map((child) =>
      compileAction(this.#chart.internals, stopping(child)),
    );
    this.#perform(stops, undefined);
  }
}

function endless(most: number): Error {
  return new Error(
    `Infinite loop detected: the machine has processed more than ${most} microsteps without reaching a stable state. This usually happens when there's a cycle of transitions (e.g., eventless transitions or raised events causing state A -> B -> C -> A).`,
  );
}
