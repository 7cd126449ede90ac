import { createActor, type Actor, type AnyActorLogic } from 'xstate';
import { reasonOfThrown } from '../process/exit-request.ts';
import type { Process } from '../process/process.ts';
import type { Behaviour, Instance } from './behaviour.ts';
import { ProcessClock } from './process-clock.ts';
import { defineStatechart, isStateMachine } from './statechart.ts';
import { eventOf, reasonOfOutput } from './statechart-instance.ts';
import { routeEvents, stopWithChildren } from './xstate-internals.ts';

/**
 * Makes any XState v5 logic (promise, callback, observable, transition, machine) a behaviour.
 *
 * @param cache - One per system; a machine is prepared once, not per process.
 */
export function adaptActorLogic(
  cache: WeakMap<AnyActorLogic, Behaviour>,
  logic: AnyActorLogic,
): Behaviour {
  const known = cache.get(logic);
  if (known !== undefined) return known;
  const behaviour: Behaviour = isStateMachine(logic)
    ? defineStatechart(logic)
    : {
        kind: 'actor',
        label: 'actor',
        createInstance: (process, input) => new ActorInstance(process, input, logic),
      };
  cache.set(logic, behaviour);
  return behaviour;
}

/** Runs bare XState logic for one process: ends when it is done, with its error when it fails. */
class ActorInstance implements Instance {
  readonly #process: Process;
  readonly #actor: Actor<AnyActorLogic>;

  constructor(process: Process, input: unknown, logic: AnyActorLogic) {
    this.#process = process;
    this.#actor = createActor(logic, { input, clock: new ProcessClock(process) });
    routeEvents(this.#actor, (deliver) => {
      process.inTurn(deliver);
    });
    this.#actor.subscribe({
      error: (error: unknown) => {
        process.end(reasonOfThrown(error));
      },
      complete: () => {
        const snapshot = this.#actor.getSnapshot() as { status: string; output: unknown };
        if (snapshot.status !== 'done') return;
        // Done at once is a start that succeeded, as of a function that returned.
        process.acknowledge();
        process.end(reasonOfOutput(snapshot.output));
      },
    });
  }

  get stateValue(): unknown {
    return (this.#actor.getSnapshot() as { status: string }).status;
  }

  get state(): unknown {
    return this.#actor.getSnapshot() as unknown;
  }

  start(): void {
    this.#actor.start();
    this.#process.acknowledge();
  }

  receive(message: unknown): void {
    const event = eventOf(message, this.#process);
    if (event !== undefined) this.#actor.send(event);
  }

  dispose(): void {
    stopWithChildren(this.#actor);
  }
}
