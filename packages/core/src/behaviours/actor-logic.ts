import { createActor, type Actor, type AnyActorLogic } from 'xstate';
import { exitReason } from '../process/exit-reason.ts';
import type { Process } from '../process/process.ts';
import type { Behaviour, Instance } from './behaviour.ts';
import { createProcessClock } from './process-clock.ts';
import { defineStatechart, isStateMachine } from './statechart.ts';
import { reasonOfOutput, toEvent } from './statechart-instance.ts';

/**
 * Makes any XState v5 logic (promise, callback, observable, transition, machine) a behaviour.
 *
 * @param cache - One per system; a machine is prepared once, not per process.
 */
export function adaptActorLogic(
  cache: WeakMap<AnyActorLogic, Behaviour<never>>,
  logic: AnyActorLogic,
): Behaviour<never> {
  const known = cache.get(logic);
  if (known !== undefined) return known;
  const behaviour: Behaviour<never> = isStateMachine(logic)
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
    this.#actor = createActor(logic, { input, clock: createProcessClock(process) });
    this.#actor.subscribe({
      error: (error: unknown) => {
        process.end(exitReason.error(error));
      },
      complete: () => {
        const snapshot = this.#actor.getSnapshot() as { status: string; output: unknown };
        if (snapshot.status === 'done') process.end(reasonOfOutput(snapshot.output));
      },
    });
  }

  get stateValue(): unknown {
    return (this.#actor.getSnapshot() as { status: string }).status;
  }

  get state(): unknown {
    return this.#actor.getSnapshot();
  }

  start(): void {
    this.#actor.start();
    this.#process.acknowledge();
  }

  receive(message: unknown): void {
    const event = toEvent(message);
    if (event !== undefined) this.#actor.send(event);
  }

  dispose(): void {
    this.#actor.stop();
  }
}
