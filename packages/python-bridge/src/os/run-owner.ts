import {
  isRunning,
  readProcessStat,
  readStartTime,
  type ProcessIdentity,
} from './process-identity.ts';
import type { RunFile } from './run-record-format.ts';
import { errorCode } from './system-error.ts';

/**
 * What can be said of the runtime that owns a run.
 *
 * - `live`: it runs, or at least cannot be seen to be dead.
 * - `dead`: it is gone.
 * - `earlierBoot`: from before the machine or container started; nothing of it can live.
 * - `otherNamespace`: of another container on the same files; cannot be judged from here.
 */
export type OwnerState = 'live' | 'dead' | 'earlierBoot' | 'otherNamespace';

/** Judges the owner of a run by its identity, never by a bare number. */
export function stateOfOwner({ owner, initStartTime }: RunFile, self: ProcessIdentity): OwnerState {
  if (owner.bootId !== self.bootId) return 'earlierBoot';
  if (owner.pidNamespace !== self.pidNamespace) return 'otherNamespace';
  if (isOfEarlierContainer(initStartTime)) return 'earlierBoot';
  return mayRun(owner) ? 'live' : 'dead';
}

/** Whether it runs, or at least cannot be seen to be dead: a mounted /proc may hide it. */
export function mayRun(identity: ProcessIdentity): boolean {
  return isRunning(identity) || (readProcessStat(identity.pid) === undefined && exists(identity));
}

/** Numbers of namespaces are given again: another process 1 means another container. */
function isOfEarlierContainer(initStartTime: string): boolean {
  const startTime = readStartTime(1);
  // A hidden /proc shows nothing of process 1: then it proves nothing either.
  return startTime !== undefined && initStartTime !== '' && initStartTime !== startTime;
}

function exists({ pid }: ProcessIdentity): boolean {
  try {
    // Signal 0 sends nothing: the kernel only says whether the number is in use.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
