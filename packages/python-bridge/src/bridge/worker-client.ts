import grpc from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { Clock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import type { ErrorIds } from '../errors.ts';
import type { TlsMaterial, WorkerBeats } from '../hosts/worker-host.ts';
import { AbandonedCalls } from './abandoned-calls.ts';
import type { ValueMode } from './codec.ts';
import type { CallListener, CallPath, RunLimits, RunningCall, ToolCall } from './call-path.ts';
import { credentialsOf, targetNameOf } from './channel-tls.ts';
import { grpcFailure, isServiceError } from './grpc-failure.ts';
import { bridgeMethod, clientOptions, tokenMetadata } from './service-definition.ts';
import { refuseCall, runTool, streamTool, type UnaryCaller } from './unary-call.ts';
import { tokenHeader } from './wire.ts';
import type { CleanupSessionRequest } from '../gen/snakepit/bridge/CleanupSessionRequest.ts';
import type { InitializeSessionRequest } from '../gen/snakepit/bridge/InitializeSessionRequest.ts';
import type { PingRequest } from '../gen/snakepit/bridge/PingRequest.ts';
import type { PingResponse__Output } from '../gen/snakepit/bridge/PingResponse.ts';
import type { WorkerStatistics__Output } from '../gen/snakepit/bridge/WorkerStatistics.ts';

/** Where a worker listens and how it knows us. */
export interface WorkerClientOptions {
  /** `unix:/path` or `host:port`, as the worker said when it was ready. */
  readonly address: string;
  /** The token that it was given; every call carries it. */
  readonly token: string;
  /** By what TLS knows both sides; default without TLS. */
  readonly tls?: TlsMaterial | undefined;
  /** Pool, worker and run, for errors. */
  readonly ids?: ErrorIds;
  /** Time. */
  readonly clock: Clock;
  /**
   * Where the worker says how many calls it executes: what was cancelled is released when it executes it no more. Without
   * beats nobody knows, and it is released at once.
   */
  readonly beats?: WorkerBeats | undefined;
  /** What the values of the worker may hold; default `values`. */
  readonly mode?: ValueMode | undefined;
}

/** How long a ping may take. */
export interface PingLimits {
  /** Milliseconds until it fails with TIMEOUT; Infinity for never. */
  readonly deadlineMs?: number | undefined;
}

/** What a worker says of itself when its serving path is asked. */
export interface WorkerStatistics {
  /** Calls that it is executing. */
  readonly inFlight: number;
  /** Calls that it has answered with a result, since its start. */
  readonly served: number;
  /** Calls whose tool raised, or returned what cannot be sent, since its start. */
  readonly failed: number;
  /** Milliseconds since its start. */
  readonly uptimeMs: number;
  /** Age of the oldest call that it is executing, in milliseconds; 0 without one. */
  readonly oldestCallMs: number;
  /** How long one turn of its event loop took when it was asked, in milliseconds. */
  readonly loopLagMs: number;
  /** Milliseconds from our sending to its answer, by the wall clock. */
  readonly delayMs: number;
}

/** The answer of a worker's serving path. */
export interface PingAnswer {
  /** What it said. */
  readonly message: string;
  /** Its time in milliseconds since 1970. */
  readonly serverTimeMs: number;
  /** Whether it says of itself that it is well; servers of the original, which say nothing, are. */
  readonly success: boolean;
  /** How it is; `undefined` from servers of the original. */
  readonly statistics: WorkerStatistics | undefined;
}

/** A connection to one worker. */
export interface WorkerClient extends CallPath {
  /**
   * Asks the serving path of the worker whether it answers.
   *
   * @throws SnakepitError TIMEOUT, WORKER_UNAVAILABLE or PROTOCOL.
   */
  ping(limits?: PingLimits): Promise<PingAnswer>;
  /**
   * Waits until the connection stands.
   *
   * @throws SnakepitError TIMEOUT or WORKER_UNAVAILABLE.
   */
  connected(limits: { readonly deadlineMs: number }): Promise<void>;
  /** Ends the connection; calls in flight fail with WORKER_UNAVAILABLE. Doing it again does nothing. */
  close(): void;
}

/**
 * Makes the client of one worker. It connects with the first call.
 *
 * @param options - Address and token of the worker.
 */
export function createWorkerClient(options: WorkerClientOptions): WorkerClient {
  return new GrpcWorkerClient(options);
}

/** Options of every channel to a worker. */
const workerOptions = {
  ...clientOptions,
  // A worker's successor may listen on the same address: it must not inherit a broken connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
} as const;

class GrpcWorkerClient implements WorkerClient, UnaryCaller {
  readonly channel: grpc.Client;
  readonly metadata: grpc.Metadata;
  readonly mode: ValueMode;
  readonly #ids: ErrorIds;
  readonly #abandoned: AbandonedCalls | undefined;
  #running = 0;
  #closed = false;

  constructor({ address, token, tls, ids = {}, clock, beats, mode }: WorkerClientOptions) {
    this.#ids = ids;
    this.mode = mode ?? 'values';
    this.channel = new grpc.Client(address, credentialsOf(tls), {
      ...workerOptions,
      ...targetNameOf(tls),
    });
    this.metadata = tokenMetadata(tokenHeader, token);
    if (beats !== undefined) {
      this.#abandoned = new AbandonedCalls({ beats, clock, running: () => this.#running });
    }
  }

  begin(call: ToolCall, limits: RunLimits, listener: CallListener): RunningCall {
    this.#running += 1;
    if (this.#closed) return refuseCall(this, this.#closedError(this.idsOf(call)), listener);
    return call.stream === undefined
      ? runTool(this, call, limits, listener)
      : streamTool(this, call, { ...limits, credit: call.stream.credit }, listener);
  }

  ended(listener: CallListener, wasCancelled: boolean): void {
    this.#running -= 1;
    if (!wasCancelled || this.#closed || this.#abandoned === undefined) listener.released();
    else this.#abandoned.add(listener);
  }

  idsOf({ tool, session }: ToolCall): ErrorIds {
    return { ...this.#ids, tool, session };
  }

  openSession(id: string, metadata: Readonly<Record<string, string>>): void {
    const request: InitializeSessionRequest = { session_id: id, metadata };
    this.#say('InitializeSession', request);
  }

  closeSession(id: string): void {
    const request: CleanupSessionRequest = { session_id: id, force: true };
    this.#say('CleanupSession', request);
  }

  async ping(limits: PingLimits = {}): Promise<PingAnswer> {
    if (this.#closed) throw this.#closedError(this.#ids);
    const { deadlineMs = Infinity } = limits;
    const options = deadlineMs === Infinity ? {} : { deadline: Date.now() + deadlineMs };
    const request = { message: 'ping', client_time: timestampOf(Date.now()) };
    const method = bridgeMethod<PingRequest, PingResponse__Output>('Ping');
    try {
      return readPong(await unary(this.channel, this.metadata, method, request, options));
    } catch (error) {
      if (!isServiceError(error)) throw error;
      throw grpcFailure(error, { ids: this.#ids, deadlineMs });
    }
  }

  async connected({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    if (this.#closed) throw this.#closedError(this.#ids);
    const failure = await new Promise<Error | undefined>((resolve) => {
      this.channel.waitForReady(Date.now() + deadlineMs, resolve);
    });
    if (failure === undefined) return;
    if (this.#isClosed()) throw this.#closedError(this.#ids);
    const details = {
      ...this.#ids,
      operation: 'the connection to the worker',
      timeoutMs: deadlineMs,
      option: 'pools[].startupTimeout',
    };
    throw bridgeError('TIMEOUT', details, { cause: failure });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.channel.close();
    this.#abandoned?.close();
  }

  // A function, because it may have been closed during a wait, which the compiler does not know.
  #isClosed(): boolean {
    return this.#closed;
  }

  #say(name: string, request: object): void {
    if (this.#closed) return;
    const method = bridgeMethod<object, object>(name);
    unary(this.channel, this.metadata, method, request, {}).catch(() => {
      // A worker that does not know its sessions says so when they are used.
    });
  }

  #closedError(ids: ErrorIds): Error {
    const reason = 'the connection was closed';
    return bridgeError('WORKER_UNAVAILABLE', { ...ids, reason, maybeExecuted: false });
  }
}

function unary<Q extends object, R extends object>(
  channel: grpc.Client,
  metadata: grpc.Metadata,
  method: grpc.MethodDefinition<Q, R>,
  request: Q,
  options: grpc.CallOptions,
): Promise<R> {
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options,
      (error: ServiceError | null, response?: R) => {
        if (response !== undefined) resolve(response);
        else reject(error ?? new TypeError('gRPC gave neither answer nor error'));
      },
    );
  });
}

function readPong(said: PingResponse__Output): PingAnswer {
  const { message, server_time, success, statistics } = said;
  const { seconds, nanos } = server_time ?? { seconds: 0, nanos: 0 };
  return {
    message,
    serverTimeMs: seconds * 1000 + nanos / 1e6,
    success: success ?? true,
    statistics: statistics === null ? undefined : readStatistics(statistics),
  };
}

function timestampOf(ms: number): { readonly seconds: number; readonly nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

function readStatistics(said: WorkerStatistics__Output): WorkerStatistics {
  return {
    inFlight: said.in_flight,
    served: said.served,
    failed: said.failed,
    uptimeMs: said.uptime_ms,
    oldestCallMs: said.oldest_call_ms,
    loopLagMs: said.loop_lag_ms,
    delayMs: said.delay_ms,
  };
}
