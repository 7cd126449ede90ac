import { parseText, Undecodable } from '../values/decode-value.ts';
import { MalformedFrames } from './malformed-frames.ts';

/** For each call its number, how long it took in microseconds, and the value. */
export const resultStride = 3;

/** The results of many calls. */
export interface JoinedResults {
  /** {@link resultStride} of them for each. */
  readonly items: readonly unknown[];
  /** Whether values may have markers. */
  readonly hasMarkers: boolean;
}

/**
 * Reads what a worker says of many calls at once.
 *
 * @param json - As UTF-8.
 * @throws MalformedFrames for what is no such list: nobody could tell whose values these are.
 */
export function readResults(json: Buffer): JoinedResults {
  try {
    const { parsed, needsWalk } = parseText(json, true);
    if (!Array.isArray(parsed) || parsed.length % resultStride !== 0) {
      throw new MalformedFrames('joined results are no list of numbers, times and values');
    }
    return { items: parsed as readonly unknown[], hasMarkers: needsWalk };
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new MalformedFrames(`joined results: ${error.message}`);
  }
}
