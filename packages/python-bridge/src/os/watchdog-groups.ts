import type { ProcessIdentity } from './process-identity.ts';

/** Told, in the turn in which it happens, which groups of workers there are. */
export interface GroupGuard {
  /** A worker was spawned. */
  add(leader: ProcessIdentity, pool: string): void;
  /** Nothing of its group lives any more. */
  remove(leader: ProcessIdentity): void;
}

/** Hears of every change of {@link WatchedGroups}. */
export interface GroupFollower {
  /** A group came. */
  added(leader: ProcessIdentity): void;
  /** A group went. */
  removed(leader: ProcessIdentity): void;
}

/** The groups that a watchdog is to end when the runtime is dead. Outlives every single watchdog. */
export interface WatchedGroups extends GroupGuard {
  /** Leaders of all groups, in the order in which they came. */
  leaders(): readonly ProcessIdentity[];
  /** From now on this one hears of changes, and nobody else; `undefined` for nobody. */
  follow(follower: GroupFollower | undefined): void;
}

/**
 * Makes an empty list.
 *
 * @param pools - Pools whose workers are to be watched (R9.2); groups of others are left out.
 */
export function createWatchedGroups(pools: ReadonlySet<string>): WatchedGroups {
  const leaders = new Map<number, ProcessIdentity>();
  let follower: GroupFollower | undefined;
  return {
    add(leader, pool) {
      if (!pools.has(pool)) return;
      leaders.set(leader.pid, leader);
      follower?.added(leader);
    },
    remove(leader) {
      // Its number may belong to another worker of ours by now.
      if (leaders.get(leader.pid)?.startTime !== leader.startTime) return;
      leaders.delete(leader.pid);
      follower?.removed(leader);
    },
    leaders: () => [...leaders.values()],
    follow(next) {
      follower = next;
    },
  };
}
