import type { AnyActor, AnyActorRef } from 'xstate';

/**
 * What XState does not offer and a runtime needs. These are the only uses of its internals; the exact version of
 * XState is pinned, and the tests of statechart processes notice when one of them changes.
 */
interface Internals {
  _send(event: unknown): void;
  _stop(): void;
}

/**
 * Lets whatever an actor is sent pass through `route`, also what comes from actors that it invoked.
 *
 * XState handles an event where it is sent from, be it in the middle of another process's turn.
 */
export function routeEvents(actor: AnyActor, route: (deliver: () => void) => void): void {
  const internals = actor as unknown as Internals;
  const send = internals._send.bind(actor);
  internals._send = (event) => {
    route(() => {
      send(event);
    });
  };
}

/** Stops an actor and what it invoked. A failed actor leaves its children running; it is of no use to stop it. */
export function stopWithChildren(actor: AnyActor): void {
  const { children = {} } = actor.getSnapshot() as { children?: Record<string, AnyActorRef> };
  actor.stop();
  for (const child of Object.values(children)) (child as unknown as Internals)._stop();
}
