import { describe, expect, test } from '@jest/globals';
import { exitError, fakeCalls, systemError, type RecordedCalls } from './system-calls.fixture.ts';
import { createWin32 } from './win32.ts';

// As Windows PowerShell prints them, with its line ends; FILETIME counts tenths of microseconds since 1601.
const TIMES = '100 134082345678901234\r\n4711 134082345999000001\r\n';
const SYSTEM32 = 'D:\\Windows\\System32';
const TASKKILL = `${SYSTEM32}\\taskkill.exe`;

function calls(parts: {
  readonly taskkill?: () => string;
  readonly kill?: (pid: number, signal: string | 0) => void;
}): RecordedCalls {
  return fakeCalls({
    env: { SystemRoot: 'D:\\Windows' },
    run: (command) => {
      if (command.startsWith(TASKKILL)) return parts.taskkill?.() ?? 'SUCCESS: …\r\n';
      const pid = /Get-Process -Id (\d+) /u.exec(command)?.[1];
      return TIMES.split('\n')
        .filter((line) => pid === undefined || line.startsWith(`${pid} `))
        .join('\n');
    },
    kill:
      parts.kill ??
      ((pid) => {
        if (pid !== 100 && pid !== 4711) throw systemError('ESRCH');
      }),
  });
}

describe('Windows', () => {
  test('[R7.3] reads creation times by PowerShell, with its whole path and no shell', () => {
    const made = calls({});
    const windows = createWin32(made);
    expect(windows.readStat(4711)).toEqual({
      pid: 4711,
      state: 'R',
      parentPid: 0,
      groupId: 4711,
      startTime: '134082345999000001',
    });
    expect(made.made[1]).toMatch(
      /^D:\\Windows\\System32\\WindowsPowerShell\\v1\.0\\powershell\.exe -NoLogo -NoProfile -NonInteractive -Command Get-Process -Id 4711 /u,
    );
    expect(windows.readStat(100)?.parentPid).toBe(99);
    expect([...windows.listProcesses()].map(({ pid }) => pid)).toEqual([100, 4711]);
  });

  test('asks nobody slow about a process that is not there', () => {
    const made = calls({});
    expect(createWin32(made).readStat(5)).toBeUndefined();
    expect(made.made).toEqual(['kill 5 0']);
  });

  test('[R7.3] ends a process with its tree by taskkill', () => {
    const made = calls({});
    const windows = createWin32(made);
    expect(windows.signalGroup(4711, 'SIGKILL')).toBe('sent');
    expect(windows.signalProcess(4711, 'SIGKILL')).toBe('sent');
    const command = `${TASKKILL} /PID 4711 /T /F`;
    expect(made.made).toEqual([command, command]);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGSTOP', 'SIGCONT'] as const)('has no %s', (signal) => {
    const made = calls({});
    expect(createWin32(made).signalGroup(4711, signal)).toBe('unsupported');
    expect(made.made).toEqual([]);
  });

  test('taskkill that finds nobody says so with 128', () => {
    const taskkill = (): never => {
      throw exitError(128);
    };
    const made = calls({ taskkill });
    expect(createWin32(made).signalGroup(4711, 'SIGKILL')).toBe('gone');
    expect(made.made).toHaveLength(1);
  });

  test.each([
    ['is missing', systemError('ENOENT'), undefined, 'sent'],
    ['cannot end a child', exitError(255), undefined, 'sent'],
    ['is refused', exitError(1), systemError('EPERM'), 'notPermitted'],
    ['comes too late', exitError(1), systemError('ESRCH'), 'gone'],
  ])('[R10.3] when taskkill %s, Node ends the process itself', (_how, failure, refusal, result) => {
    const made = calls({
      taskkill: () => {
        throw failure;
      },
      kill: () => {
        if (refusal !== undefined) throw refusal;
      },
    });
    expect(createWin32(made).signalGroup(4711, 'SIGKILL')).toBe(result);
    expect(made.made.at(-1)).toBe('kill 4711 SIGKILL');
  });

  test('has neither groups nor sockets nor marks, and asks by message', () => {
    const windows = createWin32(calls({}));
    expect(windows).toMatchObject({
      hasGroups: false,
      sockets: undefined,
      gracefulAsk: 'message',
      spawnOptions: { detached: false, windowsHide: true },
    });
    expect([windows.bootId(), windows.pidNamespace(), windows.ownGroupId()]).toEqual([
      ...['', '', undefined],
    ]);
    expect([windows.canCarry('SNAKEPIT_RUN_x=1'), windows.readMarks(4711)]).toEqual([
      ...[false, undefined],
    ]);
    expect([...windows.listMarks()]).toEqual([]);
    expect([windows.isOwnedByUs(4711), windows.isGroupKnown(5)]).toEqual([true, false]);
  });

  test('[R7.4] [I4.8] keeps its records and its watchdog where Windows keeps such things', () => {
    const windows = createWin32(calls({}));
    expect(windows.stateDirectory({ LOCALAPPDATA: '/local' }, '/home')).toBe('/local/snakepit');
    expect(windows.stateDirectory({ LOCALAPPDATA: '' }, '/home')).toBeUndefined();
    expect(windows.watchdogCommand('p', {})).toEqual([
      ...[`${SYSTEM32}\\cmd.exe`, '/d', '/c', 'p/watchdog.bat'],
    ]);
    expect(windows.watchdogCommand('p', { ComSpec: 'E:\\cmd.exe' })[0]).toBe('E:\\cmd.exe');
  });

  test('without PowerShell nobody can be told apart', () => {
    const windows = createWin32(fakeCalls({}));
    expect(windows.readStat(4711)).toBeUndefined();
    expect([...windows.listProcesses()]).toEqual([]);
    expect(windows.identityRemedy).toContain('C:\\Windows\\System32\\WindowsPowerShell');
  });
});
