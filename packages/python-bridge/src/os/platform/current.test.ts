import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import { until } from '../../../../../test/fixtures/processes/census.mjs';
import { identityOf, isRunning, isSameProcess, type ProcessIdentity } from '../process-identity.ts';
import { signalGroup, signalProcess, terminateGroup } from '../process-killer.ts';
import { createProcessScanner } from '../process-scanner.ts';
import { currentPlatform, platformNamed } from './current.ts';
import type { Platform } from './platform.ts';

// The same on every operating system, with real processes: whatever this test runs on is what it shows. Where there is
// /bin/ps, what macOS is asked by is tried too.

// PowerShell takes its time.
jest.setTimeout(120_000);

const PLATFORMS: readonly (readonly [string, Platform])[] = [
  [`this system (${process.platform})`, currentPlatform],
  ...(process.platform === 'win32' ? [] : [['ps and signals', platformNamed('freebsd')] as const]),
];
const IDLE = 'setInterval(() => undefined, 1000)';
const PARENT = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(IDLE)}], { stdio: 'ignore' });
  console.log(child.pid);
  ${IDLE}
`;

interface Family {
  readonly parent: ChildProcess;
  readonly leader: ProcessIdentity;
  readonly child: ProcessIdentity;
}

async function withFamily(
  platform: Platform,
  body: (family: Family) => Promise<void>,
): Promise<void> {
  const parent = spawn(process.execPath, ['-e', PARENT], {
    ...platform.spawnOptions,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let pid = 0;
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    pid = Number(line.toString());
    const leader = identityOf(parent.pid ?? 0, platform);
    const child = identityOf(pid, platform);
    if (leader === undefined || child === undefined) throw new Error('the family is not there');
    await body({ parent, leader, child });
  } finally {
    for (const one of [parent.pid ?? 0, pid]) {
      try {
        if (one > 1) process.kill(one, 'SIGKILL');
      } catch {
        // The test has ended it.
      }
    }
  }
}

describe.each(PLATFORMS)('%s', (_name, platform) => {
  test('knows this process and its parent, and nobody with a number that nobody has', () => {
    const own = identityOf(process.pid, platform);
    expect(own).toBeDefined();
    expect(identityOf(process.pid, platform)).toEqual(own);
    expect(platform.readStat(process.pid)?.parentPid).toBe(process.ppid);
    expect([...platform.listProcesses()].map(({ pid }) => pid)).toContain(process.pid);
    expect(platform.isOwnedByUs(process.pid)).toBe(true);
    expect(identityOf(999_999_999, platform)).toBeUndefined();
    expect(platform.signalProcess(999_999_999, 'SIGKILL')).toBe('gone');
  });

  test('[R7.5] the end of a group takes the children along, and is seen', async () => {
    await withFamily(platform, async ({ parent, leader, child }) => {
      expect(isRunning(leader, platform)).toBe(true);
      expect(isSameProcess({ ...child, startTime: `${child.startTime}0` }, platform)).toBe(false);
      const exited = once(parent, 'exit');
      expect(signalGroup(leader, 'SIGKILL', platform)).toBe('sent');
      await exited;
      await until(() => !isRunning(child, platform), 'end of the child');
      const report = await terminateGroup({
        ...{ leader, marker: [], platform, scanner: createProcessScanner(platform) },
        ...{ termTimeoutMs: 0, killTimeoutMs: 20_000 },
      });
      expect(report).toMatchObject({ survivors: [], isConfirmed: true });
    });
  });

  test('[R7.5] [R10.4] a process that is asked to end does, or is ended where it cannot be asked', async () => {
    await withFamily(platform, async ({ parent, leader, child }) => {
      const exited = once(parent, 'exit');
      expect(signalProcess(leader, 'SIGTERM', platform)).toBe('sent');
      await exited;
      if (isRunning(child, platform)) {
        expect(signalProcess(child, 'SIGKILL', platform)).toBe('sent');
      }
      await until(() => !isRunning(child, platform), 'end of the child');
    });
  });
});

test('every name of a platform has one of the three', () => {
  const names = ['linux', 'win32', 'darwin', 'freebsd', 'openbsd'] as const;
  expect(names.map((name) => platformNamed(name).name)).toEqual([
    ...['linux', 'win32', 'darwin', 'darwin', 'darwin'],
  ]);
  expect(currentPlatform.name).toBe(platformNamed(process.platform).name);
});
