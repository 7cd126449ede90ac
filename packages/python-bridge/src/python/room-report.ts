import { bridgeErrorTable } from '../errors.ts';
import { readMachineLimits, type MachineLimits } from '../os/machine-limits.ts';
import { checkRoom, needsOf, roomFor, wantedBy, type RoomyPool } from '../pool/worker-room.ts';
import type { Finding } from './doctor.ts';

/**
 * Says how many workers fit on this machine, and whether those of these pools do.
 *
 * @param pools - One that names no size is to have one worker.
 * @param limits - Default: those of this machine.
 */
export function reportRoom(
  pools: readonly Partial<RoomyPool>[],
  limits: MachineLimits = readMachineLimits(),
): Finding {
  const id = 'room';
  const { shortage, doubt } = checkRoom(wantedBy(pools.map(complete)), limits);
  if (shortage !== undefined) {
    const { message, remedy } = bridgeErrorTable.RESOURCE_LIMIT;
    return { id, ok: false, detail: message(shortage), remedy: remedy(shortage) };
  }
  const room = describeRoom(limits);
  return { id, ok: true, detail: doubt === undefined ? room : `${room}; ${doubt}`, remedy: '' };
}

function complete(pool: Partial<RoomyPool>): RoomyPool {
  return {
    ...{ compat: undefined, descendants: 'usual', launch: 'auto', preload: [] },
    ...{ profile: 'process', remote: undefined, size: 1, threadsPerWorker: 1 },
    ...pool,
  };
}

/** For the plainest workers, of which those that are forked need less memory. */
function describeRoom(limits: MachineLimits): string {
  const plain = { hasLauncher: false, toolThreads: 0 } as const;
  const needs = needsOf({ ...plain, launch: 'spawn' });
  const forked = needsOf({ ...plain, launch: 'fork' });
  const room = roomFor(needs, limits);
  const { descriptors, tasks } = limits;
  const parts: string[] = [];
  if (descriptors !== undefined) {
    const each = `${needs.descriptors} each of ${descriptors.limit}`;
    parts.push(`file descriptors for ${room.descriptors ?? 0} (${each})`);
  }
  if (tasks !== undefined) {
    const each = `${needs.tasks} each of ${tasks.limit}, ${tasks.name}`;
    parts.push(`processes for ${room.tasks ?? 0} (${each})`);
  }
  if (room.memory !== undefined) {
    const each = `${megabytes(needs.memoryBytes)} or ${megabytes(forked.memoryBytes)} each before their adapters import anything`;
    const more = roomFor(forked, limits).memory ?? 0;
    parts.push(`memory for about ${room.memory}, or ${more} that are forked (${each})`);
  }
  if (parts.length === 0) return 'how many workers fit here cannot be told on this system';
  const known = [room.descriptors, room.tasks, room.memory].filter((one) => one !== undefined);
  return `about ${Math.min(...known)} workers fit here: ${parts.join(', ')}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MB`;
}
