import { describe, expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import { createGroupMemory } from '../os/group-memory.ts';
import { createLinux } from '../os/platform/linux.ts';
import { fakeCalls } from '../os/platform/system-calls.fixture.ts';
import { createMemorySampler } from './memory-sampler.ts';

/** A machine with so many workers, and what was read of it. */
function machineOf(workers: number) {
  const stat = (pid: number): string =>
    `${pid} (python) S 1 ${pid} ${Array.from({ length: 16 }, () => 0).join(' ')} 77 0\n`;
  const groupIds = Array.from({ length: workers }, (_, at) => 1_000 + at);
  const files = Object.fromEntries(
    [process.pid, ...groupIds].flatMap((pid) => [
      [`/proc/${pid}/stat`, stat(pid)],
      [`/proc/${pid}/status`, `VmRSS:\t  ${pid} kB\n`],
    ]),
  );
  const calls = fakeCalls({ files, names: [process.pid, ...groupIds].map(String) });
  const read: string[] = [];
  const platform = createLinux({
    ...calls,
    readText: (path) => {
      read.push(path);
      return calls.readText(path);
    },
  });
  return { groupIds, read, memory: createGroupMemory(platform) };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('createMemorySampler', () => {
  test('[I7.5] ten collections of 50 workers read what one walk over the processes reads', async () => {
    const { groupIds, read, memory } = machineOf(50);
    const clock = createTestClock();
    const sampler = createMemorySampler({ clock, memory, groupIds: () => groupIds });
    for (let collection = 0; collection < 10; collection++) {
      for (const groupId of groupIds) sampler.bytesOf(groupId);
      await settle();
      await clock.advance(100);
    }
    expect(groupIds.map((id) => sampler.bytesOf(id))).toEqual(groupIds.map((id) => id * 1024));
    // Two files of each worker; one of us, and once more before and after.
    expect(read).toHaveLength(2 * 50 + 3);
    expect(new Set(read).size).toBe(2 * 50 + 1);
  });

  test('[I7.5] a measurement that takes long makes the next one wait, but never until the last is too old', async () => {
    const clock = createTestClock();
    const takesMs = [0, 30, 1_000, 0];
    let looks = 0;
    const memory = {
      measure: () =>
        new Promise<Map<number, number>>((resolve) => {
          looks += 1;
          clock.setTimeout(() => resolve(new Map([[7, looks]])), takesMs[looks - 1] ?? 0);
        }),
    };
    const sampler = createMemorySampler({ clock, memory, groupIds: () => [7] });
    const atMs: number[] = [];
    for (let seen = 0; seen < 4;) {
      sampler.bytesOf(7);
      if (looks > seen) atMs.push(clock.now());
      seen = looks;
      await clock.advance(10);
    }
    // 2 s after one that takes no time, 3 s after one of 30 ms; 5 s at most.
    expect(atMs).toEqual([0, 2_000, 5_000, 10_000]);
    await clock.advance(10);
    expect(sampler.bytesOf(7)).toBe(4);
  });
});
