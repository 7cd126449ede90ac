import type { status } from '@grpc/grpc-js';
import { isSnakepitError } from '@snakepit/core';

/** A call of Python that is refused with a gRPC status; anything else that is thrown becomes INTERNAL. */
export class Refusal extends Error {
  /** The status. */
  readonly code: status;

  /**
   * @param code - The status.
   * @param details - What the caller reads.
   */
  constructor(code: status, details: string) {
    super(details);
    this.name = 'Refusal';
    this.code = code;
  }
}

/**
 * What went wrong in Node, in the words that Python shows.
 *
 * @param error - Anything that was thrown.
 */
export function describeFailure(error: unknown): string {
  try {
    if (isSnakepitError(error)) return error.message;
    if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
    const name = 'name' in error ? String(error.name) : 'Error';
    return `${name}: ${String(error.message)}`;
  } catch {
    // Anything can be thrown, also what fails when it is looked at.
    return 'something that cannot be told';
  }
}

/** Cuts a text in the middle, and makes it one that UTF-8 can express: others are refused on the way. */
export function shorten(text: string, maxLength: number): string {
  const half = Math.floor(maxLength / 2);
  const short = text.length <= maxLength ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
  return Buffer.from(short).toString();
}
