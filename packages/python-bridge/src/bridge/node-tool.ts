import grpc from '@grpc/grpc-js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { isSnakepitError } from '@snakepit/core';
import type { ExecuteElixirToolRequest__Output } from '../gen/snakepit/bridge/ExecuteElixirToolRequest.ts';
import type { ExecuteElixirToolResponse } from '../gen/snakepit/bridge/ExecuteElixirToolResponse.ts';
import { decodeJson, encodeJson } from './codec.ts';
import { describeFailure, Refusal } from './refusal.ts';
import type { ToolFunction } from './tool-registry.ts';
import { correlationHeader } from './wire.ts';

/**
 * Runs a function of Node for a caller in Python.
 *
 * @param call - The call, with its arguments, and with what says that the caller gave up.
 * @param run - The function.
 * @returns Its result or its failure, both as an answer.
 * @throws Refusal INVALID_ARGUMENT, when a parameter is not JSON.
 */
export async function runNodeTool(
  call: ServerUnaryCall<ExecuteElixirToolRequest__Output, ExecuteElixirToolResponse>,
  run: ToolFunction,
): Promise<ExecuteElixirToolResponse> {
  const { request, metadata } = call;
  const args = decodeParameters(request);
  const controller = new AbortController();
  call.on('cancelled', () => {
    controller.abort(new Error('the caller in Python gave up'));
  });
  const [header] = metadata.get(correlationHeader);
  const startedAt = performance.now();
  const timed = (answer: ExecuteElixirToolResponse): ExecuteElixirToolResponse => ({
    ...answer,
    execution_time_ms: Math.round(performance.now() - startedAt),
  });
  try {
    const result = await run(args, {
      tool: request.tool_name,
      session: request.session_id,
      correlationId: request.metadata['correlation_id'] ?? header?.toString(),
      signal: controller.signal,
    });
    // A function without a result returns undefined, which is None in Python.
    return timed({
      success: true,
      result: encodeJson(result ?? null, 'result', request.tool_name),
    });
  } catch (error) {
    return timed({ success: false, error_message: describeFailure(error) });
  }
}

function decodeParameters(
  request: ExecuteElixirToolRequest__Output,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(request.parameters).map(([name, value]) => {
      try {
        return [name, decodeJson(value)];
      } catch (error) {
        const why = isSnakepitError(error) ? String(error.details['problem']) : String(error);
        throw new Refusal(grpc.status.INVALID_ARGUMENT, `parameter "${name}": ${why}`);
      }
    }),
  );
}
