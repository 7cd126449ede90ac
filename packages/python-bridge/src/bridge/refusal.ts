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
  if (isSnakepitError(error)) return error.message;
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const name = 'name' in error ? String(error.name) : 'Error';
  return `${name}: ${String(error.message)}`;
}
