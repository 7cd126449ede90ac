import { load, payload } from '../load.mjs';

/**
 * What a contestant of this directory does.
 *
 * @param {(text: string) => Promise<string>} call Gives back what it is given, through Python.
 */
export function worksOf(call) {
  return { echo: (calls, { inFlight }) => load(calls, inFlight, () => call(payload)) };
}
