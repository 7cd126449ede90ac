import { workerLabel } from '../../os/run-record-format.ts';
import { WorkerStartError, type EndedEarly } from '../start-failure.ts';
import type { WorkerRef } from '../worker-host.ts';
import { describeExit } from './exit-status.ts';

/** Why a worker was ended by us before it was ready. */
export type EarlyVerdict =
  /** Whoever had asked for it gave up. */
  | { readonly kind: 'aborted' }
  /** It said something that is no beat message. */
  | { readonly kind: 'protocol'; readonly detail: string };

/**
 * Puts the end of a worker that was not ready yet into words.
 *
 * @param verdict - Why we ended it; `undefined` when it ended by itself.
 */
export function earlyEndError(
  ref: WorkerRef,
  verdict: EarlyVerdict | undefined,
  ended: EndedEarly,
): WorkerStartError {
  const label = `worker ${workerLabel(ref)}`;
  switch (verdict?.kind) {
    case 'aborted':
      return new WorkerStartError(`${label} was given up before it was ready`, {
        kind: 'aborted',
        ended,
      });
    case 'protocol': {
      const { detail } = verdict;
      return new WorkerStartError(`${label} broke the beat protocol: ${detail}`, {
        ...{ kind: 'protocol', detail },
        ...ended,
      });
    }
    case undefined: {
      const reason = ended.failed === undefined ? '' : `; it said: ${ended.failed.message}`;
      const end = describeExit(ended.exit);
      return new WorkerStartError(`${label} ${end}, before it was ready${reason}`, {
        kind: 'exitedBeforeReady',
        ...ended,
      });
    }
  }
}
