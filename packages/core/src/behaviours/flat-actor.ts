import { createActor, type ActorLogic, type Snapshot } from 'xstate';
import type { Instance } from './behaviour.ts';

/** Snapshot of a flat actor: a view of its instance, not a copy. */
type FlatSnapshot = Snapshot<undefined> & {
  readonly value: unknown;
  readonly context: unknown;
  readonly input: FlatInput;
};

interface FlatEvent {
  readonly type: string;
  readonly message?: unknown;
}

/** What a flat behaviour does with a message. */
export interface FlatHandler {
  /** Handles one message; what it throws reaches the process. */
  handle(message: unknown): void;
}

/** An XState actor that hands each event to plain code. */
export interface FlatActor {
  /** Hands over one message; throws what the handler throws. */
  send(message: unknown): void;
  /** Stops the actor. */
  stop(): void;
}

interface FlatInput {
  readonly instance: Pick<Instance, 'state' | 'stateValue'>;
  readonly handler: FlatHandler;
}

/**
 * Makes the XState actor of a flat behaviour (GenServer, Task): one snapshot for its whole life, no machine.
 *
 * What a handler throws is carried past XState, which would stop the actor and report it to the host.
 */
export function createFlatActor(
  instance: Pick<Instance, 'state' | 'stateValue'>,
  handler: FlatHandler,
): FlatActor {
  let fault: { readonly error: unknown } | undefined;
  const guarded: FlatHandler = {
    handle(message) {
      try {
        handler.handle(message);
      } catch (error) {
        fault = { error };
      }
    },
  };
  const actor = createActor(flatLogic, { input: { instance, handler: guarded } });
  actor.start();
  return {
    send(message) {
      actor.send({ type: 'message', message });
      if (fault === undefined) return;
      const { error } = fault;
      fault = undefined;
      throw error;
    },
    stop() {
      actor.stop();
    },
  };
}

const flatLogic: ActorLogic<FlatSnapshot, FlatEvent, FlatInput> = {
  getInitialSnapshot: (_scope, input) => ({
    status: 'active',
    output: undefined,
    error: undefined,
    input,
    get value() {
      return input.instance.stateValue;
    },
    get context() {
      return input.instance.state;
    },
  }),
  transition(snapshot, event) {
    if (event.type === 'message') snapshot.input.handler.handle(event.message);
    return snapshot;
  },
  getPersistedSnapshot: (snapshot) => snapshot,
};
