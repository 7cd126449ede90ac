import type { ProcessIdentity } from '../../os/process-identity.ts';
import { signalGroup } from '../../os/process-killer.ts';

/** The groups that must not outlive this process. */
export interface LiveGroups {
  /** From now on the group is killed when this process exits. */
  add(leader: ProcessIdentity): void;
  /** The group is gone, or not ours any more. */
  remove(leader: ProcessIdentity): void;
}

/**
 * Makes a list whose groups are killed, synchronously, when this process exits in an orderly way:
 * `process.exit()`, an uncaught error, an empty event loop. A listener for `exit` is there only
 * while a group is.
 *
 * @param killsAtExit - `false` makes a list of which nothing is killed.
 */
export function createLiveGroups(killsAtExit = true): LiveGroups {
  const leaders = new Set<ProcessIdentity>();
  const killAll = (): void => {
    for (const leader of leaders) signalGroup(leader, 'SIGKILL');
  };
  return {
    add(leader) {
      if (killsAtExit && leaders.size === 0) process.on('exit', killAll);
      leaders.add(leader);
    },
    remove(leader) {
      leaders.delete(leader);
      if (leaders.size === 0) process.off('exit', killAll);
    },
  };
}
