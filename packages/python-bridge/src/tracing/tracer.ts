import {
  context,
  diag,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { isSnakepitError } from '@snakepit/core';

/** Name of the instrumentation, by which its spans can be told from others. */
const tracerName = '@snakepit/python-bridge';

/** What a provider of the API has besides: the tracer of the one that was registered, if one was. */
interface Delegating {
  readonly getDelegateTracer?: (name: string) => Tracer | undefined;
}

/**
 * Whoever makes spans now.
 *
 * @returns `undefined` as long as the application has registered no tracer provider: then nothing is to be done.
 */
export function findTracer(): Tracer | undefined {
  const provider: ReturnType<typeof trace.getTracerProvider> & Delegating =
    trace.getTracerProvider();
  if (provider.getDelegateTracer !== undefined) return provider.getDelegateTracer(tracerName);
  return provider.getTracer(tracerName);
}

/** The context in which the caller runs. */
export function activeContext(): Context {
  return context.active();
}

/**
 * Does something with the SDK of the application, whose processors, samplers and propagators are foreign code. What it throws
 * goes to the diagnostic logger of OpenTelemetry, and never to a call or its pool.
 *
 * @returns What it gives; `undefined` when it throws.
 */
export function guarded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    diag.error('snakepit: a call could not be traced', error);
    return undefined;
  }
}

/**
 * Says on a span that its work failed: the status, and `error.type`, which is the code of a SnakepitError.
 *
 * @param withException - Whether the error itself, with its stack, is an event of the span.
 */
export function markFailed(span: Span, error: unknown, withException: boolean): void {
  if (!span.isRecording()) return;
  const { name, message, stack } = partsOf(error);
  const type = isSnakepitError(error) ? error.code : name;
  if (withException) {
    span.recordException({ name, message, ...(stack === undefined ? {} : { stack }) });
  }
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

function partsOf(error: unknown): ErrorParts {
  // What Python raised is known by its class there.
  if (isSnakepitError(error, 'PYTHON_EXCEPTION')) {
    const { type } = error.details;
    const name = typeof type === 'string' ? type : error.name;
    return { name, message: error.message, stack: error.stack };
  }
  // Not `instanceof`: it may be an error of another realm.
  if (typeof error === 'object' && error !== null && 'message' in error) {
    const { name, stack } = error as { readonly name?: unknown; readonly stack?: unknown };
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: String(error.message),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  }
  return { name: typeof error, message: String(error) };
}
