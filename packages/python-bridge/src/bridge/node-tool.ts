import grpc from '@grpc/grpc-js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { isSnakepitError } from '@snakepit/core';
import type { ExecuteElixirToolRequest__Output } from '../gen/snakepit/bridge/ExecuteElixirToolRequest.ts';
import type { ExecuteElixirToolResponse } from '../gen/snakepit/bridge/ExecuteElixirToolResponse.ts';
import { depthKey } from '../tools/nesting.ts';
import { decodeParameters, encodeAny, encodeJson } from './codec.ts';
import type { ValueMode } from './codec.ts';
import { failureKey, maxTextLength, reportFailure } from './failure-report.ts';
import { describeFailure, Refusal, shorten } from './refusal.ts';
import type { ToolCaller, ToolRequest, ToolRunner } from './tool-table.ts';
import { traceContextOf, traceNodeTool } from '../tracing/node-tool-trace.ts';
import { correlationHeader } from './wire.ts';

/** Metadata of a call of Python: the worker that makes it, as `pool/worker`. */
const callerKey = 'snakepit_worker';

/** Metadata of a call of Python: what values its side understands. */
const valuesKey = 'snakepit_values';

/** A call of Python to a tool of Node. */
export type NodeToolCall = ServerUnaryCall<
  ExecuteElixirToolRequest__Output,
  ExecuteElixirToolResponse
>;

/**
 * Runs a function of Node for a caller in Python.
 *
 * @param call - The call, with its arguments, and with what says that the caller gave up.
 * @param run - The function.
 * @returns Its result or its failure, both as an answer.
 * @throws Refusal INVALID_ARGUMENT, when a parameter is not JSON.
 */
export async function runNodeTool(
  call: NodeToolCall,
  run: ToolRunner,
): Promise<ExecuteElixirToolResponse> {
  const { request } = call;
  const args = readArguments(request);
  const startedAt = performance.now();
  const timed = (answer: ExecuteElixirToolResponse): ExecuteElixirToolResponse => ({
    ...answer,
    execution_time_ms: Math.round(performance.now() - startedAt),
  });
  try {
    const about = readRequest(call);
    const result = await traceNodeTool(about, () => run(args, about));
    // A function without a result returns undefined, which is None in Python.
    return timed({ success: true, ...encodeResult(result ?? null, request) });
  } catch (error) {
    return timed({
      success: false,
      error_message: shorten(describeFailure(error), maxTextLength),
      metadata: { [failureKey]: reportFailure(error) },
    });
  }
}

function readRequest(call: NodeToolCall): ToolRequest {
  const { request, metadata } = call;
  const controller = new AbortController();
  call.on('cancelled', () => {
    controller.abort(new Error('the caller in Python gave up'));
  });
  // It may have given up before anybody listened.
  if (call.cancelled) controller.abort(new Error('the caller in Python gave up'));
  const [header] = metadata.get(correlationHeader);
  const depth = Number(request.metadata[depthKey] ?? 0);
  return {
    tool: request.tool_name,
    session: request.session_id,
    correlationId: request.metadata['correlation_id'] ?? header?.toString(),
    traceContext: traceContextOf(request.metadata),
    signal: controller.signal,
    caller: readCaller(request.metadata[callerKey]),
    depth: Number.isSafeInteger(depth) && depth > 0 ? depth : 0,
    timeoutMs: Math.max(0, Math.min(timeoutOf(request), Number(call.getDeadline()) - Date.now())),
  };
}

/** What the caller's own caller will wait, in milliseconds: the call itself has longer, so that Node tells the end of that. */
function timeoutOf({ metadata }: ExecuteElixirToolRequest__Output): number {
  const ms = Number(metadata['timeout_ms'] ?? Infinity);
  return Number.isNaN(ms) ? Infinity : ms;
}

/** Reads `pool/worker`; what comes after that does not count. */
export function readCaller(label: string | undefined): ToolCaller | undefined {
  const [pool = '', worker = ''] = (label ?? '').split('/');
  return pool === '' || worker === '' ? undefined : { pool, worker };
}

function encodeResult(
  value: unknown,
  request: ExecuteElixirToolRequest__Output,
): Pick<ExecuteElixirToolResponse, 'result' | 'attachments'> {
  const tool = request.tool_name;
  if (modeOf(request) === 'plain') return { result: encodeJson(value, 'result', tool) };
  const { any, attachments } = encodeAny(value, 'result', tool);
  return { result: any, attachments };
}

function modeOf({ metadata }: ExecuteElixirToolRequest__Output): ValueMode {
  return metadata[valuesKey] === undefined ? 'plain' : 'values';
}

/** All arguments in one, under the empty name, from whoever knows markers; else one by one. */
function readArguments(
  request: ExecuteElixirToolRequest__Output,
): Readonly<Record<string, unknown>> {
  const mode = modeOf(request);
  let values: Readonly<Record<string, unknown>>;
  try {
    values = decodeParameters(request.parameters, request.attachments, mode);
  } catch (error) {
    const why = isSnakepitError(error) ? String(error.details['problem']) : String(error);
    throw new Refusal(grpc.status.INVALID_ARGUMENT, why);
  }
  if (mode === 'plain') return values;
  const all = values[''] ?? {};
  if (typeof all === 'object' && !Array.isArray(all) && !(all instanceof Uint8Array)) {
    return all as Readonly<Record<string, unknown>>;
  }
  throw new Refusal(grpc.status.INVALID_ARGUMENT, 'the arguments are no object');
}
