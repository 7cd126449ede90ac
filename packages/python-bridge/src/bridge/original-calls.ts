import type { CallListener, RunningCall, ToolCall } from './call-path.ts';
import type { WorkerClient } from './worker-client.ts';

/**
 * Calls a server of the original: all calls belong to the worker's own session (SNK §15), and a call whose caller has given
 * up is waited for.
 *
 * Told of a cancellation such a server forgets the call and lets the tool run on: nobody would know that it is busy.
 *
 * @param client - The client of the worker.
 * @param session - The worker's session.
 */
export function callsOfOriginal(client: WorkerClient, session: string): WorkerClient {
  const inItsSession = (call: ToolCall): ToolCall => ({ ...call, session });
  return {
    begin(call, limits, listener) {
      const known = inItsSession(call);
      // The original watches its streams, and closes the generator of one that nobody reads.
      if (call.stream !== undefined) return client.begin(known, limits, listener);
      const patient = new PatientCall(listener);
      client.begin(known, limits, patient);
      return patient;
    },
    openSession: doNothing,
    closeSession: doNothing,
    ping: (limits) => client.ping(limits),
    connected: (limits) => client.connected(limits),
    close: () => {
      client.close();
    },
  };
}

/** A call that can be given up by its caller, and is over when the worker says so. */
class PatientCall implements RunningCall, CallListener {
  readonly #listener: CallListener;
  #isSettled = false;

  constructor(listener: CallListener) {
    this.#listener = listener;
  }

  cancel(error: Error): void {
    this.settled(error, undefined);
  }

  grant(): void {
    // It has one answer.
  }

  settled(error: Error | undefined, value: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#listener.settled(error, value);
  }

  released(): void {
    this.#listener.released();
  }
}

function doNothing(): void {
  // Sessions of users are the runtime's business only: the server has one session.
}
