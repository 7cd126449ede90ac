import {
  context,
  propagation,
  SpanKind,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { ToolRequest } from '../bridge/tool-table.ts';
import { activeContext, findTracer, guarded, markFailed } from './tracer.ts';

/** Entries of a call's metadata that say which trace it belongs to (W3C). */
const traceKeys = ['traceparent', 'tracestate', 'baggage'] as const;

/** Most characters of one of them that are passed on. */
const mostCharacters = 8192;

/**
 * Of what trace a call of Python is, for what is called in it: somebody who makes no spans passes that on.
 *
 * @param metadata - Metadata of the call.
 * @returns `undefined` when it is of none.
 */
export function traceContextOf(
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  if (metadata['traceparent'] === undefined) return undefined;
  const known = traceKeys.flatMap((key) => {
    const value = metadata[key];
    return value === undefined || value.length > mostCharacters ? [] : [[key, value] as const];
  });
  return Object.fromEntries(known);
}

/**
 * Runs a function of Node for Python, as a span of the trace that the call came with; what the function does is in it.
 *
 * @param request - The call.
 * @param run - Runs the function.
 * @returns What it gives; rejects with what it throws.
 */
export async function traceNodeTool(request: ToolRequest, run: () => unknown): Promise<unknown> {
  const tracer = findTracer();
  const opened = tracer === undefined ? undefined : guarded(() => openSpan(tracer, request));
  if (opened === undefined) return run();
  const { span, inside } = opened;
  try {
    return await context.with(inside, run);
  } catch (error) {
    guarded(() => {
      markFailed(span, error, true);
    });
    throw error;
  } finally {
    guarded(() => {
      span.end();
    });
  }
}

function openSpan(
  tracer: Tracer,
  { tool, session, caller, traceContext = {} }: ToolRequest,
): { readonly span: Span; readonly inside: Context } {
  const parent = propagation.extract(activeContext(), traceContext);
  const attributes = {
    'snakepit.tool': tool,
    ...(session === '' ? {} : { 'snakepit.session': session }),
    ...(caller === undefined
      ? {}
      : { 'snakepit.pool': caller.pool, 'snakepit.worker': caller.worker }),
    'rpc.system': 'snakepit',
    'rpc.method': tool,
  };
  const options = { kind: SpanKind.SERVER, attributes };
  const span = tracer.startSpan(`snakepit.node_tool ${tool}`, options, parent);
  return { span, inside: trace.setSpan(parent, span) };
}
