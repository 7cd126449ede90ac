import { describe, expect, test } from '@jest/globals';
import { createLinux, hasEntry, parseProcStat } from './linux.ts';
import { fakeCalls, systemError } from './system-calls.fixture.ts';

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

describe('hasEntry', () => {
  const environ = Buffer.from('A=1\0SNAKEPIT_RUN_x=1\0LAST=2');

  test.each([
    ['A=1', true],
    ['SNAKEPIT_RUN_x=1', true],
    ['LAST=2', true],
    ['SNAKEPIT_RUN_x=', false],
    ['RUN_x=1', false],
    ['SNAKEPIT_RUN_x=11', false],
    ['LAST', false],
  ])('%s: %p', (entry, expected) => {
    expect(hasEntry(environ, Buffer.from(entry))).toBe(expected);
  });
});

describe('Linux', () => {
  const files = {
    '/proc/100/stat': `100 (node) S 99 90 ${NUMBERS}`,
    '/proc/7/stat': `7 (python3) S 1 7 ${NUMBERS}`,
    '/proc/7/environ': 'SNAKEPIT_RUN_x=1\0SNAKEPIT_OWNER_x=me\0',
    '/proc/8/environ': '',
    '/proc/sys/kernel/random/boot_id': 'a-boot\n',
  };
  const calls = fakeCalls({
    files,
    names: ['1', '7', '8', 'self', 'uptime'],
    links: { '/proc/self/ns/pid': 'pid:[4026531836]' },
    owners: { '/proc/7': 501, '/proc/8': 0 },
  });
  const linux = createLinux(calls);

  test('lists whom it can see, and knows its own group, boot and namespace', () => {
    expect([...linux.listProcesses()].map(({ pid }) => pid)).toEqual([7]);
    expect(linux.ownGroupId()).toBe(90);
    expect([linux.bootId(), linux.pidNamespace()]).toEqual(['a-boot', '4026531836']);
    expect([linux.isOwnedByUs(7), linux.isOwnedByUs(8), linux.isOwnedByUs(9)]).toEqual([
      ...[true, false, false],
    ]);
  });

  test('finds marks in environments, and none in an empty one', () => {
    const [found, ...others] = linux.listMarks();
    expect(others).toEqual([]);
    expect(found?.pid).toBe(7);
    expect(found?.marks.has(Buffer.from('SNAKEPIT_RUN_x=1'))).toBe(true);
    expect(found?.marks.startingWith('SNAKEPIT_OWNER_')).toEqual(['SNAKEPIT_OWNER_x=me']);
    expect(found?.marks.startingWith('OTHER_')).toEqual([]);
    expect(linux.readMarks(8)).toBeUndefined();
    expect(linux.canCarry('ANY=thing')).toBe(true);
  });

  test('[R7.4] [I4.8] keeps its records and its watchdog where Linux keeps such things', () => {
    expect(linux.stateDirectory({}, '/home/me')).toBe('/home/me/.local/state/snakepit');
    expect(linux.stateDirectory({}, undefined)).toBeUndefined();
    expect(linux.watchdogCommand('/p', {})).toEqual(['sh', '/p/watchdog.sh']);
  });

  test('says nothing where /proc is not mounted', () => {
    const blind = createLinux(fakeCalls({}));
    expect([...blind.listProcesses()]).toEqual([]);
    expect([...blind.listMarks()]).toEqual([]);
    expect([blind.bootId(), blind.pidNamespace(), blind.ownGroupId()]).toEqual(['', '', undefined]);
  });

  test('[R7.1] signals by number and groups by negative number; CONT follows TERM, even when that ended it', () => {
    const made: string[] = [];
    const signals = createLinux(
      fakeCalls({
        kill: (pid, signal) => {
          made.push(`${String(pid)} ${String(signal)}`);
          if (signal === 'SIGCONT') throw systemError('ESRCH');
        },
      }),
    );
    expect(signals.signalGroup(42, 'SIGTERM')).toBe('sent');
    expect(signals.signalProcess(43, 'SIGKILL')).toBe('sent');
    expect(signals.isGroupKnown(42)).toBe(true);
    expect(made).toEqual(['-42 SIGTERM', '-42 SIGCONT', '43 SIGKILL', '-42 0']);
  });

  test.each([
    ['ESRCH', 'gone', false],
    ['EPERM', 'notPermitted', true],
  ])('%s is %s', (code, delivery, isKnown) => {
    const kill = (): never => {
      throw systemError(code);
    };
    const refusing = createLinux(fakeCalls({ kill }));
    expect(refusing.signalGroup(42, 'SIGKILL')).toBe(delivery);
    expect(refusing.signalProcess(42, 'SIGKILL')).toBe(delivery);
    expect(refusing.isGroupKnown(42)).toBe(isKnown);
  });

  test('what the kernel should never say is not swallowed', () => {
    const kill = (): never => {
      throw systemError('EINVAL');
    };
    expect(() => createLinux(fakeCalls({ kill })).signalProcess(42, 'SIGKILL')).toThrow('EINVAL');
  });
});
