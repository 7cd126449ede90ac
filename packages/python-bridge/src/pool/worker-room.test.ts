import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '@snakepit/core';
import type { MachineLimits } from '../os/machine-limits.ts';
import { reportRoom } from '../python/room-report.ts';
import { checkRoom, kindOf, needsOf, requireRoom, roomFor, type RoomyPool } from './worker-room.ts';

const mega = 1024 * 1024;
const spawned: RoomyPool = {
  ...{ compat: undefined, descendants: 'usual', launch: 'spawn', profile: 'process' },
  ...{ preload: [], remote: undefined, size: 1, threadsPerWorker: 1 },
};
const needs = needsOf(kindOf(spawned));
const none: MachineLimits = { descriptors: undefined, tasks: undefined, memory: undefined };
const files = (limit: number, used = 24): MachineLimits => ({
  ...none,
  descriptors: { name: 'RLIMIT_NOFILE', limit, used },
});

describe('whether workers fit', () => {
  test('[I7.4] as many as it says fit, and not one more', () => {
    for (let limit = 88; limit < 400; limit += 1) {
      const limits = files(limit);
      const fits = roomFor(needs, limits).descriptors ?? NaN;
      expect(checkRoom([{ count: fits, needs }], limits).shortage).toBeUndefined();
      expect(checkRoom([{ count: fits + 1, needs }], limits).shortage?.fits).toBe(fits);
    }
  });

  test('[I7.4] the refusal says which limit it is, how many fit and what to type', () => {
    const refusal = (): void =>
      requireRoom([{ ...spawned, size: 1_000 }], silentLogger, files(1_024));
    expect(refusal).toThrow(
      '[RESOURCE_LIMIT] 1000 workers do not fit here, 187 do: each needs 5 file descriptors of this process, and of 1024 (RLIMIT_NOFILE) 24 are in use and 64 are kept for the runtime.\n' +
        'Remedy: allow more before Node starts (`ulimit -n 8192`, of a systemd unit LimitNOFILE=8192, of a container --ulimit nofile=8192), or have fewer workers (pools[].size).',
    );
    expect(() => {
      requireRoom([{ ...spawned, size: 1 }], silentLogger, files(60));
    }).toThrow('not even one does');
  });

  test.each([
    ['RLIMIT_NPROC', 'ulimit -u 8192'],
    ['pids.max', '--pids-limit=8192'],
    ['kernel.pid_max', 'sysctl kernel.pid_max=8192'],
    ['threads-max', 'sysctl kernel.threads-max=8192'],
  ] as const)('[I7.4] processes, by %s', (name, remedy) => {
    const limits: MachineLimits = { ...none, tasks: { name, limit: 1_000, used: 100 } };
    const { shortage } = checkRoom([{ count: 1_000, needs }], limits);
    expect(shortage).toMatchObject({ what: 'tasks', limit: name, allowed: 1_000 });
    expect(() => {
      requireRoom([{ ...spawned, size: 1_000 }], silentLogger, limits);
    }).toThrow(remedy);
  });

  test('[I7.4] all pools together count; remote workers take a connection each, and nothing else', () => {
    const limits = files(200);
    const remote = needsOf({ launch: 'remote', hasLauncher: false, toolThreads: 0 });
    const [one, other] = [
      { count: 12, needs },
      { count: 12, needs },
    ];
    expect(checkRoom([one], limits).shortage).toBeUndefined();
    expect(checkRoom([one, other], limits).shortage).toMatchObject({ wanted: 24, fits: 22 });
    expect(checkRoom([one, { count: 24, needs: remote }], limits).shortage).toBeUndefined();
    expect(roomFor(remote, { ...none, memory: { name: 'freemem', bytes: 1 } }).memory).toBe(
      undefined,
    );
  });

  test('[I7.4] memory is an estimate: too little of it is said, and refuses nothing', () => {
    const limits: MachineLimits = { ...none, memory: { name: 'memory.max', bytes: 100 * mega } };
    const said: string[] = [];
    const logger = { warn: (text: string) => void said.push(text) };
    requireRoom([{ ...spawned, size: 5 }], logger, limits);
    expect(said).toEqual([]);
    requireRoom([{ ...spawned, size: 6 }], logger, limits);
    expect(said[0]).toMatch(
      /^6 workers need about 120 MB of memory .* 100 MB are available \(memory\.max\)/,
    );
  });

  test('a launcher and threads of tools count as processes; forked workers need less memory', () => {
    const strict = needsOf(kindOf({ ...spawned, descendants: 'strict' }));
    const threads = needsOf(kindOf({ ...spawned, profile: 'thread', threadsPerWorker: 16 }));
    const forked = needsOf(kindOf({ ...spawned, launch: 'fork' }));
    expect(strict.tasks).toBeGreaterThan(needs.tasks);
    expect(threads.tasks).toBe(needs.tasks + 16);
    expect(forked.memoryBytes).toBeLessThan(needs.memoryBytes);
  });
});

test('[R12.4] [I7.6] the guide to sizing says what a worker takes as it is reckoned here', () => {
  const guide = readFileSync(new URL('../../../../docs/scaling.md', import.meta.url), 'utf8');
  const megabytes = ({ memoryBytes }: { readonly memoryBytes: number }): string =>
    `${String(memoryBytes / mega)} MB`;
  const forked = needsOf(kindOf({ ...spawned, launch: 'fork' }));
  expect(guide).toContain(`spawned ${megabytes(needs)}, forked ${megabytes(forked)}, and`);
  expect(guide).toContain(`| ${String(needs.descriptors)} of the runtime's: `);
  expect(guide).toContain(`(${String(needs.tasks)} each of 32768, kernel.pid_max)`);
  const limits = files(1_024);
  const fits = roomFor(needs, limits).descriptors ?? NaN;
  expect(guide).toContain(`1000 workers do not fit here, ${String(fits)} do`);
  // Its curves, from one worker to a thousand: starting, memory, heartbeats, calls.
  const curves = /^\| workers .*\n[^]*?(?=\n\n)/m.exec(guide)?.[0] ?? '';
  for (const column of ['all ready', 'Python, MB', 'Node, MB', 'idle: Python', 'alone: p50']) {
    expect(curves).toContain(`| ${column}`);
  }
  for (const workers of [1, 16, 100, 1_000]) {
    expect(curves).toMatch(new RegExp(`^\\| +${String(workers)} \\|`, 'm'));
  }
  for (const asked of ['Which numbers to choose', 'When one machine is not enough']) {
    expect(guide).toContain(`\n## ${asked}\n`);
  }
});

describe('what the doctor says of it', () => {
  const limits: MachineLimits = {
    descriptors: { name: 'RLIMIT_NOFILE', limit: 1_024, used: 24 },
    tasks: { name: 'pids.max', limit: 2_000, used: 100 },
    memory: { name: 'MemAvailable', bytes: 1_064 * mega },
  };

  test('[I7.4] how many fit, by each limit', () => {
    const finding = reportRoom([], limits);
    expect(finding).toMatchObject({ id: 'room', ok: true, remedy: '' });
    expect(finding.detail).toMatch(
      /^about 50 workers fit here: file descriptors for 187 \(5 each of 1024\), processes for \d+ \(\d+ each of 2000, pids\.max\), memory for about 50, or 125 that are forked \(20 MB or 8 MB each before/,
    );
    expect(reportRoom([], none).detail).toBe(
      'how many workers fit here cannot be told on this system',
    );
  });

  test('[I7.4] pools that do not fit are a problem, with what to type; those that may lack memory are not', () => {
    expect(reportRoom([{ size: 100 }, { size: 100 }], limits)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('200 workers do not fit here, 187 do'),
      remedy: expect.stringContaining('ulimit -n'),
    });
    const finding = reportRoom([{ size: 60, launch: 'spawn' }], limits);
    expect(finding).toMatchObject({ ok: true, remedy: '' });
    expect(finding.detail).toContain('60 workers need about 1200 MB of memory');
    expect(reportRoom([{ size: 60 }], limits).detail).not.toContain('60 workers need');
  });
});
