import type { Clock } from '@snakepit/core';
import type { GroupMemory } from '../os/group-memory.ts';

/** One look at the process table is enough for so many milliseconds, or for longer where it takes long itself. */
const freshMs = 2_000;
/** Looking takes at most this part of the time: each process of each group is looked at, and there may be thousands. */
const largestShare = 0.01;
/** What was measured longer ago, in milliseconds, says nothing about now. */
const staleMs = 10_000;

/** Tells the memory of process groups to those who ask again and again. */
export interface MemorySampler {
  /**
   * What a group had a moment ago, in bytes; `undefined` before it was measured, and when it is gone.
   *
   * To ask is what has it measured, for the next who asks; while nobody asks nothing is read.
   */
  bytesOf(groupId: number): number | undefined;
}

/** What a sampler is made of. */
export interface MemorySamplerParts {
  /** Time. */
  readonly clock: Clock;
  /** Measures. */
  readonly memory: GroupMemory;
  /** The groups that there are. */
  readonly groupIds: () => readonly number[];
  /** Older measurements, in milliseconds, are not told; default 10,000. */
  readonly maxAgeMs?: number;
}

/** Makes a sampler. It has no timer: there is nothing to stop. */
export function createMemorySampler({
  clock,
  memory,
  groupIds,
  maxAgeMs = staleMs,
}: MemorySamplerParts): MemorySampler {
  let bytes: ReadonlyMap<number, number> = new Map();
  let nextAtMs = -Infinity;
  let measuredAtMs = -Infinity;
  let isMeasuring = false;
  const measure = async (): Promise<void> => {
    isMeasuring = true;
    const beganAtMs = clock.now();
    try {
      // Nothing is looked at more closely: what processes share is counted for each, as `top` does.
      bytes = (await memory.measure(groupIds(), Infinity)) ?? bytes;
      measuredAtMs = clock.now();
    } catch {
      // What could not be measured is unknown; recycling by memory reports such trouble.
    } finally {
      isMeasuring = false;
      const tookMs = clock.now() - beganAtMs;
      // Not so seldom that what was measured is too old to be told.
      nextAtMs = beganAtMs + Math.max(freshMs, Math.min(tookMs / largestShare, maxAgeMs / 2));
    }
  };
  return {
    bytesOf: (groupId) => {
      const nowMs = clock.now();
      if (!isMeasuring && nowMs >= nextAtMs) void measure();
      return nowMs - measuredAtMs > maxAgeMs ? undefined : bytes.get(groupId);
    },
  };
}
