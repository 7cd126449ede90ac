import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { leftOf, readMachineLimits, type LimitSources } from './machine-limits.ts';

const mega = 1024 * 1024;

/** A machine of these files; names in a directory are those of its files, unless they are given. */
function machine(
  files: Readonly<Record<string, string>>,
  parts: Partial<LimitSources> & { readonly open?: number } = {},
): LimitSources {
  const { open = 11, ...others } = parts;
  return {
    readText: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT ${path}`);
      return text;
    },
    readNames: (path) => {
      if (path === '/proc/self/fd' || path === '/dev/fd') {
        return Array.from({ length: open }, (_, i) => String(i));
      }
      const names = Object.keys(files).filter((name) => dirname(dirname(name)) === path);
      if (names.length === 0) throw new Error(`ENOENT ${path}`);
      return [...names.map((name) => dirname(name).slice(path.length + 1)), 'self'];
    },
    uid: 0,
    userLimits: () => undefined,
    freeMemory: () => 700 * mega,
    ...others,
  };
}

const limits = (files: string, processes = 'unlimited'): string =>
  [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    `Max processes             ${processes.padEnd(20)} unlimited            processes `,
    `Max open files            ${files.padEnd(20)} 4096                 files     `,
  ].join('\n');

describe('limits of a machine', () => {
  test('[I7.4] descriptors: the soft limit, and what is open but for the look itself', () => {
    const { descriptors } = readMachineLimits(machine({ '/proc/self/limits': limits('1024') }));
    expect(descriptors).toEqual({ name: 'RLIMIT_NOFILE', limit: 1024, used: 10 });
    const unlimited = machine({ '/proc/self/limits': limits('unlimited') });
    expect(readMachineLimits(unlimited)).toEqual({
      ...{ descriptors: undefined, tasks: undefined, memory: undefined },
    });
  });

  test('[I7.4] processes: those of the user count threads, and root has no such limit', () => {
    const status = (uid: number, threads: number): string =>
      `Name:\tx\nUid:\t${String(uid)}\t0\t0\t0\nThreads:\t${String(threads)}\n`;
    const files = {
      '/proc/self/limits': limits('1024', '200'),
      '/proc/7/status': status(501, 5),
      '/proc/8/status': status(0, 9),
      '/proc/9/status': status(501, 1),
    };
    const tasks = { name: 'RLIMIT_NPROC', limit: 200, used: 6 };
    expect(readMachineLimits(machine(files, { uid: 501 })).tasks).toEqual(tasks);
    expect(readMachineLimits(machine(files)).tasks).toBeUndefined();
  });

  test('[I7.4] processes: of cgroup, groups above it and kernel that counts of which the least is left', () => {
    const files = {
      '/proc/self/limits': limits('1024'),
      '/proc/self/cgroup': '0::/a/b\n',
      '/proc/loadavg': '0.1 0.2 0.3 2/300 4711\n',
      '/proc/sys/kernel/pid_max': '4194304\n',
      '/proc/sys/kernel/threads-max': '900\n',
      '/sys/fs/cgroup/a/b/pids.max': 'max\n',
      '/sys/fs/cgroup/a/b/pids.current': '3\n',
      '/sys/fs/cgroup/a/pids.max': '100\n',
      '/sys/fs/cgroup/a/pids.current': '40\n',
    };
    const { tasks } = readMachineLimits(machine(files));
    expect(tasks).toEqual({ name: 'pids.max', limit: 100, used: 40 });
    expect(tasks && leftOf(tasks)).toBe(60);
    const roomy = { ...files, '/sys/fs/cgroup/a/pids.max': '1000\n' };
    expect(readMachineLimits(machine(roomy)).tasks).toEqual({
      ...{ name: 'threads-max', limit: 900, used: 300 },
    });
    // Version 1 has a tree for each controller, and in a container the path may be that of the machine.
    const old = {
      ...roomy,
      '/proc/self/cgroup':
        '8:pids:/docker/x\n4:cpu,memory:/docker/x\n0::/\nnonsense\n1:pids:/../y\n',
      '/sys/fs/cgroup/pids/pids.max': '50\n',
      '/sys/fs/cgroup/pids/pids.current': '60\n',
    };
    const over = readMachineLimits(machine(old)).tasks;
    expect(over).toEqual({ name: 'pids.max', limit: 50, used: 60 });
    expect(over && leftOf(over)).toBe(0);
  });

  test('[I7.4] memory: what the machine can give, unless the cgroup has less; its page cache can be had', () => {
    const files = {
      '/proc/self/limits': limits('1024'),
      '/proc/meminfo': 'MemTotal: 9000 kB\nMemAvailable:    2048 kB\n',
    };
    expect(readMachineLimits(machine(files)).memory).toEqual({
      ...{ name: 'MemAvailable', bytes: 2 * mega },
    });
    const v2 = {
      ...files,
      '/proc/self/cgroup': '0::/a\n',
      '/sys/fs/cgroup/a/memory.max': `${String(5 * mega)}\n`,
      '/sys/fs/cgroup/a/memory.current': `${String(4.5 * mega)}\n`,
      '/sys/fs/cgroup/a/memory.stat': `file 1\ninactive_file ${String(mega)}\n`,
    };
    expect(readMachineLimits(machine(v2)).memory).toEqual({
      ...{ name: 'memory.max', bytes: 1.5 * mega },
    });
    const v1 = {
      ...files,
      '/proc/self/cgroup': '4:memory:/a\n',
      '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '9223372036854771712\n',
      '/sys/fs/cgroup/memory/a/memory.usage_in_bytes': '1000\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${String(mega)}\n`,
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${String(2 * mega)}\n`,
      '/sys/fs/cgroup/memory/memory.stat': `inactive_file 7\ntotal_inactive_file 1000\n`,
    };
    expect(readMachineLimits(machine(v1)).memory).toEqual({ name: 'memory.max', bytes: 0 });
  });

  test('[I7.4] without /proc: what Node knows of descriptors, and the memory that is free', () => {
    const userLimits = () => ({ open_files: { soft: 256, hard: 'unlimited' } });
    expect(readMachineLimits(machine({}, { userLimits, open: 21 }))).toEqual({
      descriptors: { name: 'RLIMIT_NOFILE', limit: 256, used: 20 },
      tasks: undefined,
      memory: { name: 'freemem', bytes: 700 * mega },
    });
    expect(readMachineLimits(machine({})).descriptors).toBeUndefined();
  });

  test('[I7.4] this machine tells them', () => {
    const { descriptors, tasks, memory } = readMachineLimits();
    expect(descriptors?.used).toBeGreaterThan(5);
    expect(descriptors?.used).toBeLessThanOrEqual(readdirSync('/proc/self/fd').length + 5);
    expect(tasks && leftOf(tasks)).toBeGreaterThan(0);
    expect(memory?.bytes).toBeGreaterThan(mega);
  });
});
