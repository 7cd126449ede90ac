import { errorCode } from '../system-error.ts';
import type { Delivery, KillSignal, Platform, SystemCalls } from './platform.ts';

/** Signals as every POSIX system has them: a negative number is a group. */
export function posixSignals({
  kill,
}: Pick<SystemCalls, 'kill'>): Pick<Platform, 'signalProcess' | 'signalGroup' | 'isGroupKnown'> {
  return {
    signalProcess: (pid, signal) => deliver(kill, pid, signal),
    signalGroup: (groupId, signal) => deliver(kill, -groupId, signal),
    isGroupKnown(groupId) {
      try {
        // Signal 0 sends nothing: the kernel only says whether the group has a member.
        kill(-groupId, 0);
        return true;
      } catch (error) {
        return errorCode(error) === 'EPERM';
      }
    },
  };
}

function deliver(kill: SystemCalls['kill'], target: number, signal: KillSignal): Delivery {
  try {
    kill(target, signal);
  } catch (error) {
    return refusalOf(error);
  }
  if (signal === 'SIGTERM') continueStopped(kill, target);
  return 'sent';
}

/** A stopped process keeps TERM pending until it is continued. */
function continueStopped(kill: SystemCalls['kill'], target: number): void {
  try {
    kill(target, 'SIGCONT');
  } catch {
    // TERM ended it in this moment: it was sent all the same.
  }
}

function refusalOf(error: unknown): Delivery {
  if (errorCode(error) === 'EPERM') return 'notPermitted';
  if (errorCode(error) === 'ESRCH') return 'gone';
  throw error;
}
