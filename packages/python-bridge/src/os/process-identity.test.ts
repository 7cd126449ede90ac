import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { until } from '../../../../test/fixtures/processes/census.mjs';
import {
  currentIdentity,
  identityOf,
  isDeadState,
  isRunning,
  isSameProcess,
  parseProcStat,
  parsePsLine,
  readBootId,
  readPidNamespace,
  readProcessState,
  readProcessStat,
  readStartTime,
} from './process-identity.ts';

const NUMBERS = Array.from({ length: 40 }, (_, index) => String(index + 100)).join(' ');

describe('parseProcStat', () => {
  test('reads after the last bracket, whatever the process calls itself', () => {
    expect(parseProcStat(`42 () S 1 (x y) R 7 9 ${NUMBERS}`)).toEqual({
      pid: 42,
      state: 'R',
      parentPid: 7,
      groupId: 9,
      startTime: '116',
    });
  });

  test.each(['', 'nonsense', '42 (a', '42 (a) S 1 2', '42 (a) 17 1 2'])('rejects %j', (text) => {
    expect(parseProcStat(text)).toBeUndefined();
  });
});

describe('parsePsLine', () => {
  test('reads number, parent, group, state and start', () => {
    expect(parsePsLine('  42     1    42 Ss   Sat Nov 22  03:54:01 2026')).toEqual({
      pid: 42,
      state: 'S',
      parentPid: 1,
      groupId: 42,
      startTime: 'Sat Nov 22 03:54:01 2026',
    });
  });

  test.each(['', 'PID PPID', '42 1 42', '42 1 42 S'])('rejects %j', (line) => {
    expect(parsePsLine(line)).toBeUndefined();
  });
});

describe('readProcessStat', () => {
  test('knows this process, by /proc and by ps alike', () => {
    const native = readProcessStat(process.pid);
    const portable = readProcessStat(process.pid, 'darwin');
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
    expect(readBootId('win32')).toBe('');
    expect(readBootId('darwin')).toBe('');
    expect(readPidNamespace('darwin')).toBe('');
  });
});
