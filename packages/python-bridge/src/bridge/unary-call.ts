import type grpc from '@grpc/grpc-js';
import type { ClientReadableStream, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import type { CallListener, RunLimits, RunningCall, ToolCall } from './call-path.ts';
import { decodeToolResponse, decodeValue, toParameters } from './codec.ts';
import type { ValueMode } from './codec.ts';
import { grpcFailure, isServiceError } from './grpc-failure.ts';
import { bridgeMethod } from './service-definition.ts';
import type { ErrorIds } from '../errors.ts';
import type { ExecuteToolRequest } from '../gen/snakepit/bridge/ExecuteToolRequest.ts';
import type { ExecuteToolResponse__Output } from '../gen/snakepit/bridge/ExecuteToolResponse.ts';
import type { ToolChunk__Output } from '../gen/snakepit/bridge/ToolChunk.ts';

/** Whoever makes unary calls to one worker. */
export interface UnaryCaller {
  /** The channel to the worker. */
  readonly channel: grpc.Client;
  /** What the values of the worker may hold. */
  readonly mode: ValueMode;
  /** What every call carries. */
  readonly metadata: grpc.Metadata;
  /** Ids of a call, for errors. */
  idsOf(call: ToolCall): ErrorIds;
  /** A call is settled; whoever it is must be told once the worker has let go of it. */
  ended(listener: CallListener, wasCancelled: boolean): void;
}

/** Runs a tool to its end with ExecuteTool. */
export function runTool(
  caller: UnaryCaller,
  call: ToolCall,
  limits: RunLimits,
  listener: CallListener,
): RunningCall {
  return new UnaryCall(caller, call, limits, listener);
}

/** Runs a tool that yields with ExecuteStreamingTool. */
export function streamTool(
  caller: UnaryCaller,
  call: ToolCall,
  limits: RunLimits & { readonly credit: number },
  listener: CallListener,
): RunningCall {
  return new StreamingCall(caller, call, limits, listener);
}

/** A call that is over before it has begun; its listener is told soon. */
export function refuseCall(caller: UnaryCaller, error: Error, listener: CallListener): RunningCall {
  return new RefusedCall(caller, error, listener);
}

/** Tells the end of a call once. */
class Ending {
  readonly #caller: UnaryCaller;
  readonly #listener: CallListener;
  isOver = false;

  constructor(caller: UnaryCaller, listener: CallListener) {
    this.#caller = caller;
    this.#listener = listener;
  }

  tell(error: Error | undefined, value: unknown, wasCancelled = false): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#listener.settled(error, value);
    this.#caller.ended(this.#listener, wasCancelled);
  }
}

class UnaryCall implements RunningCall {
  readonly #caller: UnaryCaller;
  readonly #toolCall: ToolCall;
  readonly #ending: Ending;
  readonly #call: ClientUnaryCall;

  constructor(caller: UnaryCaller, call: ToolCall, limits: RunLimits, listener: CallListener) {
    this.#caller = caller;
    this.#toolCall = call;
    this.#ending = new Ending(caller, listener);
    const method = bridgeMethod<ExecuteToolRequest, ExecuteToolResponse__Output>('ExecuteTool');
    this.#call = caller.channel.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      requestOf(caller, call, limits),
      caller.metadata,
      (error: ServiceError | null, response?: ExecuteToolResponse__Output) => {
        this.#answered(error, response);
      },
    );
  }

  cancel(error: Error): void {
    if (this.#ending.isOver) return;
    this.#call.cancel();
    this.#ending.tell(error, undefined, true);
  }

  grant(): void {
    // It has one answer, which it may always give.
  }

  #answered(error: ServiceError | null, response: ExecuteToolResponse__Output | undefined): void {
    // Cancelled: what gRPC says of that is no news.
    if (this.#ending.isOver) return;
    if (response === undefined) {
      this.#ending.tell(failureOf(error, this.#caller.idsOf(this.#toolCall)), undefined);
      return;
    }
    let value: unknown;
    try {
      // The ids are put together for errors only.
      value = response.success
        ? decodeToolResponse(response, undefined, this.#caller.mode)
        : decodeToolResponse(response, this.#caller.idsOf(this.#toolCall));
    } catch (failure) {
      this.#ending.tell(asError(failure), undefined);
      return;
    }
    this.#ending.tell(undefined, value);
  }
}

class StreamingCall implements RunningCall {
  readonly #caller: UnaryCaller;
  readonly #toolCall: ToolCall;
  readonly #listener: CallListener;
  readonly #ending: Ending;
  readonly #call: ClientReadableStream<ToolChunk__Output>;
  #credit: number;
  #failure: Error | undefined;

  constructor(
    caller: UnaryCaller,
    call: ToolCall,
    limits: RunLimits & { readonly credit: number },
    listener: CallListener,
  ) {
    this.#caller = caller;
    this.#toolCall = call;
    this.#credit = limits.credit;
    this.#listener = listener;
    this.#ending = new Ending(caller, listener);
    const method = bridgeMethod<ExecuteToolRequest, ToolChunk__Output>('ExecuteStreamingTool');
    this.#call = caller.channel.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { ...requestOf(caller, call, limits), stream: true },
      caller.metadata,
    );
    this.#call.on('data', (chunk: ToolChunk__Output) => {
      this.#received(chunk);
    });
    this.#call.on('error', (error: unknown) => {
      this.#failure = failureOf(error, caller.idsOf(call));
    });
    // Comes after all chunks, and after the failure of a stream that failed.
    this.#call.on('end', () => {
      this.#ending.tell(this.#failure, undefined);
    });
    if (this.#credit <= 0) this.#call.pause();
  }

  cancel(error: Error): void {
    if (this.#ending.isOver) return;
    this.#call.cancel();
    // What had come already is read no more, and its buffer is of no use.
    this.#call.resume();
    this.#ending.tell(error, undefined, true);
  }

  grant(chunks: number): void {
    this.#credit += chunks;
    if (this.#credit > 0) this.#call.resume();
  }

  #received(chunk: ToolChunk__Output): void {
    if (this.#ending.isOver || isEndMark(chunk)) return;
    this.#credit -= 1;
    if (this.#credit <= 0) this.#call.pause();
    let value: unknown;
    try {
      value = decodeChunk(chunk, this.#caller.idsOf(this.#toolCall), this.#caller.mode);
    } catch (error) {
      this.cancel(asError(error));
      return;
    }
    this.#listener.chunk?.(value);
  }
}

class RefusedCall implements RunningCall {
  readonly #ending: Ending;

  constructor(caller: UnaryCaller, error: Error, listener: CallListener) {
    this.#ending = new Ending(caller, listener);
    queueMicrotask(() => {
      this.#ending.tell(error, undefined);
    });
  }

  cancel(error: Error): void {
    this.#ending.tell(error, undefined);
  }

  grant(): void {
    // Nothing comes.
  }
}

/** Metadata of a call that says how long its caller will wait: gRPC's own deadline would end it here, too, in another way. */
const timeoutKey = 'snakepit_timeout_ms';

function requestOf(
  { mode }: UnaryCaller,
  call: ToolCall,
  { timeoutMs }: RunLimits,
): ExecuteToolRequest {
  const request: ExecuteToolRequest = {
    session_id: call.session ?? '',
    tool_name: call.tool,
    parameters: toParameters(call.arguments.json),
    binary_parameters: call.arguments.binary,
    attachments: [...call.arguments.attachments],
  };
  if (call.metadata !== undefined) request.metadata = call.metadata;
  // Servers of the original would not know what it is.
  if (mode === 'values' && timeoutMs !== Infinity) {
    request.metadata = { ...call.metadata, [timeoutKey]: String(Math.ceil(timeoutMs)) };
  }
  return request;
}

/** Our workers end a stream so when the tool had marked no chunk as the last one. */
function isEndMark({ is_final, data, metadata, attachments }: ToolChunk__Output): boolean {
  const isEmpty = data.length === 0 && attachments.length === 0;
  return is_final && isEmpty && metadata['content_type'] !== binaryContent;
}

const binaryContent = 'application/octet-stream';

function decodeChunk(chunk: ToolChunk__Output, ids: ErrorIds, mode: ValueMode): unknown {
  const { data, metadata, attachments } = chunk;
  if (metadata['content_type'] === binaryContent) return data;
  if (mode === 'values') return decodeValue(data, attachments, ids, mode);
  try {
    return decodeValue(data, attachments, ids, mode);
  } catch {
    // Servers of the original send bytes as they are, and do not say so.
    return data;
  }
}

function failureOf(error: unknown, ids: ErrorIds): Error {
  return isServiceError(error) ? grpcFailure(error, { ids, deadlineMs: Infinity }) : asError(error);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new TypeError(String(error));
}
