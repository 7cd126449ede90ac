import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { createGroupMemory } from './group-memory.ts';
import { currentPlatform } from './platform/current.ts';
import { createLinux } from './platform/linux.ts';
import { fakeCalls } from './platform/system-calls.fixture.ts';
import { createWin32 } from './platform/win32.ts';

const MIB = 1024 * 1024;

function stat(pid: number, groupId: number): string {
  return `${pid} (python) S 1 ${groupId} ${Array.from({ length: 16 }, () => 0).join(' ')} 77 0\n`;
}

function status(mib: number): string {
  return `Name:\tpython\nVmPeak:\t  999999 kB\nVmRSS:\t  ${mib * 1024} kB\n`;
}

const files = {
  [`/proc/${process.pid}/stat`]: stat(process.pid, 1),
  '/proc/20/stat': stat(20, 20),
  '/proc/21/stat': stat(21, 20),
  '/proc/30/stat': stat(30, 30),
  '/proc/40/stat': stat(40, 40).replace(' S ', ' Z '),
  '/proc/20/status': status(100),
  '/proc/21/status': status(90),
  '/proc/30/status': status(300),
  '/proc/20/smaps_rollup': `Rss:  102400 kB\nPss:  61440 kB\nPss_Anon: 1 kB\n`,
  '/proc/21/smaps_rollup': `Rss:  92160 kB\nPss:  51200 kB\n`,
};
const names = [String(process.pid), '20', '21', '30', '40', 'self'];

describe('measure', () => {
  test('[I5.8] adds up the processes of each group, and leaves out those that are gone', async () => {
    const memory = createGroupMemory(createLinux(fakeCalls({ files, names })));
    expect(await memory.measure([20, 30, 40, 50], 1000 * MIB)).toEqual(
      new Map([
        [20, 190 * MIB],
        [30, 300 * MIB],
      ]),
    );
  });

  test('[I5.8] what forked processes share counts once when the limit seems to be exceeded', async () => {
    const memory = createGroupMemory(createLinux(fakeCalls({ files, names })));
    expect(await memory.measure([20, 30], 150 * MIB)).toEqual(
      new Map([
        [20, 110 * MIB],
        [30, 300 * MIB],
      ]),
    );
    const others = { ...files, '/proc/21/smaps_rollup': '' };
    const blind = createGroupMemory(createLinux(fakeCalls({ files: others, names })));
    expect((await blind.measure([20], 150 * MIB))?.get(20)).toBe(190 * MIB);
  });

  test('[I5.8] who cannot see himself has measured nothing', async () => {
    const memory = createGroupMemory(createLinux(fakeCalls({})));
    expect(await memory.measure([20], MIB)).toBeUndefined();
  });

  test('[I5.8] Windows tells working sets', () => {
    const win32 = createWin32(
      fakeCalls({ run: (command) => (command.includes('-Id 7,8') ? '7 4096\r\n' : '') }),
    );
    expect([...win32.readMemory([7, 8])]).toEqual([{ pid: 7, residentBytes: 4096 }]);
    expect([[...win32.readMemory([])], win32.readMemoryShare(7)]).toEqual([[], undefined]);
  });

  test('[I5.8] a real group: parent and child together', async () => {
    const hoard =
      'const hoard = Buffer.alloc(64 * 1024 * 1024, 1); setInterval(() => hoard, 1000);';
    // First its own: its child may be ready at once.
    const program = `
      ${hoard}
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', ${JSON.stringify(`${hoard} console.log('ready')`)}], { stdio: 'inherit' });`;
    const parent = spawn(process.execPath, ['-e', program], {
      ...currentPlatform.spawnOptions,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const groupId = parent.pid ?? 0;
    try {
      await once(parent.stdout, 'data');
      const bytes = (await createGroupMemory().measure([groupId], 1))?.get(groupId) ?? 0;
      expect(bytes).toBeGreaterThan(128 * MIB);
      expect(bytes).toBeLessThan(512 * MIB);
    } finally {
      const exited = once(parent, 'exit');
      currentPlatform.signalGroup(groupId, 'SIGKILL');
      await exited;
    }
  });
});
