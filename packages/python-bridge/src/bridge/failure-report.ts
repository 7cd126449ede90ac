import { isSnakepitError } from '@snakepit/core';
import { describeFailure, shorten } from './refusal.ts';

/** Longest text of a failure that is sent, in characters. */
export const maxTextLength = 16 * 1024;

/** How many causes are told. */
const maxCauses = 8;

/** Most characters of the details of an error. */
const maxDetailsLength = 8 * 1024;

/** Name of the metadata of an answer that holds the report. */
export const failureKey = 'failure';

/** What Python is told of an error of Node. */
interface FailureReport {
  /** Name of its class. */
  readonly name: string;
  /** Its message. */
  readonly message: string;
  /** Its `code`, of Snakepit or of Node itself. */
  readonly code?: string;
  /** Its JavaScript stack; below it, of a Python exception, the Python traceback. */
  readonly stack?: string;
  /** Its details, where JSON can express them. */
  readonly details?: unknown;
  /** What caused it. */
  readonly cause?: FailureReport;
}

/**
 * What went wrong in Node as JSON, for the Python side to make an exception of.
 *
 * @param error - Anything that was thrown.
 */
export function reportFailure(error: unknown): string {
  try {
    return JSON.stringify(reportOf(error, maxCauses));
  } catch {
    // What fails when it is looked at.
    return JSON.stringify({ name: typeof error, message: describeFailure(error) });
  }
}

function reportOf(error: unknown, causes: number): FailureReport {
  // Not `instanceof`: it may be of another realm.
  if (typeof error !== 'object' || error === null || !('message' in error)) {
    return { name: typeof error, message: shorten(describeFailure(error), maxTextLength) };
  }
  const { name, stack, code, cause } = error as Readonly<Record<string, unknown>>;
  return {
    name: typeof name === 'string' ? shorten(name, maxTextLength) : 'Error',
    message: shorten(String(error.message), maxTextLength),
    ...(typeof code === 'string' ? { code: shorten(code, maxTextLength) } : {}),
    ...(typeof stack === 'string' ? { stack: shorten(stack, maxTextLength) } : {}),
    ...detailsOf(error),
    ...(cause === undefined || causes === 0 ? {} : { cause: reportOf(cause, causes - 1) }),
  };
}

function detailsOf(error: object): { readonly details?: unknown } {
  if (!isSnakepitError(error)) return {};
  try {
    const text = JSON.stringify(error.details);
    return text.length > maxDetailsLength ? {} : { details: JSON.parse(text) as unknown };
  } catch {
    // What JSON cannot express stays here.
    return {};
  }
}
