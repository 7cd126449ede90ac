/** How deep causes are followed. */
const mostCauses = 16;

/**
 * Has the stacks of an error and its causes written out, for whoever keeps errors for long.
 *
 * Until somebody reads a stack, V8 keeps the frames themselves, and with each frame the object whose method it was: of the error
 * of a worker that would be the worker, with its sockets.
 *
 * @internal
 */
export function writeStacks(error: unknown): void {
  let at = error;
  for (let depth = 0; depth < mostCauses && typeof at === 'object' && at !== null; depth++) {
    try {
      const { stack, cause } = at as Partial<Error>;
      if (typeof stack !== 'string') return;
      at = cause;
    } catch {
      // A getter of a foreign class; whatever it keeps is its own affair.
      return;
    }
  }
}
