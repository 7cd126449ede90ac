import { isSnakepitError, type Clock } from '@snakepit/core';
import type {
  CallListener,
  CallPath,
  RunLimits,
  RunningCall,
  ToolCall,
} from '../bridge/call-path.ts';
import type { PingAnswer, PingLimits, WorkerClient } from '../bridge/worker-client.ts';
import { bridgeError, type ErrorIds } from '../errors.ts';
import type { WorkerReady } from '../hosts/worker-host.ts';
import { describeTools } from '../tools/describe-tools.ts';
import type { ToolInfo } from '../tools/tool-info.ts';
import type { FailureCause } from './failure-cause.ts';

/** How long a call that lost its connection waits to learn whether the worker died, in milliseconds. */
const patienceMs = 2_000;

/** What is known of a worker's death. */
export interface WorkerDeath {
  /** The end as a sentence without a subject. */
  readonly reason: string;
  /** Number of its operating system process. */
  readonly osPid?: number | undefined;
  /** Exit code, if it exited. */
  readonly exitCode: number | undefined;
  /** Signal, if one ended it. */
  readonly signal: string | undefined;
  /** Its last lines of output, oldest first. */
  readonly lastOutput: readonly string[];
  /** What kind of end it was. */
  readonly failure: FailureCause;
}

/**
 * The way into one ready worker. Calls go through here directly; the worker's chart is not on their path.
 *
 * They fail as {@link CallPath.begin} says, and with WORKER_CRASHED when the worker dies meanwhile.
 */
export interface WorkerConnection extends CallPath {
  /** Id of the worker in its pool. */
  readonly workerId: string;
  /** How many calls are in flight whose callers wait. */
  readonly inFlight: number;
  /** See {@link WorkerReady.toolsFingerprint}. */
  readonly toolsFingerprint: string | undefined;
  /** Asks what its tools are; it counts as no call. */
  describeTools(): Promise<readonly ToolInfo[]>;
}

/** The side of a connection that its worker holds. */
export interface OwnedConnection extends WorkerConnection {
  /** How many calls have succeeded. */
  readonly succeeded: number;
  /** Asks the serving path whether it answers; throws as {@link WorkerClient.ping}. */
  ping(limits: PingLimits): Promise<PingAnswer>;
  /** Its calls are about to be lost; the worker may be dead, and whoever knows says so next. */
  lost(): void;
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
  /** What the worker said when it was ready. */
  readonly ready: Pick<WorkerReady, 'tools' | 'toolsFingerprint'>;
  /** Called at most once per turn of the event loop, when the number of calls in flight has left or reached zero. */
  readonly onActivity: (isBusy: boolean) => void;
}

/** Makes the connection of one ready worker. */
export function createWorkerConnection(parts: ConnectionParts): OwnedConnection {
  return new ClientConnection(parts);
}

class ClientConnection implements OwnedConnection {
  readonly workerId: string;
  readonly #parts: ConnectionParts;
  /** The latest of the calls of which the worker has not let go. */
  #latest: Flight | undefined;
  readonly #tellActivity: () => void;
  /** How many of them have callers that wait. */
  #waiting = 0;
  #isOver = false;
  /** How many calls that had been given up the worker was executing when the connection was lost. */
  #abandoned: number | undefined;
  #succeeded = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.workerId = parts.workerId;
    this.#tellActivity = activityTeller(() => this.#waiting > 0, parts.onActivity);
  }

  get inFlight(): number {
    return this.#waiting;
  }

  get succeeded(): number {
    return this.#succeeded;
  }

  get toolsFingerprint(): string | undefined {
    return this.#parts.ready.toolsFingerprint;
  }

  describeTools(): Promise<readonly ToolInfo[]> {
    const { client, ready, clock } = this.#parts;
    return describeTools(client, ready, clock);
  }

  ping(limits: PingLimits): Promise<PingAnswer> {
    return this.#parts.client.ping(limits);
  }

  openSession(id: string, metadata: Readonly<Record<string, string>>): void {
    this.#parts.client.openSession(id, metadata);
  }

  closeSession(id: string): void {
    this.#parts.client.closeSession(id);
  }

  begin(call: ToolCall, limits: RunLimits, listener: CallListener): RunningCall {
    const flight = new Flight(call, listener, this);
    // Not in a `Set`: it keeps young what was deleted from it, see CallTable.
    flight.before = this.#latest;
    if (this.#latest !== undefined) this.#latest.after = flight;
    this.#latest = flight;
    this.#waiting += 1;
    if (this.#waiting === 1) this.#tellActivity();
    flight.running = this.#parts.client.begin(call, limits, flight);
    return flight;
  }

  lost(): void {
    let abandoned = 0;
    for (const { isSettled } of this.#flights()) if (isSettled) abandoned += 1;
    this.#abandoned ??= abandoned;
  }

  died(death: WorkerDeath): void {
    this.lost();
    const abandoned = this.#abandoned;
    this.#end((ids) => bridgeError('WORKER_CRASHED', { ...ids, ...death, abandoned }));
  }

  close(reason: string): void {
    this.#end((ids) => bridgeError('WORKER_UNAVAILABLE', { ...ids, reason, maybeExecuted: true }));
  }

  /** The caller of this one waits no more. */
  landed(hasSucceeded: boolean): void {
    if (hasSucceeded) this.#succeeded += 1;
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#tellActivity();
  }

  /** The worker has let go of this one. */
  left(flight: Flight): void {
    const { before, after } = flight;
    if (before !== undefined) before.after = after;
    if (after === undefined) this.#latest = before;
    else after.before = before;
    flight.before = flight.after = undefined;
  }

  /** Whether a call's failure may only be the first sign of the worker's death. */
  mayBeDeath(error: Error): boolean {
    return !this.#isOver && isSnakepitError(error) && error.code === 'WORKER_UNAVAILABLE';
  }

  /** The socket closes before the operating system tells the exit: waits for the real reason, but not long. */
  awaitDeath(tell: () => void): () => void {
    const { clock } = this.#parts;
    const timer = clock.setTimeout(tell, patienceMs);
    return () => {
      clock.clearTimeout(timer);
    };
  }

  #end(errorFor: (ids: ErrorIds) => Error): void {
    this.#isOver = true;
    for (const flight of this.#flights()) {
      // Told to the worker, too: one that others start lives on.
      flight.cancel(errorFor(this.#idsOf(flight)));
      flight.released();
    }
    this.#parts.client.close();
  }

  /** Calls of which the worker has not let go, in order. */
  #flights(): Flight[] {
    const flights: Flight[] = [];
    for (let next = this.#latest; next !== undefined; next = next.before) flights.push(next);
    return flights.reverse();
  }

  #idsOf({ call: { tool, session } }: Flight): ErrorIds {
    const { pool, workerId } = this.#parts;
    return { pool, worker: workerId, tool, session };
  }
}

/** One call: hears its path, and tells its caller. */
class Flight implements CallListener, RunningCall {
  readonly call: ToolCall;
  readonly #listener: CallListener;
  readonly #connection: ClientConnection;
  running: RunningCall | undefined;
  isSettled = false;
  /** Its neighbours in the list of its connection. */
  before: Flight | undefined;
  after: Flight | undefined;
  #isLetGo = false;
  /** Ends the wait for the real reason of its failure, while there is one. */
  #endWaiting: (() => void) | undefined;

  constructor(call: ToolCall, listener: CallListener, connection: ClientConnection) {
    this.call = call;
    this.#listener = listener;
    this.#connection = connection;
  }

  settled(error: Error | undefined, value: unknown): void {
    if (this.isSettled) return;
    if (error !== undefined && this.#connection.mayBeDeath(error)) {
      this.#endWaiting = this.#connection.awaitDeath(() => {
        this.finish(error, undefined);
      });
    } else this.finish(error, value);
  }

  released(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    if (this.isSettled) this.#tellReleased();
  }

  chunk(value: unknown): void {
    if (!this.isSettled) this.#listener.chunk?.(value);
  }

  cancel(error: Error): void {
    if (this.isSettled) return;
    this.finish(error, undefined);
    this.running?.cancel(error);
  }

  grant(chunks: number): void {
    if (!this.isSettled) this.running?.grant(chunks);
  }

  /** Tells the caller how it ended. */
  finish(error: Error | undefined, value: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#endWaiting?.();
    this.#connection.landed(error === undefined);
    this.#listener.settled(error, value);
    if (this.#isLetGo) this.#tellReleased();
  }

  #tellReleased(): void {
    this.#connection.left(this);
    this.#listener.released();
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
