import { isSnakepitError } from '@snakepit/core';

/**
 * Adds who called to the stack of a call's error, which is made where the answer of a worker comes in.
 *
 * V8 knows it only while what they wait for goes on: call this in the `catch` of an async function, or where a promise
 * that they wait for is rejected.
 *
 * @param error - Why the call failed; an error that was made here, and knows it, is left as it is.
 * @param own - How the frame begins that an error has which was made here; default that of whoever calls this.
 */
export function withCallerFrames(error: unknown, own?: string): unknown {
  if (!isSnakepitError(error) || error.stack === undefined) return error;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, withCallerFrames);
  const lines = (here.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  const [first = '', ...others] = lines;
  const callers = others.filter((line) => !line.includes('(node:internal/'));
  const known = own ?? first.slice(0, first.indexOf('('));
  if (callers.length === 0 || error.stack.includes(known)) return error;
  // Messages of Python may have empty lines; the first one after them is before the traceback of Python.
  const messageEnd = error.stack.indexOf(error.message) + error.message.length;
  const gap = error.stack.indexOf('\n\n', messageEnd);
  const end = gap === -1 ? error.stack.length : gap;
  error.stack = `${error.stack.slice(0, end)}\n${callers.join('\n')}${error.stack.slice(end)}`;
  return error;
}
