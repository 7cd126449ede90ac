import { currentPlatform } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
import { createProcessScanner, type ProcessScanner } from './process-scanner.ts';
import { createSlices, type Slices } from './time-slices.ts';

/** Measures the memory of process groups, a little at a time, so that calls and heartbeats get in between. */
export interface GroupMemory {
  /**
   * The memory of each group, in bytes, its processes together; groups that are gone are left out.
   *
   * What processes share is first counted for each of them. Only a group of several that seems to have more than the
   * limit is looked at more closely, where the platform can: then it counts once.
   *
   * @param limitBytes - What matters is whether a group has more.
   * @returns `undefined` when nothing could be seen.
   */
  measure(
    groupIds: readonly number[],
    limitBytes: number,
  ): Promise<ReadonlyMap<number, number> | undefined>;
}

/** Makes what measures the memory of groups. */
export function createGroupMemory(
  platform: Platform = currentPlatform,
  scanner: ProcessScanner = createProcessScanner(platform),
): GroupMemory {
  const slices = createSlices();
  return {
    async measure(groupIds, limitBytes) {
      const members = await scanner.membersOf(groupIds);
      if (members === undefined) return undefined;
      const groupOf = new Map(members.map(({ pid, groupId }) => [pid, groupId]));
      const residentBytes = new Map<number, number>();
      for (const memory of platform.readMemory([...groupOf.keys()])) {
        await slices(() => {
          const groupId = groupOf.get(memory.pid);
          if (groupId === undefined) return;
          residentBytes.set(groupId, (residentBytes.get(groupId) ?? 0) + memory.residentBytes);
        });
      }
      for (const [groupId, bytes] of residentBytes) {
        // Most: only for the others all members are looked at.
        if (bytes < limitBytes) continue;
        const pids = members.filter((member) => member.groupId === groupId).map(({ pid }) => pid);
        if (pids.length === 1) continue;
        residentBytes.set(groupId, (await sharesOf(pids, platform, slices)) ?? bytes);
      }
      return residentBytes;
    },
  };
}

/** `undefined` where one cannot be told. */
async function sharesOf(
  pids: readonly number[],
  platform: Platform,
  slices: Slices,
): Promise<number | undefined> {
  let bytes = 0;
  for (const pid of pids) {
    const share = await slices(() => platform.readMemoryShare(pid));
    if (share === undefined) return undefined;
    bytes += share;
  }
  return bytes;
}
