import { describe, expect, test } from '@jest/globals';
import { createDarwin, isCommandOfRun, parsePsLine } from './darwin.ts';
import { exitError, fakeCalls, systemError } from './system-calls.fixture.ts';

// As /bin/ps of macOS prints them: right-aligned numbers, up to four letters of state, blanks at the end.
const STATS = `    1     0     1 Ss   Sat Nov 22 03:54:01 2026${'    '}
  100    99    90 S+   Sat Nov 22 09:00:00 2026${'    '}
 4711   100  4711 Ss   Sat Nov 22 10:14:59 2026${'    '}
 4712  4711  4711 S    Sat Nov 22 10:15:00 2026${'    '}
 4713  4711  4711 Z    Sat Nov 22 10:15:00 2026${'    '}
`;
const RUN = 'abcdefghijklmnopqrst';
const WORKER = `/venv/bin/python3 -u -m snakepit_bridge --adapter mine:Mine --snakepit-run-id ${RUN} --worker-id w1`;
const COMMANDS = `    1 /sbin/launchd
 4711 ${WORKER}
 4800 vi notes about ${RUN}
 4801 /venv/bin/python3 -m snakepit_bridge --adapter a:B --snakepit-run-id ${RUN}x --worker-id w1
`;

function ps(command: string): string {
  if (command.startsWith('/usr/sbin/sysctl -n kern.bootsessionuuid')) return 'BOOT-UUID\n';
  if (!command.startsWith('/bin/ps')) throw systemError('ENOENT');
  const pid = /-p (\d+)/u.exec(command)?.[1];
  if (command.includes('-o uid=')) return pid === '4711' ? '  501\n' : '    0\n';
  const table = command.includes('-o command=') ? COMMANDS : STATS;
  if (pid === undefined) return table;
  const line = table.split('\n').find((text) => text.trim().startsWith(`${pid} `));
  if (line === undefined) throw exitError(1);
  return `${line}\n`;
}

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

describe('macOS', () => {
  const darwin = createDarwin(fakeCalls({ run: ps }));

  test('[R7.2] reads processes, groups and the boot from ps and sysctl', () => {
    expect(darwin.readStat(4711)).toEqual({
      pid: 4711,
      state: 'S',
      parentPid: 100,
      groupId: 4711,
      startTime: 'Sat Nov 22 10:14:59 2026',
    });
    expect(darwin.readStat(5)).toBeUndefined();
    expect([...darwin.listProcesses()].map(({ pid }) => pid)).toEqual([1, 100, 4711, 4712, 4713]);
    expect([darwin.ownGroupId(), darwin.bootId(), darwin.pidNamespace()]).toEqual([
      ...[90, 'BOOT-UUID', ''],
    ]);
    expect([darwin.isOwnedByUs(4711), darwin.isOwnedByUs(1)]).toEqual([true, false]);
  });

  test('dates are asked for in one language and one time zone: identities outlive a journey', () => {
    const asked: unknown[] = [];
    const calls = fakeCalls({});
    createDarwin({
      ...calls,
      run: (_program, _args, env) => {
        asked.push(env);
        return '';
      },
    }).readStat(42);
    expect(asked).toEqual([{ LC_ALL: 'C', TZ: 'UTC' }]);
  });

  test('[R7.2] finds what belongs to a run by its command line, and no lookalike', () => {
    expect(darwin.canCarry(`SNAKEPIT_RUN_${RUN}=1`)).toBe(true);
    const entry = Buffer.from(`SNAKEPIT_RUN_${RUN}=1`);
    const found = [...darwin.listMarks()].filter(({ marks }) => marks.has(entry));
    expect(found.map(({ pid }) => pid)).toEqual([4711]);
    expect(found[0]?.marks.startingWith('SNAKEPIT_')).toEqual([]);
    expect(darwin.readMarks(4711)?.has(entry)).toBe(true);
    expect(darwin.readMarks(4800)?.has(entry)).toBe(false);
    expect(darwin.readMarks(6000)).toBeUndefined();
    // A worker's replacement has the same command line: a marker of one start cannot be looked for.
    expect(darwin.canCarry('SNAKEPIT_WORKER=default/w1/2')).toBe(false);
    expect(darwin.readMarks(4711)?.has(Buffer.from('SNAKEPIT_WORKER=default/w1/2'))).toBe(false);
  });

  test.each([
    [WORKER, true],
    [`${WORKER} -- --snakepit-run-id another`, true],
    [`grep --snakepit-run-id ${RUN}`, false],
    [`--snakepit-run-id ${RUN} snakepit_bridge`, false],
    [`python -m snakepit_bridge --snakepit-run-id=${RUN}`, false],
    ['python -m snakepit_bridge --snakepit-run-id', false],
  ])('%s: %p', (command, expected) => {
    expect(isCommandOfRun(command, RUN)).toBe(expected);
  });

  test('[R7.2] signals groups as Linux does', () => {
    const calls = fakeCalls({ run: ps });
    const signals = createDarwin(calls);
    expect(signals.signalGroup(4711, 'SIGTERM')).toBe('sent');
    expect(signals.signalProcess(4711, 'SIGKILL')).toBe('sent');
    expect(signals.isGroupKnown(4711)).toBe(true);
    expect(calls.made).toEqual([
      ...['kill -4711 SIGTERM', 'kill -4711 SIGCONT', 'kill 4711 SIGKILL', 'kill -4711 0'],
    ]);
    expect([signals.hasGroups, signals.spawnOptions.detached, signals.gracefulAsk]).toEqual([
      ...[true, true, 'signal'],
    ]);
  });

  test('[R10.3] where XNU refuses a group for its zombies, each live member is signalled', () => {
    const calls = fakeCalls({
      run: ps,
      kill: (pid) => {
        if (pid < 0) throw systemError('EPERM');
      },
    });
    expect(createDarwin(calls).signalGroup(4711, 'SIGKILL')).toBe('sent');
    expect(calls.made.filter((call) => call.startsWith('kill'))).toEqual([
      ...['kill -4711 SIGKILL', 'kill 4711 SIGKILL', 'kill 4712 SIGKILL'],
    ]);
  });

  test('a group of zombies is gone, and one of strangers is not ours', () => {
    const refusing = createDarwin(
      fakeCalls({
        run: ps,
        kill: () => {
          throw systemError('EPERM');
        },
      }),
    );
    expect(refusing.signalGroup(4713, 'SIGKILL')).toBe('gone');
    expect(refusing.signalGroup(4711, 'SIGKILL')).toBe('notPermitted');
  });

  test('[R7.4] [I4.8] keeps its records and its watchdog where macOS keeps such things', () => {
    const home = '/Users/me';
    const library = '/Users/me/Library/Application Support/snakepit';
    expect(darwin.stateDirectory({}, home)).toBe(library);
    expect(darwin.stateDirectory({}, undefined)).toBeUndefined();
    expect(darwin.watchdogCommand('/p', {})).toEqual(['sh', '/p/watchdog.sh']);
    expect(darwin.advice).toContain('watchdog');
  });

  test("[I5.8] tells the memory of those that are there, and nobody's share", () => {
    const memory = createDarwin(
      fakeCalls({
        run: (command) => {
          if (command.endsWith('-p 4711 -o rss=')) return '  2048\n';
          throw exitError(1);
        },
      }),
    );
    expect([...memory.readMemory([4711, 5])]).toEqual([{ pid: 4711, residentBytes: 2_097_152 }]);
    expect(memory.readMemoryShare(4711)).toBeUndefined();
  });

  test('says nothing where there is no ps', () => {
    const blind = createDarwin(fakeCalls({}));
    expect([blind.readStat(42), [...blind.listProcesses()], blind.bootId()]).toEqual([
      ...[undefined, [], ''],
    ]);
  });
});
