import type { SupervisorAnswer } from '../../src/protocol.ts';
import { duration, plural } from './words.ts';

/** How long a restart still counts, in milliseconds; it is counted in whole seconds. */
export function windowLeftMs(at: number, maxSeconds: number, now: number): number {
  return Math.floor(at / 1_000) * 1_000 + (maxSeconds + 1) * 1_000 - now;
}

/** Says in words how near a supervisor is to giving up. */
export function windowSentence(
  supervisor: Pick<SupervisorAnswer, 'maxRestarts' | 'maxSeconds' | 'standing' | 'entries'>,
  now: number,
): string {
  const { maxRestarts, maxSeconds, standing, entries } = supervisor;
  const counted = `${entries.length} of ${plural(maxRestarts, 'restart')} within ${maxSeconds} s`;
  if (standing === 'exceeded') return `⚠ exceeded: it has given up (${counted}).`;
  const room = maxRestarts - entries.length;
  const oldest = entries[0];
  if (room > 0) {
    return `● below: ${counted}; ${plural(room, 'more crash', 'more crashes')} would be repaired.`;
  }
  if (oldest === undefined) return `▲ full: none is allowed; the first crash ends it.`;
  const left = duration(Math.max(0, windowLeftMs(oldest.at, maxSeconds, now)));
  return `▲ full: ${counted}; one more crash within ${left} and it gives up.`;
}
