import grpc from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { bridgeError } from '../errors.ts';
import type { ErrorIds, ToolParameter } from '../errors.ts';
import { decodeException, parseObject } from './codec.ts';
import { maxMessageBytes } from './wire.ts';

/** What is known about a call that failed. */
export interface CallFacts {
  /** Pool, worker, session and tool. */
  readonly ids: ErrorIds;
  /** The deadline it had, in milliseconds from its start; Infinity for none. */
  readonly deadlineMs: number;
}

/**
 * What a gRPC status means to the caller.
 *
 * @param error - The status, as grpc-js rejects with it.
 * @param facts - What the caller knows.
 */
export function grpcFailure(error: ServiceError, facts: CallFacts): Error {
  const { ids } = facts;
  const options = { cause: error };
  const reason = error.details === '' ? error.message : error.details;
  switch (error.code) {
    case grpc.status.DEADLINE_EXCEEDED:
      return timeout(error, facts);
    case grpc.status.CANCELLED:
      // Who cancels here is not told this: the worker is stopping and had waited long enough.
      return unavailable(ids, `it cancelled the call (${reason})`, true, error);
    case grpc.status.UNAVAILABLE:
      return unavailable(ids, reason, !neverSent.test(reason), error);
    case grpc.status.NOT_FOUND:
      return toolNotFound(error, ids);
    case grpc.status.INVALID_ARGUMENT:
      return invalidArgument(error, ids);
    case grpc.status.RESOURCE_EXHAUSTED:
      return exhausted(reason, ids, options);
    case grpc.status.UNAUTHENTICATED:
    case grpc.status.PERMISSION_DENIED:
      return bridgeError(
        'PROTOCOL',
        { ...ids, problem: `the token was refused (${reason})` },
        options,
      );
    case grpc.status.UNIMPLEMENTED:
      return bridgeError(
        'PROTOCOL',
        { ...ids, problem: `the other side does not offer this call (${reason})` },
        options,
      );
    case grpc.status.INTERNAL:
      return internal(error, reason, ids);
    default:
      return bridgeError('PROTOCOL', { ...ids, problem: problemOf(error, reason) }, options);
  }
}

/** Said by grpc-js when no connection was made, so that the request cannot have left. */
const neverSent =
  /No connection established|ECONNREFUSED|ENOENT|Name resolution failed|channel (?:is |has been )?closed|Channel closed/i;

/** Said by grpc-js, as INTERNAL, when the connection broke below the call: the worker is ending. */
const connectionBroke = /RST_STREAM with code \d+ triggered by internal client error/;

function internal(error: ServiceError, reason: string, ids: ErrorIds): Error {
  if (connectionBroke.test(reason)) return unavailable(ids, reason, true, error);
  // So ends a stream whose tool raised, for it has no other answer.
  const isException = typeof parseObject(error.details)?.['traceback'] === 'string';
  if (isException) return decodeException(error.details, ids);
  return bridgeError('PROTOCOL', { ...ids, problem: problemOf(error, reason) }, { cause: error });
}

function problemOf({ code }: ServiceError, reason: string): string {
  return `gRPC status ${grpc.status[code]}: ${reason}`;
}

function timeout(error: ServiceError, facts: CallFacts): Error {
  const { ids, deadlineMs } = facts;
  const operation = ids.tool === undefined ? 'the call' : `tool "${ids.tool}"`;
  const option = '{ timeout } of the call, or pools[].requestTimeout';
  return bridgeError(
    'TIMEOUT',
    { ...ids, operation, timeoutMs: deadlineMs, option },
    { cause: error },
  );
}

function unavailable(ids: ErrorIds, reason: string, maybeExecuted: boolean, cause: Error): Error {
  return bridgeError('WORKER_UNAVAILABLE', { ...ids, reason, maybeExecuted }, { cause });
}

function exhausted(reason: string, ids: ErrorIds, options: { readonly cause: Error }): Error {
  if (!/larger than/i.test(reason)) return bridgeError('WORKER_BUSY', { ...ids, reason }, options);
  // We refuse what we receive, the worker ("SERVER") what it would send; else it is what we sent.
  const what = /^Received message|^SERVER: Sent message/i.test(reason) ? 'result' : 'arguments';
  return bridgeError(
    'MESSAGE_TOO_LARGE',
    { ...ids, what, limitBytes: maxMessageBytes, reason },
    options,
  );
}

function toolNotFound(error: ServiceError, ids: ErrorIds): Error {
  const fields = parseObject(error.details);
  if (fields === undefined) {
    const problem = `gRPC status NOT_FOUND: ${error.details}`;
    return bridgeError('PROTOCOL', { ...ids, problem }, { cause: error });
  }
  const { available, suggestion, tool } = fields;
  return bridgeError(
    'TOOL_NOT_FOUND',
    {
      ...ids,
      tool: typeof tool === 'string' ? tool : (ids.tool ?? ''),
      available: Array.isArray(available) ? available.map(String) : [],
      suggestion: typeof suggestion === 'string' ? suggestion : undefined,
    },
    { cause: error },
  );
}

function invalidArgument(error: ServiceError, ids: ErrorIds): Error {
  const fields = parseObject(error.details) ?? {};
  const { message } = fields;
  const problem = typeof message === 'string' ? message : error.details;
  const parameters = readParameters(fields['parameters']);
  const advice = 'call the tool with the parameters of its Python signature, by name.';
  return bridgeError('INVALID_ARGUMENT', { ...ids, problem, advice, parameters }, { cause: error });
}

function readParameters(value: unknown): readonly ToolParameter[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return (value as readonly unknown[]).flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('name' in item)) return [];
    const type = 'type' in item && typeof item.type === 'string' ? item.type : 'any';
    return [
      { name: String(item.name), type, required: 'required' in item && item.required === true },
    ];
  });
}

/** A status as grpc-js has it. What a worker sends may be any number; one that gRPC does not know is UNKNOWN. */
export function statusError(number: number, details: string): ServiceError {
  const name = grpc.status[number] as keyof typeof grpc.status | undefined;
  const code = name === undefined ? grpc.status.UNKNOWN : grpc.status[name];
  const message = `gRPC status ${grpc.status[code]}: ${details}`;
  return Object.assign(new Error(message), { code, details, metadata: new grpc.Metadata() });
}

/** Whether grpc-js threw this: a status, and not a mistake. */
export function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error
  );
}
