import {
  createActor,
  type Actor,
  type AnyActorLogic,
  type AnyMachineSnapshot,
  type StateValue,
} from 'xstate';
import { exitReason, isExitReason, type ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import { contentOf } from '../observation/envelope.ts';
import type { PendingTimer } from '../observation/process-details.ts';
import type { Frame } from '../observation/watches.ts';
import { SelectiveMailbox } from '../process/mailbox.ts';
import { CallMessage, CastMessage } from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import type { Instance } from './behaviour.ts';
import { sameStateValue } from './postponing.ts';
import { ProcessClock } from './process-clock.ts';
import type { EffectFunction, SharedChart } from './statechart.ts';
import { tapOf } from './chart/tap.ts';
import {
  replaceContext,
  routeEvents,
  scheduledBy,
  stopWithChildren,
  tapInto,
} from './xstate-internals.ts';

/** The tag of states in which a statechart process is still starting. */
const initialisingTag = 'initialising';

/** Runs a machine for one process. @internal */
export class StatechartInstance implements Instance {
  readonly #process: Process;
  readonly #shared: SharedChart;
  readonly #actor: Actor<AnyActorLogic>;
  readonly #clock: ProcessClock;
  #lastValue: StateValue | undefined;

  /**
   * @param process - The process it runs for.
   * @param input - Handed to the machine.
   * @param shared - What all processes of this machine have in common.
   */
  constructor(process: Process, input: unknown, shared: SharedChart) {
    this.#process = process;
    this.#shared = shared;
    process.trapExit = shared.trapExit;
    this.#clock = new ProcessClock(process);
    this.#actor = createActor(shared.logic, { input, clock: this.#clock });
    routeEvents(this.#actor, (deliver, event) => {
      const { recorder } = process.runtime;
      if (recorder === undefined || recorder.isHandledBy(process)) process.inTurn(deliver);
      else process.inTurn(() => recorder.own(process, event, this, deliver));
    });
    shared.table.set(this.#actor, {
      // Which effects a machine has was checked by the types of defineStatechart.
      byName: (shared.effects?.(process.context, input as never) ?? {}) as Readonly<
        Record<string, EffectFunction>
      >,
      process,
    });
    this.#actor.subscribe(this);
  }

  /** The state value of the machine. */
  get stateValue(): StateValue {
    return this.#snapshot.value as StateValue;
  }

  /** The snapshot of the machine. */
  get state(): unknown {
    return this.#snapshot;
  }

  /** What its named actions are. */
  get effects(): unknown {
    return this.#shared.table.get(this.#actor)?.byName;
  }

  /** The delays of its states that run. */
  get delays(): readonly PendingTimer[] {
    return this.#clock.pending(scheduledBy(this.#actor));
  }

  /** Tells what it does from now on, until told otherwise. */
  observe(frame: Frame | undefined): void {
    tapInto(this.#actor, frame === undefined ? undefined : tapOf(frame));
  }

  get #snapshot(): AnyMachineSnapshot {
    return this.#actor.getSnapshot() as AnyMachineSnapshot;
  }

  /** Enters the first state. */
  start(): void {
    this.#actor.start();
  }

  /** Gives the machine one event. */
  receive(message: unknown): void {
    const event = eventOf(message, this.#process);
    if (event === undefined) {
      this.#process.runtime.recorder?.ignored();
      return;
    }
    const before = this.#snapshot;
    this.#actor.send(event);
    // Asking the machine costs as much as the event itself; only what changed nothing can have been unknown.
    if (this.#snapshot !== before || before.can(event)) return;
    this.#process.runtime.recorder?.ignored();
    const what = `${describe(this.#process)} has no transition for ${event.type}`;
    this.#process.runtime.logger.debug(what, { event });
    if (!(message instanceof CallMessage)) return;
    // Nobody else would ever answer.
    const where = `in the state ${JSON.stringify(before.value)}`;
    message.from.reject(exitReason.error(new TypeError(`${what} ${where}`)));
  }

  /** Replaces the context; in which states the machine is follows from its events alone. */
  replaceState(state: unknown): void {
    const { value, context } = isRecord(state) ? state : {};
    const isValue = isRecord(value) || typeof value === 'string';
    const isSame = isValue && sameStateValue(value as StateValue, this.stateValue);
    if (!isSame) {
      throw new TypeError('of a chart only the context can be replaced: ({ ...state, context })');
    }
    replaceContext(this.#actor, context);
  }

  /** Stops the machine and what it invoked, and releases what its effects hold. */
  dispose(reason: ExitReason): unknown {
    const snapshot = this.#snapshot;
    stopWithChildren(this.#actor);
    return this.#shared.released?.(reason, snapshot as never, this.#process.context);
  }

  /** The machine stands somewhere else now, or has taken an event. */
  next(snapshot: AnyMachineSnapshot): void {
    this.#acknowledge(snapshot);
    const { postponed } = this.#shared;
    const { mailbox } = this.#process;
    if (postponed === undefined || !(mailbox instanceof SelectiveMailbox)) return;
    const value = snapshot.value as StateValue;
    const before = this.#lastValue;
    this.#lastValue = value;
    if (before !== undefined && sameStateValue(before, value)) return;
    mailbox.hold(postponed(snapshot));
  }

  /** The machine has failed. */
  error(error: unknown): void {
    this.#process.end(reasonOfThrown(error));
  }

  #acknowledge(snapshot: AnyMachineSnapshot): void {
    if (snapshot.status === 'active' && !snapshot.hasTag(initialisingTag)) {
      this.#process.acknowledge();
    }
  }

  /** The machine has come to its end. */
  complete(): void {
    const { status, output } = this.#snapshot as { status: string; output: unknown };
    if (status !== 'done') return;
    if (isRecord(output) && output['ignore'] === true) this.#process.ignore();
    else this.#process.end(reasonOfOutput(output));
  }
}

/** The exit reason that a final output names; without one the process ended normally. */
export function reasonOfOutput(output: unknown): ExitReason {
  const reason = isRecord(output) ? output['reason'] : undefined;
  return isExitReason(reason) ? reason : exitReason.normal;
}

/** Of which kind a message is to postponing: the type of its event, or nothing when it is none. */
export function kindOf(held: unknown): string {
  const message = contentOf(held);
  if (message instanceof CallMessage || message instanceof CastMessage) return message.request.type;
  return isEvent(message) ? message.type : '';
}

/** A message as an XState event; what is none is reported to developers and dropped. */
export function eventOf(message: unknown, process: Process): { readonly type: string } | undefined {
  if (message instanceof CallMessage) {
    // The spread keeps the request's own type; it only becomes wider.
    return { ...message.request, from: message.from } as { type: string };
  }
  if (message instanceof CastMessage) return message.request;
  if (isEvent(message)) return message;
  process.runtime.logger.debug(`${describe(process)} dropped a message that is no event`, {
    message,
  });
  return undefined;
}

function describe(process: Process): string {
  return `${process.name ?? process.label} ${process.pid.toString()}`;
}

function isEvent(message: unknown): message is { readonly type: string } {
  return isRecord(message) && typeof message['type'] === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
