import type { LifeRecord } from '../../src/protocol.ts';

/** Failures that follow so closely are one, in milliseconds. */
const ONE_FAILURE_MS = 250;

/**
 * Finds when the last failure began.
 *
 * @param life - What happened.
 * @param from - It began after this moment,
 * @param shown - and before this one.
 */
export function lastFailure(
  life: readonly LifeRecord[],
  from: number,
  shown: number,
): number | undefined {
  const begins = beginsOf(life.filter(isFailure))
    .filter((at) => at > from && at - 1 < shown)
    .sort((a, b) => b - a);
  return begins.find((at, index) => at - (begins[index + 1] ?? -Infinity) > ONE_FAILURE_MS);
}

/** Whoever cleans up for long after the death of its process of the operating system failed with that death. */
function beginsOf(failures: readonly LifeRecord[]): number[] {
  const whose = ({ path, inc }: LifeRecord): string => `${inc} ${path}`;
  const deaths = new Map(
    failures.filter(isOfOs).map((record) => [whose(record), beginOf(record)] as const),
  );
  return failures.map((record) =>
    record.what === 'exited'
      ? Math.min(record.at, deaths.get(whose(record)) ?? Infinity)
      : beginOf(record),
  );
}

/** When what a record tells of began: of the end of a process with its death, not with the end of cleaning up. */
export function beginOf(record: LifeRecord): number {
  return isOfOs(record) ? record.at - (record.afterMs ?? 0) : record.at;
}

/** Whether a life record tells of something that went wrong. */
export function isFailure(record: LifeRecord): boolean {
  const { what, reason = '', details } = record;
  if (what === 'gaveUp' || what === 'heartbeatFailed') return true;
  if (isOfOs(record)) return details?.['cause'] !== undefined;
  return what === 'exited' && !/^(normal|shutdown|stopped)/.test(reason);
}

function isOfOs({ what }: LifeRecord): boolean {
  return what === 'osProcessGone' || what === 'osProcessLeft';
}
