import { isSnakepitError, type Clock } from '@snakepit/core';
import type { CallLimits, PingAnswer, ToolCall, WorkerClient } from '../bridge/worker-client.ts';
import { bridgeError, type ErrorIds } from '../errors.ts';
import type { FailureCause } from './failure-cause.ts';

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
  /** What kind of end it was. */
  readonly failure: FailureCause;
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
  /** How many calls have succeeded. */
  readonly succeeded: number;
  /** Asks the serving path whether it answers; throws as {@link WorkerClient.ping}. */
  ping(limits: CallLimits): Promise<PingAnswer>;
  /** The worker is dead: fails every call in flight, at once. */
  died(death: WorkerDeath): void;
  /** Ends the connection. Calls that are still in flight fail at once, for this reason. */
  close(reason: string): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  /** The client of the worker; the connection closes it. */
  readonly client: WorkerClient;
  /** Name of the pool. */
  readonly pool: string;
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** Time. */
  readonly clock: Clock;
  /** Called at most once per turn of the event loop, when the number of calls in flight has left or reached zero. */
  readonly onActivity: (isBusy: boolean) => void;
}

/** One call in flight. */
interface Flight {
  readonly call: ToolCall;
  readonly limits: CallLimits;
  readonly reject: (error: unknown) => void;
  /** Ends the wait for the real reason of its failure, while there is one. */
  endWaiting: (() => void) | undefined;
}

/** Makes the connection of one ready worker. */
export function createWorkerConnection(parts: ConnectionParts): OwnedConnection {
  return new ClientConnection(parts);
}

class ClientConnection implements OwnedConnection {
  readonly workerId: string;
  readonly #parts: ConnectionParts;
  readonly #flights = new Set<Flight>();
  readonly #tellActivity: () => void;
  #isOver = false;
  #succeeded = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.workerId = parts.workerId;
    this.#tellActivity = activityTeller(() => this.#flights.size > 0, parts.onActivity);
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  get succeeded(): number {
    return this.#succeeded;
  }

  ping(limits: CallLimits): Promise<PingAnswer> {
    return this.#parts.client.ping(limits);
  }

  execute(call: ToolCall, limits: CallLimits): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const flight: Flight = { call, limits, reject, endWaiting: undefined };
      const startedAtMs = this.#parts.clock.now();
      this.#flights.add(flight);
      if (this.#flights.size === 1) this.#tellActivity();
      this.#parts.client.executeTool(call, limits).then(
        (value) => {
          this.#succeeded += 1;
          if (this.#land(flight)) resolve(value);
        },
        (error: unknown) => {
          if (this.#mayBeDeath(error)) this.#awaitDeath(flight, error, startedAtMs);
          else this.#fail(flight, error);
        },
      );
    });
  }

  died(death: WorkerDeath): void {
    this.#end((ids) => bridgeError('WORKER_CRASHED', { ...ids, ...death }));
  }

  close(reason: string): void {
    this.#end((ids) => bridgeError('WORKER_UNAVAILABLE', { ...ids, reason, maybeExecuted: true }));
  }

  #end(errorFor: (ids: ErrorIds) => Error): void {
    this.#isOver = true;
    for (const flight of [...this.#flights]) this.#fail(flight, errorFor(this.#idsOf(flight)));
    this.#parts.client.close();
  }

  /** Whether a call's failure may only be the first sign of the worker's death. */
  #mayBeDeath(error: unknown): boolean {
    return !this.#isOver && isSnakepitError(error) && error.code === 'WORKER_UNAVAILABLE';
  }

  /** The socket closes before the operating system tells the exit: waits for the real reason, but not long. */
  #awaitDeath(flight: Flight, error: unknown, startedAtMs: number): void {
    const { clock } = this.#parts;
    const { deadlineMs = Infinity, signal } = flight.limits;
    const cancel = (): void => {
      this.#fail(flight, bridgeError('CANCELLED', this.#idsOf(flight), { cause: signal?.reason }));
    };
    const leftMs = startedAtMs + deadlineMs - clock.now();
    const timer = clock.setTimeout(
      () => {
        this.#fail(flight, error);
      },
      Math.max(0, Math.min(patienceMs, leftMs)),
    );
    flight.endWaiting = () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    // A signal that was aborted meanwhile tells nobody any more.
    if (signal?.aborted === true) cancel();
  }

  #land(flight: Flight): boolean {
    if (!this.#flights.delete(flight)) return false;
    flight.endWaiting?.();
    if (this.#flights.size === 0) this.#tellActivity();
    return true;
  }

  #fail(flight: Flight, error: unknown): void {
    if (this.#land(flight)) flight.reject(error);
  }

  #idsOf({ call: { tool, session } }: Flight): ErrorIds {
    const { pool, workerId } = this.#parts;
    return { pool, worker: workerId, tool, session };
  }
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
