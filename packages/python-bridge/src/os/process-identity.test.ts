import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { until } from '../../../../test/fixtures/processes/census.mjs';
import { platformNamed } from './platform/current.ts';
import {
  currentIdentity,
  identityOf,
  isDeadState,
  isRunning,
  isSameProcess,
  readBootId,
  readPidNamespace,
  readProcessState,
  readProcessStat,
  readStartTime,
} from './process-identity.ts';

describe('readProcessStat', () => {
  test('knows this process, by /proc and by ps alike', () => {
    const native = readProcessStat(process.pid);
    const portable = readProcessStat(process.pid, platformNamed('darwin'));
    expect(native?.pid).toBe(process.pid);
    expect(native?.parentPid).toBe(process.ppid);
    expect(portable).toMatchObject({
      pid: process.pid,
      parentPid: process.ppid,
      groupId: native?.groupId,
    });
    expect(portable?.startTime).toMatch(/\d{4}$/u);
  });

  test.each([0, -1, 1.5, Number.NaN])('there is no process %p', (pid) => {
    expect(readProcessStat(pid)).toBeUndefined();
  });
});

describe('identity', () => {
  test('of this process is stable, and another start time is another process', () => {
    const identity = currentIdentity();
    expect(currentIdentity()).toEqual(identity);
    expect(isRunning(identity)).toBe(true);
    expect(identity.startTime).toBe(readStartTime(process.pid));
    expect(isSameProcess({ ...identity, startTime: '1' })).toBe(false);
    expect(isSameProcess({ ...identity, bootId: 'another boot' })).toBe(false);
    expect(isSameProcess({ ...identity, pidNamespace: 'another container' })).toBe(false);
  });

  test('of a stopped process still runs, of a zombie does not, of a reaped one is nobody', async () => {
    // sh becomes a sleep that never reaps the child sh had started: a zombie at will.
    const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      // Until then it is still sh, which would reap.
      const name = `/proc/${String(parent.pid)}/comm`;
      await until(() => readFileSync(name, 'utf8') === 'sleep\n', 'a sleep as the parent');
      const identity = identityOf(pid);
      if (identity === undefined) throw new Error('the child is not there');
      process.kill(pid, 'SIGSTOP');
      await until(() => readProcessState(pid) === 'T', 'stopped');
      expect(isRunning(identity)).toBe(true);
      process.kill(pid, 'SIGKILL');
      await until(() => isDeadState(readProcessState(pid) ?? ''), 'a zombie');
      expect(isRunning(identity)).toBe(false);
      expect(isSameProcess(identity)).toBe(true);
      const gone = identityOf(parent.pid ?? 0);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      expect(gone === undefined || isSameProcess(gone)).toBe(false);
    } finally {
      if (parent.exitCode === null && parent.signalCode === null) {
        process.kill(-(parent.pid ?? 0), 'SIGKILL');
      }
    }
  });

  test('says nothing of boots and namespaces where there are none', () => {
    expect(readBootId()).not.toBe('');
    expect(readPidNamespace()).toMatch(/^\d+$/u);
    expect(readBootId(platformNamed('win32'))).toBe('');
    expect(readBootId(platformNamed('darwin'))).toBe('');
    expect(readPidNamespace(platformNamed('darwin'))).toBe('');
  });
});
