import type { SnakepitError } from '@snakepit/core';
import { bridgeError } from './errors.ts';
import type {
  AdapterFailedDetails,
  ErrorIds,
  PythonCause,
  PythonExceptionDetails,
  PythonExceptionPart,
} from './errors.ts';

/**
 * The error for an exception that a Python tool raised; its traceback is printed under the JavaScript stack, and what it
 * was raised from is its `cause`.
 *
 * @param details - Class, module, message and traceback, with the ids of the call.
 */
export function pythonException(
  details: PythonExceptionDetails,
): SnakepitError<'PYTHON_EXCEPTION', PythonExceptionDetails> {
  const { causes = [], pool, worker, session, tool } = details;
  const cause = causeOf(causes, { pool, worker, session, tool });
  const error = bridgeError('PYTHON_EXCEPTION', details, cause === undefined ? {} : { cause });
  return withTraceback(error, details.traceback);
}

/**
 * The error for an adapter that could not be loaded; what Python printed is under the JavaScript stack.
 *
 * @param details - What the worker said before it exited.
 */
export function adapterFailed(
  details: AdapterFailedDetails,
): SnakepitError<'ADAPTER_FAILED', AdapterFailedDetails> {
  return withTraceback(bridgeError('ADAPTER_FAILED', details), details.traceback);
}

/** An exception as a worker sends it: a JSON object with its class, message and traceback, and what else it has. */
export function exceptionFields(
  fields: Readonly<Record<string, unknown>>,
): Omit<PythonExceptionDetails, keyof ErrorIds> {
  const causes = objects(fields['causes']);
  return {
    ...partOf(fields),
    ...(causes === undefined ? {} : { causes: causes.slice(0, maxCauses).map(toCause) }),
  };
}

/** More than any worker tells of; what a broken one sends must not be too deep for us. */
const maxCauses = 100;
const maxGroupDepth = 16;

function partOf(fields: Readonly<Record<string, unknown>>, depth = 0): PythonExceptionPart {
  const { args, notes } = fields;
  const exceptions = depth < maxGroupDepth ? objects(fields['exceptions']) : undefined;
  return {
    type: textOf(fields['type']) ?? textOf(fields['python_type']) ?? 'Exception',
    module: textOf(fields['module']) ?? '',
    message: textOf(fields['message']) ?? '',
    traceback: textOf(fields['traceback']) ?? joined(fields['stacktrace']),
    ...(Array.isArray(args) ? { args: args as readonly unknown[] } : {}),
    ...(Array.isArray(notes) ? { notes: notes.filter(isText) } : {}),
    ...(exceptions === undefined
      ? {}
      : { exceptions: exceptions.map((each) => partOf(each, depth + 1)) }),
  };
}

function toCause(fields: Readonly<Record<string, unknown>>): PythonCause {
  const relation = fields['relation'] === 'cause' ? 'cause' : 'context';
  return { ...partOf(fields), relation };
}

function objects(value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(isRecord);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function causeOf(causes: readonly PythonCause[], ids: ErrorIds): Error | undefined {
  let inner: Error | undefined;
  for (const cause of causes.toReversed()) {
    // Python prints a chain as one: the traceback of the exception itself holds those of its causes.
    const details: PythonExceptionDetails = { ...ids, ...cause, traceback: '' };
    const options = inner === undefined ? {} : { cause: inner };
    const error = bridgeError('PYTHON_EXCEPTION', details, options);
    // It was made here, and raised elsewhere.
    error.stack = `${error.name}: ${error.message}`;
    inner = error;
  }
  return inner;
}

function withTraceback<E extends Error>(error: E, traceback: string): E {
  if (traceback.trim() === '') return error;
  const javascript = error.stack ?? `${error.name}: ${error.message}`;
  error.stack = `${javascript}\n\nPython traceback:\n${traceback.trimEnd()}`;
  return error;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function textOf(value: unknown): string | undefined {
  return isText(value) ? value : undefined;
}

function joined(lines: unknown): string {
  return Array.isArray(lines) ? lines.filter(isText).join('') : '';
}
