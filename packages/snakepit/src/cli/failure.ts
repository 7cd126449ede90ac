import { isSnakepitError } from '@snakepit/core';
import { exitCodes } from './surroundings.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * Tells the user of a failure that has a code and a remedy.
 *
 * @param error - What was thrown. Anything else than a failure of ours is a defect, and thrown on with its stack.
 * @param json - Whether standard output must be one JSON object all the same.
 */
export function tellFailure(
  error: unknown,
  { stdout, stderr }: Surroundings,
  json: boolean,
): ExitCode {
  if (!isSnakepitError(error)) throw error;
  const { code, message, remedy, details } = error;
  if (json) {
    stdout.write(`${JSON.stringify({ ok: false, error: { code, message, remedy, details } })}\n`);
  } else {
    stderr.write(`${message}\n`);
  }
  return exitCodes.problem;
}
