import { markedProcesses } from '../../os/process-group.ts';
import { readBootId, readPidNamespace, type ProcessIdentity } from '../../os/process-identity.ts';
import { signalGroup, signalProcess } from '../../os/process-killer.ts';

/** The groups that must not outlive this process. */
export interface LiveGroups {
  /** From now on the group is killed when this process exits. */
  add(leader: ProcessIdentity): void;
  /** This one is not, though it carries the marker: a launcher that ends others when this process exits. */
  spare(launcher: ProcessIdentity): void;
  /** The group is gone, or not ours any more. */
  remove(leader: ProcessIdentity): void;
}

/** How often whoever left its group is looked for: one may be forking while we look. */
const LOOKS = 3;

/**
 * Makes a list whose groups are killed, synchronously, when this process exits in an orderly way:
 * `process.exit()`, an uncaught error, a rejection that nobody handles. After them goes whoever
 * carries the run's marker, for it may have left its group. A listener for `exit` is there only
 * while a group is.
 *
 * @param marker - Environment entry of every process of the run.
 * @param killsAtExit - `false` makes a list of which nothing is killed.
 */
export function createLiveGroups(marker: string, killsAtExit = true): LiveGroups {
  const leaders = new Set<ProcessIdentity>();
  const spared = new Set<ProcessIdentity>();
  const killAll = (): void => {
    for (const leader of leaders) signalGroup(leader, 'SIGKILL');
    killMarked(marker, new Set(Array.from(spared, ({ pid }) => pid)));
  };
  return {
    add(leader) {
      if (killsAtExit && leaders.size === 0) process.on('exit', killAll);
      leaders.add(leader);
    },
    spare(launcher) {
      spared.add(launcher);
    },
    remove(leader) {
      spared.delete(leader);
      leaders.delete(leader);
      if (leaders.size === 0) process.off('exit', killAll);
    },
  };
}

function killMarked(marker: string, spared: ReadonlySet<number>): void {
  const here = { bootId: readBootId(), pidNamespace: readPidNamespace() };
  for (let look = 0; look < LOOKS; look += 1) {
    const found = markedProcesses([marker]).filter(({ pid }) => !spared.has(pid));
    for (const { pid, startTime } of found) signalProcess({ ...here, pid, startTime }, 'SIGKILL');
    if (found.length === 0) return;
  }
}
