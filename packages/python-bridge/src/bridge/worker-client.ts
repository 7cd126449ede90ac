import grpc from '@grpc/grpc-js';
import type { CallOptions, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import { bridgeError } from '../errors.ts';
import type { ErrorIds } from '../errors.ts';
import { decodeToolResponse } from './codec.ts';
import type { EncodedArguments } from './codec.ts';
import { grpcFailure } from './grpc-failure.ts';
import { bridgeMethod, clientOptions, tokenMetadata } from './service-definition.ts';
import { tokenHeader } from './wire.ts';
import type { ExecuteToolRequest } from '../gen/snakepit/bridge/ExecuteToolRequest.ts';
import type { ExecuteToolResponse__Output } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';
import type { PingRequest } from '../gen/snakepit/bridge/PingRequest.ts';
import type { PingResponse__Output } from '../gen/snakepit/bridge/PingResponse.ts';
import type { WorkerStatistics__Output } from '../gen/snakepit/bridge/WorkerStatistics.ts';

/** Where a worker listens and how it knows us. */
export interface WorkerClientOptions {
  /** `unix:/path` or `127.0.0.1:port`, as the worker said when it was ready. */
  readonly address: string;
  /** The token that it was given; every call carries it. */
  readonly token: string;
  /** Pool, worker and run, for errors. */
  readonly ids?: ErrorIds;
}

/** One call of a tool. */
export interface ToolCall {
  /** Name of the tool. */
  readonly tool: string;
  /** Its arguments, encoded before the call waited in any queue. */
  readonly arguments: EncodedArguments;
  /** Session that the tool sees. Default: the empty one. */
  readonly session?: string | undefined;
  /** Further facts for the Python side, such as `correlation_id`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** How a call may end early. */
export interface CallLimits {
  /** Milliseconds until the call fails with TIMEOUT, in Python too; Infinity for never. */
  readonly deadlineMs?: number | undefined;
  /** Cancels the call, in Python too. */
  readonly signal?: AbortSignal | undefined;
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
export interface WorkerClient {
  /**
   * Runs a tool.
   *
   * @returns Its JSON value, or a Buffer when it returned bytes.
   * @throws SnakepitError PYTHON_EXCEPTION, TOOL_NOT_FOUND, INVALID_ARGUMENT, TIMEOUT, CANCELLED, WORKER_UNAVAILABLE,
   *   WORKER_BUSY, MESSAGE_TOO_LARGE or PROTOCOL.
   */
  executeTool(call: ToolCall, limits?: CallLimits): Promise<unknown>;
  /**
   * Asks the serving path of the worker whether it answers.
   *
   * @throws SnakepitError TIMEOUT, CANCELLED, WORKER_UNAVAILABLE or PROTOCOL.
   */
  ping(limits?: CallLimits): Promise<PingAnswer>;
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

/** One method of the service, called without interpretation: rejects with the status as grpc-js has it. */
class Unary<Q extends object, R extends object> {
  readonly #channel: grpc.Client;
  readonly #metadata: grpc.Metadata;
  readonly #method: grpc.MethodDefinition<Q, R>;

  constructor(channel: grpc.Client, metadata: grpc.Metadata, name: string) {
    this.#channel = channel;
    this.#metadata = metadata;
    this.#method = bridgeMethod<Q, R>(name);
  }

  call(request: Q, limits: CallLimits): Promise<R> {
    const { deadlineMs, signal } = limits;
    const options: CallOptions =
      deadlineMs === undefined || deadlineMs === Infinity
        ? {}
        : { deadline: Date.now() + deadlineMs };
    const method = this.#method;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        call.cancel();
      };
      const call: ClientUnaryCall = this.#channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        this.#metadata,
        options,
        (error: ServiceError | null, response?: R) => {
          signal?.removeEventListener('abort', cancel);
          if (response === undefined) {
            reject(error ?? new TypeError('gRPC gave neither answer nor error'));
          } else resolve(response);
        },
      );
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }
}

class GrpcWorkerClient implements WorkerClient {
  readonly #channel: grpc.Client;
  readonly #ids: ErrorIds;
  readonly #executeTool: Unary<ExecuteToolRequest, ExecuteToolResponse__Output>;
  readonly #ping: Unary<PingRequest, PingResponse__Output>;
  #closed = false;

  constructor({ address, token, ids = {} }: WorkerClientOptions) {
    this.#ids = ids;
    this.#channel = new grpc.Client(address, grpc.credentials.createInsecure(), workerOptions);
    const metadata = tokenMetadata(tokenHeader, token);
    this.#executeTool = new Unary(this.#channel, metadata, 'ExecuteTool');
    this.#ping = new Unary(this.#channel, metadata, 'Ping');
  }

  // `async` and `await`, not `then`: the error that is made here then has the caller's frames in its stack.
  async executeTool(call: ToolCall, limits: CallLimits = {}): Promise<unknown> {
    const request: ExecuteToolRequest = {
      session_id: call.session ?? '',
      tool_name: call.tool,
      parameters: call.arguments.parameters,
      binary_parameters: call.arguments.binaryParameters,
      ...(call.metadata === undefined ? {} : { metadata: call.metadata }),
    };
    this.#refuseEarly(limits, call);
    let response: ExecuteToolResponse__Output;
    try {
      response = await this.#executeTool.call(request, limits);
    } catch (error) {
      throw this.#meaning(error, limits, this.#idsOf(call));
    }
    return response.success
      ? decodeToolResponse(response)
      : decodeToolResponse(response, this.#idsOf(call));
  }

  async ping(limits: CallLimits = {}): Promise<PingAnswer> {
    this.#refuseEarly(limits);
    try {
      const request = { message: 'ping', client_time: timestampOf(Date.now()) };
      const { message, server_time, success, statistics } = await this.#ping.call(request, limits);
      const { seconds, nanos } = server_time ?? { seconds: 0, nanos: 0 };
      return {
        message,
        serverTimeMs: seconds * 1000 + nanos / 1e6,
        success: success ?? true,
        statistics: statistics === null ? undefined : readStatistics(statistics),
      };
    } catch (error) {
      throw this.#meaning(error, limits, this.#ids);
    }
  }

  async connected({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#refuseEarly({});
    const failure = await new Promise<Error | undefined>((resolve) => {
      this.#channel.waitForReady(Date.now() + deadlineMs, resolve);
    });
    if (failure === undefined) return;
    if (this.#closed) throw this.#closedError(this.#ids);
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
    this.#channel.close();
  }

  // Both are outcomes that grpc-js would report late or not at all.
  #refuseEarly(limits: CallLimits, call?: ToolCall): void {
    if (this.#closed) throw this.#closedError(this.#idsOf(call));
    if (limits.signal?.aborted === true) {
      throw bridgeError('CANCELLED', this.#idsOf(call), { cause: limits.signal.reason });
    }
  }

  #meaning(error: unknown, limits: CallLimits, ids: ErrorIds): Error {
    if (!isServiceError(error)) {
      return error instanceof Error ? error : new TypeError(String(error));
    }
    const { deadlineMs = Infinity, signal } = limits;
    return grpcFailure(error, { ids, deadlineMs, signal });
  }

  #idsOf(call: ToolCall | undefined): ErrorIds {
    return call === undefined
      ? this.#ids
      : { ...this.#ids, tool: call.tool, session: call.session };
  }

  #closedError(ids: ErrorIds): Error {
    const reason = 'the connection was closed';
    return bridgeError('WORKER_UNAVAILABLE', { ...ids, reason, maybeExecuted: false });
  }
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

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error
  );
}
