import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type Clock,
  type Pid,
} from '@snakepit/core';
import {
  createToken,
  endCarriers,
  isAlive,
  statOf,
  until,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import { startProcess } from '../../../../test/fixtures/processes/host-bench.mjs';
import { findBridgeFiles } from '../bridge/bridge-files.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { createWatchedGroups, type WatchedGroups } from './watchdog-groups.ts';
import { platformNamed } from './platform/current.ts';
import { watchdogCommand, watchdogEnvironment } from './watchdog-process.ts';
import type { WatchdogContext, WatchdogInput } from './watchdog.machine.ts';
import { watchdog, watchdogTimes } from './watchdog.ts';

jest.setTimeout(30_000);

const MARKER = 'SNAKEPIT_RUN_unittest=1';
const identityOf = (pid: number, startTime = '1'): ProcessIdentity => ({
  ...{ bootId: '', pidNamespace: '', pid, startTime },
});

let base: string;
let token: Token;
let groups: WatchedGroups;
let system: ActorSystem;
let warnings: string[];
let events: string[];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'watchdog-'));
  token = createToken();
  groups = createWatchedGroups(new Set(['watched']));
  process.env['SNAKEPIT_WATCHDOG_LOG'] = `${base}/log`;
});
afterEach(async () => {
  delete process.env['SNAKEPIT_WATCHDOG_LOG'];
  await system.stop();
  await endCarriers(token);
  rmSync(base, { recursive: true, force: true });
});

/** Starts the process that looks after the watchdog. */
function start(options: Partial<WatchdogInput> = {}, clock?: Clock): Pid {
  warnings = [];
  events = [];
  const keep = (text: string): void => void warnings.push(text);
  const logger = { ...silentLogger, warn: keep, error: keep };
  system = createSystem({
    logger,
    longTurnMs: Infinity,
    ...(clock === undefined ? {} : { clock }),
  });
  for (const name of [
    ...(['started', 'replaced', 'died', 'unavailable', 'faulted', 'stopped'] as const),
  ]) {
    system.telemetry.on(`snakepit.watchdog.${name}`, (measured) => {
      const known = 'groups' in measured ? ` ${String(measured.groups)}` : '';
      events.push(`${name}${known}`);
    });
  }
  const command = watchdogCommand(findBridgeFiles().scriptsDir);
  const input = { ...watchdogTimes, runId: 'r', marker: MARKER, groups, command, ...options };
  return system.spawn(watchdog, input);
}

function stateOf(pid: Pid): unknown {
  return system.processInfo(pid)?.stateValue;
}

function osPidOf(pid: Pid): number | undefined {
  const { context } = (system.processInfo(pid)?.state ?? {}) as { context?: WatchdogContext };
  return context?.osPid;
}

async function guarding(pid: Pid, not?: number): Promise<number> {
  return until(
    () => {
      const osPid = osPidOf(pid);
      return stateOf(pid) === 'guarding' && osPid !== not ? osPid : undefined;
    },
    'a watchdog',
    10_000,
  );
}

/** Something that a watchdog would end. */
function startVictim(): ProcessIdentity {
  return startProcess(token, ['sleep', '1000']).identity;
}

function watch(victim: ProcessIdentity): ProcessIdentity {
  groups.add(victim, 'watched');
  return victim;
}

const log = (): string => readFileSync(`${base}/log`, 'utf8');

describe('watchdog', () => {
  test('[R4.1] [T3.2] it is started, told every group in time, and gone when it is stopped', async () => {
    const before = startVictim();
    const leader = watch(before);
    const pid = start();
    // Before the shell has even begun to read.
    const early = startVictim();
    watch(early);
    groups.add(identityOf(5_000_000), 'another pool');
    const osPid = await guarding(pid);
    groups.remove(leader);
    await until(() => log().includes('forgets'), 'everything read');
    expect(log()).toContain(`watches ${String(before.pid)} `);
    expect(log()).toContain(`watches ${String(early.pid)} `);
    expect(log()).not.toContain('5000000');
    system.exit(pid, exitReason.shutdown);
    expect(await system.awaitExit(pid)).toEqual(exitReason.shutdown);
    expect(isAlive(osPid)).toBe(false);
    expect([isAlive(before.pid), isAlive(early.pid)]).toEqual([true, true]);
    expect(events).toEqual(['started 2', 'stopped']);
    expect(log()).toContain('bye');
  });

  if (process.platform === 'linux') {
    test('[I4.7] [T3.2] it has a session of its own, no marker, no descriptor of ours', async () => {
      const osPid = await guarding(start());
      expect(statOf(osPid)).toMatchObject({ groupId: osPid });
      const stat = readFileSync(`/proc/${String(osPid)}/stat`, 'utf8');
      expect(stat.slice(stat.lastIndexOf(')')).split(' ')[4]).toBe(String(osPid));
      const environment = readFileSync(`/proc/${String(osPid)}/environ`, 'utf8').split('\0');
      expect(environment).not.toContain(MARKER);
      expect(environment).toContain(`SNAKEPIT_WATCHDOG_MARKER=${MARKER}`);
      const names = environment.map((entry) => entry.split('=')[0]).filter((name) => name !== '');
      expect(names).toEqual(
        expect.arrayContaining(['PATH', 'SNAKEPIT_WATCHDOG_LOG', 'SNAKEPIT_WATCHDOG_RUNTIME']),
      );
      // What a shell on some platform needs; the last one Node itself hands on to every child while coverage is measured.
      const allowed = /^(PATH|SystemRoot|TEMP|NODE_V8_COVERAGE|SNAKEPIT_WATCHDOG_\w+)$/;
      expect(names.filter((name = '') => !allowed.test(name))).toEqual([]);
      const openIn = (process: number): string => {
        const folder = `/proc/${String(process)}/fd`;
        const nameOf = (fd: string): string => {
          try {
            return readlinkSync(`${folder}/${fd}`);
          } catch {
            return 'closed meanwhile';
          }
        };
        // The shell keeps its script open.
        return readdirSync(folder)
          .filter((fd) => !nameOf(fd).endsWith('watchdog.sh'))
          .join();
      };
      // No more than what whoever started this process has given to everything below it.
      const { pid: victim } = startVictim();
      // Before it sleeps the victim opens its libraries, one after the other; and while the watchdog says that it is
      // ready it has turned its stderr away, and holds it by another number.
      const asleep = (): boolean => [victim, osPid].every((one) => statOf(one)?.state === 'S');
      await until(() => asleep() && openIn(osPid) === openIn(victim), 'the same to be open');
      expect(readFileSync(`/proc/${String(osPid)}/cmdline`, 'utf8')).not.toContain('unittest');
    });
  }

  test('[T3.2] [I4.7] killed, it is noticed, replaced, and told its groups again', async () => {
    // However long this takes, the second that is lost has not lived long.
    const pid = start({ settleTimeMs: 600_000 });
    const first = await guarding(pid);
    const victim = startVictim();
    watch(victim);
    const told = (times: number) =>
      until(
        () => log().split(`watches ${String(victim.pid)} `).length > times,
        `told ${String(times)} times`,
      );
    await told(1);
    process.kill(first, 'SIGKILL');
    const second = await guarding(pid, first);
    await told(2);
    expect(events).toEqual(['started 0', 'died', 'replaced 1']);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the watchdog has ended and is replaced: ended by SIGKILL \(process \d+\); if/u,
      ),
    ]);
    // The second in a row waits a moment.
    process.kill(second, 'SIGKILL');
    await until(() => stateOf(pid) === 'backingOff', 'a pause');
    const third = await guarding(pid, second);
    await told(3);
    expect([isAlive(first), isAlive(second), isAlive(third)]).toEqual([false, false, true]);
    expect(isAlive(victim.pid)).toBe(true);
  });

  test('[I4.7] one that does not read any more is replaced before its lines fill the memory', async () => {
    const pid = start();
    const first = await guarding(pid);
    process.kill(first, 'SIGSTOP');
    // Two megabytes: many times what may wait. How fast the one before dies is the kernel's business.
    for (let number = 5_000_000; osPidOf(pid) === first && number < 5_100_000; number += 1) {
      const leader = identityOf(number);
      groups.add(leader, 'watched');
      groups.remove(leader);
      if (number % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await guarding(pid, first)).not.toBe(first);
    expect(isAlive(first)).toBe(false);
  });

  test('[T3.2] where it cannot be started that is said once, and tried again after longer and longer pauses', async () => {
    const clock = createTestClock();
    const pid = start({ command: ['/no/such/shell'] }, clock);
    const failures = (wanted: number) =>
      until(
        async () => {
          await clock.advance(0);
          return events.length === wanted && stateOf(pid) === 'backingOff';
        },
        `failure ${String(wanted)}`,
      );
    await failures(1);
    for (const [index, pauseMs] of [200, 400].entries()) {
      await clock.advance(pauseMs - 1);
      expect([events.length, stateOf(pid)]).toEqual([index + 1, 'backingOff']);
      await clock.advance(1);
      await failures(index + 2);
    }
    expect(events).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('cannot be started, workers go on without: spawn /no/such/shell');
    system.exit(pid, exitReason.shutdown);
    await until(async () => {
      await clock.advance(0);
      return system.processInfo(pid) === undefined;
    }, 'the end');
  });

  test('[T3.2] one that ends at once says why, one that never reads is killed', async () => {
    const pid = start({ command: ['sh', '-c', 'echo "no good" >&2; exit 3'] });
    await until(() => warnings.length > 0, 'a failure');
    expect(warnings[0]).toContain('exit code 3; no good');
    system.exit(pid, exitReason.shutdown);
    await system.awaitExit(pid);
    await system.stop();

    const late = start({ command: ['sh', '-c', 'exec sleep 1000'], startTimeoutMs: 100 });
    await until(() => warnings.length > 0, 'a failure');
    expect(warnings[0]).toContain('it was not ready within 100 ms');
    await until(() => stateOf(late) === 'backingOff', 'it killed');
    system.exit(late, exitReason.shutdown);
    await system.awaitExit(late);
  });

  test('[T3.2] one that does not leave is killed, and that is waited for', async () => {
    const command = ['sh', '-c', 'echo ready; exec sleep 1000'] as const;
    const pid = start({ command, byeTimeoutMs: 100 });
    const osPid = await guarding(pid);
    system.exit(pid, exitReason.shutdown);
    await system.awaitExit(pid);
    expect(isAlive(osPid)).toBe(false);
    expect(events).toEqual(['started 0', 'stopped']);
  });

  test('[I4.7] what it complains of is an error of ours', async () => {
    const command = ['sh', '-c', 'echo ready; echo fault nothing works; read -r x'] as const;
    start({ command });
    await until(() => events.includes('faulted'), 'the complaint');
    expect(warnings).toEqual(['the watchdog cannot do its work here: nothing works']);
  });

  test('[I4.7] killed, the process that looks after it lets it go without harm to any worker', async () => {
    const pid = start();
    const osPid = await guarding(pid);
    const victim = startVictim();
    watch(victim);
    system.exit(pid, exitReason.kill);
    await until(() => !isAlive(osPid), 'the watchdog gone');
    expect(log()).toContain('bye');
    expect(isAlive(victim.pid)).toBe(true);
  });
});

test('[R9.2] groups of pools that did not opt in are no business of the watchdog', () => {
  const heard: string[] = [];
  groups.follow({
    added: ({ pid }) => heard.push(`+${String(pid)}`),
    removed: ({ pid }) => heard.push(`-${String(pid)}`),
  });
  groups.add(identityOf(10), 'watched');
  groups.add(identityOf(11), 'other');
  groups.remove(identityOf(11));
  // The number was given to a younger worker before the elder one was confirmed gone.
  groups.add(identityOf(12, '1'), 'watched');
  groups.add(identityOf(12, '2'), 'watched');
  groups.remove(identityOf(12, '1'));
  expect(heard).toEqual(['+10', '+12', '+12']);
  expect(groups.leaders().map(({ pid, startTime }) => [pid, startTime])).toEqual([
    [10, '1'],
    [12, '2'],
  ]);
});

test('[R7.4] each platform has its script, and no shell reads the command', () => {
  expect(watchdogCommand('/p', platformNamed('linux'))).toEqual(['sh', '/p/watchdog.sh']);
  expect(watchdogCommand('/p', platformNamed('darwin'))).toEqual(['sh', '/p/watchdog.sh']);
  const [shell, ...rest] = watchdogCommand('p', platformNamed('win32'), {
    ComSpec: 'C:\\W\\cmd.exe',
  });
  expect([shell, ...rest.slice(0, 2)]).toEqual(['C:\\W\\cmd.exe', '/d', '/c']);
  expect(rest[2]).toMatch(/watchdog\.bat$/u);
  const base = { PATH: '/bin', SECRET: 'x', SNAKEPIT_WATCHDOG_GRACE: '9', SystemRoot: 'C:\\W' };
  expect(watchdogEnvironment(MARKER, base)).toEqual({
    ...{ PATH: '/bin', SystemRoot: 'C:\\W', SNAKEPIT_WATCHDOG_GRACE: '9' },
    SNAKEPIT_WATCHDOG_MARKER: MARKER,
    SNAKEPIT_WATCHDOG_RUNTIME: String(process.pid),
  });
});
