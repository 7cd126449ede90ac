import {
  createActor,
  type Actor,
  type AnyActorLogic,
  type AnyMachineSnapshot,
  type StateValue,
} from 'xstate';
import { exitReason, isExitReason, type ExitReason } from '../process/exit-reason.ts';
import { CallMessage, CastMessage } from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import type { Instance } from './behaviour.ts';
import { isPostponed, sameStateValue } from './postponing.ts';
import { createProcessClock } from './process-clock.ts';
import type { EffectFunction, SharedChart } from './statechart.ts';

/** The tag of states in which a statechart process is still starting. */
const initialisingTag = 'initialising';

/** Runs a machine for one process. @internal */
export class StatechartInstance implements Instance {
  readonly #process: Process;
  readonly #shared: SharedChart;
  readonly #actor: Actor<AnyActorLogic>;
  #postponed: unknown[] = [];
  #lastValue: StateValue | undefined;

  constructor(process: Process, input: unknown, shared: SharedChart) {
    this.#process = process;
    this.#shared = shared;
    process.trapExit = shared.trapExit;
    this.#actor = createActor(shared.machine as AnyActorLogic, {
      input,
      clock: createProcessClock(process),
    });
    const effects = shared.effects?.(process.context, input as never);
    if (effects !== undefined) {
      // Which effects a machine has was checked by the types of defineStatechart.
      shared.table.set(this.#actor, effects as Readonly<Record<string, EffectFunction>>);
    }
    this.#actor.subscribe({
      next: (snapshot: AnyMachineSnapshot) => {
        this.#changed(snapshot);
      },
      error: (error: unknown) => {
        process.end(exitReason.error(error));
      },
      complete: () => {
        this.#completed();
      },
    });
  }

  get stateValue(): StateValue {
    return this.#snapshot.value as StateValue;
  }

  get state(): unknown {
    return this.#snapshot;
  }

  get #snapshot(): AnyMachineSnapshot {
    return this.#actor.getSnapshot() as AnyMachineSnapshot;
  }

  start(): void {
    this.#lastValue = this.stateValue;
    this.#actor.start();
    if (this.#snapshot.status === 'active') this.#acknowledge(this.#snapshot);
  }

  receive(message: unknown): void {
    const event = toEvent(message);
    if (event === undefined) {
      this.#process.runtime.logger.debug(
        `${this.#process.label} ${this.#process.pid.toString()} dropped a message that is no event`,
        { message },
      );
      return;
    }
    if (this.#shared.postpones && isPostponed(this.#snapshot, event.type)) {
      this.#postponed.push(message);
    } else {
      this.#actor.send(event);
    }
  }

  dispose(reason: ExitReason): void {
    const snapshot = this.#snapshot;
    this.#actor.stop();
    this.#shared.released?.(reason, snapshot as never, this.#process.context);
  }

  #changed(snapshot: AnyMachineSnapshot): void {
    this.#acknowledge(snapshot);
    const value = snapshot.value as StateValue;
    const before = this.#lastValue;
    this.#lastValue = value;
    if (this.#postponed.length === 0) return;
    if (before !== undefined && sameStateValue(before, value)) return;
    const waiting = this.#postponed;
    this.#postponed = [];
    this.#process.offerAgain(waiting);
  }

  #acknowledge(snapshot: AnyMachineSnapshot): void {
    if (snapshot.status === 'active' && !snapshot.hasTag(initialisingTag)) {
      this.#process.acknowledge();
    }
  }

  #completed(): void {
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

/** A message as an XState event, or `undefined` when it is none. */
export function toEvent(message: unknown): { readonly type: string } | undefined {
  if (message instanceof CallMessage)
    return { ...message.request, from: message.from } as { type: string };
  if (message instanceof CastMessage) return message.request;
  return isRecord(message) && typeof message['type'] === 'string'
    ? (message as { type: string })
    : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
