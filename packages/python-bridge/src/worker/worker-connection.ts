import { isSnakepitError, type Clock } from '@snakepit/core';
import type { CallLimits, ToolCall, WorkerClient } from '../bridge/worker-client.ts';
import { bridgeError } from '../errors.ts';

/** How long a call that lost its connection waits to learn whether the worker died, in milliseconds. */
const patienceMs = 2_000;

/** What is known of a worker's death. */
export interface WorkerDeath {
  /** The end as a sentence without a subject. */
  readonly reason: string;
  /** Exit code, if it exited. */
  readonly exitCode: number | undefined;
  /** Signal, if one ended it. */
  readonly signal: string | undefined;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
}

/** The way into one ready worker. Calls go through here directly; the worker's chart is not on their path. */
export interface WorkerConnection {
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** How many calls are in flight. */
  readonly inFlight: number;
  /**
   * Runs a tool.
   *
   * @throws SnakepitError as {@link WorkerClient.executeTool}; WORKER_CRASHED when the worker died meanwhile.
   */
  execute(call: ToolCall, limits: CallLimits): Promise<unknown>;
}

/** The side of a connection that its worker holds. */
export interface OwnedConnection extends WorkerConnection {
  /** The worker is dead: fails every call in flight, at once. */
  died(death: WorkerDeath): void;
  /** Ends the connection. */
  close(): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly client: WorkerClient;
  readonly pool: string;
  readonly workerId: string;
  readonly clock: Clock;
  /** Called at most once per turn of the event loop, when the number of calls in flight has left or reached zero. */
  readonly onActivity: (isBusy: boolean) => void;
}

interface Flight {
  readonly call: ToolCall;
  readonly reject: (error: unknown) => void;
}

/** Makes the connection of one ready worker. */
export function createWorkerConnection(parts: ConnectionParts): OwnedConnection {
  const { client, pool, workerId, clock } = parts;
  const flights = new Set<Flight>();
  const tellActivity = activityTeller(() => flights.size > 0, parts.onActivity);
  let death: WorkerDeath | undefined;

  function crashed(call: ToolCall, known: WorkerDeath, cause?: unknown): Error {
    const details = { pool, worker: workerId, tool: call.tool, session: call.session, ...known };
    return bridgeError('WORKER_CRASHED', details, cause === undefined ? undefined : { cause });
  }

  /** Whether the call's failure may only be the first sign of the worker's death. */
  function mayBeDeath(error: unknown): boolean {
    return isSnakepitError(error) && error.code === 'WORKER_UNAVAILABLE';
  }

  return {
    workerId,
    get inFlight() {
      return flights.size;
    },
    execute(call, limits) {
      return new Promise((resolve, reject) => {
        const flight: Flight = { call, reject: fail };
        let patience: unknown;
        function land(): boolean {
          if (!flights.delete(flight)) return false;
          if (patience !== undefined) clock.clearTimeout(patience);
          if (flights.size === 0) tellActivity();
          return true;
        }
        function fail(error: unknown): void {
          if (land()) reject(error as Error);
        }
        flights.add(flight);
        if (flights.size === 1) tellActivity();
        client.executeTool(call, limits).then(
          (value) => {
            if (land()) resolve(value);
          },
          (error: unknown) => {
            if (death !== undefined) fail(crashed(call, death, error));
            else if (!mayBeDeath(error)) fail(error);
            else {
              // The socket closes before the operating system tells the exit: wait for the real reason.
              patience = clock.setTimeout(() => {
                fail(error);
              }, patienceMs);
            }
          },
        );
      });
    },
    died(known) {
      death = known;
      for (const flight of [...flights]) flight.reject(crashed(flight.call, known));
      client.close();
    },
    close() {
      client.close();
    },
  };
}

/** Tells a change of a condition, but at most once per turn of the event loop and only when it has changed. */
function activityTeller(isBusy: () => boolean, tell: (busy: boolean) => void): () => void {
  let told = false;
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    setImmediate(() => {
      pending = false;
      const busy = isBusy();
      if (busy === told) return;
      told = busy;
      tell(busy);
    });
  };
}
