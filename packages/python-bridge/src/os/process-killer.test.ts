import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import {
  carriers,
  createToken,
  endCarriers,
  ignoresTerm,
  isAlive,
  membersOf,
  statOf,
  until,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import { fixturePath, startProcess } from '../../../../test/fixtures/processes/host-bench.mjs';
import { platformNamed } from './platform/current.ts';
import type { Platform } from './platform/platform.ts';
import { markedProcesses } from './process-group.ts';
import { currentIdentity, identityOf, type ProcessIdentity } from './process-identity.ts';
import { signalGroup, signalProcess, terminateGroup } from './process-killer.ts';
import { createProcessScanner } from './process-scanner.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

interface Started {
  readonly child: ChildProcess;
  readonly leader: ProcessIdentity;
  readonly marker: string;
}

async function withToken(body: (token: Token) => Promise<void>): Promise<void> {
  const token = createToken();
  try {
    await body(token);
  } finally {
    await endCarriers(token);
  }
}

function start(token: Token, command: readonly [string, ...string[]]): Started {
  const { child, identity } = startProcess(token, command);
  return { child, leader: identity, marker: `${token.name}=${token.value}` };
}

const limits = { termTimeoutMs: 10_000, killTimeoutMs: 10_000, scanner: createProcessScanner() };
const FAMILY = ['sh', '-c', 'sleep 1000 & sleep 1000 & setsid sleep 1000 & wait'] as const;
/** Also the daemon has left the group: until then it has the same parent, mark and group as its brothers. */
async function grown(token: Token, { leader }: Started): Promise<void> {
  await until(
    () => carriers(token).length === 4 && membersOf(leader.pid).length === 3,
    'a family of which one has left',
  );
}
const STUBBORN = ['python3', fixturePath('outlives_everything.py'), '2'] as const;

describe('signalProcess', () => {
  test.each([0, 1, -1, 1.5, Number.NaN, process.pid, process.ppid * -1])('refuses %p', (pid) => {
    expect(signalProcess({ ...currentIdentity(), pid }, 'SIGKILL')).toBe('refused');
    expect(signalGroup({ ...currentIdentity(), pid }, 'SIGKILL')).toBe('refused');
  });

  test('refuses our own group', () => {
    const groupId = statOf(process.pid)?.groupId ?? 0;
    const leader = identityOf(groupId) ?? { ...currentIdentity(), pid: groupId };
    expect(signalGroup(leader, 'SIGCONT')).toBe('refused');
  });

  test('[R1.4] never signals a process that got the number of another one', async () => {
    await withToken(async (token) => {
      const { child, leader } = start(token, ['sleep', '1000']);
      const earlier = { ...leader, startTime: String(Number(leader.startTime) - 1) };
      expect(signalProcess(earlier, 'SIGKILL')).toBe('gone');
      expect(signalGroup(earlier, 'SIGKILL')).toBe('gone');
      expect(isAlive(leader.pid)).toBe(true);
      expect(signalProcess(leader, 'SIGKILL')).toBe('sent');
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
      expect(signalProcess(leader, 'SIGKILL')).toBe('gone');
    });
  });

  test('TERM also ends a stopped process, because CONT follows', async () => {
    await withToken(async (token) => {
      const { child, leader } = start(token, ['sleep', '1000']);
      expect(signalProcess(leader, 'SIGSTOP')).toBe('sent');
      await until(() => statOf(leader.pid)?.state === 'T', 'stopped');
      expect(signalProcess(leader, 'SIGTERM')).toBe('sent');
      expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
    });
  });
});

describe('groups and markers', () => {
  test('list members and carriers, not those that left or were told apart', async () => {
    await withToken(async (token) => {
      const family = start(token, FAMILY);
      const { leader, marker } = family;
      await grown(token, family);
      const members = (name: 'linux' | 'darwin') =>
        createProcessScanner(platformNamed(name)).membersOf([leader.pid]);
      expect(await members('linux')).toHaveLength(3);
      expect(await members('darwin')).toHaveLength(3);
      const pids = markedProcesses([marker]).map(({ pid }) => pid);
      expect(pids.sort()).toEqual(carriers(token).sort());
      expect(markedProcesses([marker, 'NAME=of nobody'])).toEqual([]);
      expect(markedProcesses([marker.slice(0, -1)])).toEqual([]);
      expect(markedProcesses([marker.slice(1)])).toEqual([]);
    });
  });

  test('a zombie that nobody reaps does not keep its group alive', async () => {
    await withToken(async (token) => {
      const program =
        'import os, sys, time\npid = os.fork()\n' +
        'if pid == 0:\n    os.setpgid(0, 0)\n    os._exit(0)\n' +
        'print(pid, flush=True)\ntime.sleep(1000)';
      const child = spawn('python3', ['-c', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, [token.name]: token.value },
      });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      await until(() => statOf(pid)?.state === 'Z', 'a zombie');
      expect(statOf(pid)?.groupId).toBe(pid);
      expect(() => process.kill(-pid, 0)).not.toThrow();
      expect(await createProcessScanner().membersOf([pid])).toEqual([]);
      const leader = identityOf(pid) ?? currentIdentity();
      const report = await terminateGroup({ ...limits, leader, marker: [] });
      expect(report).toMatchObject({ how: 'alreadyGone', isConfirmed: true });
    });
  });
});

describe('terminateGroup', () => {
  test('[R6.5] TERM ends a group with its children, and the daemon that left it is found', async () => {
    await withToken(async (token) => {
      const family = start(token, FAMILY);
      const { leader, marker } = family;
      await grown(token, family);
      const report = await terminateGroup({ ...limits, leader, marker: [marker] });
      expect(carriers(token)).toEqual([]);
      expect(report).toMatchObject({ how: 'kill', survivors: [] });
      expect(report.escaped).toHaveLength(1);
    });
  });

  test('TERM suffices where nobody left the group', async () => {
    await withToken(async (token) => {
      const { leader, marker } = start(token, ['sleep', '1000']);
      const report = await terminateGroup({ ...limits, leader, marker: [marker] });
      expect(report).toMatchObject({ how: 'term', escaped: [], survivors: [] });
      expect(isAlive(leader.pid)).toBe(false);
    });
  });

  test('[R10.4] [R6.3] KILL follows when TERM is ignored', async () => {
    await withToken(async (token) => {
      const { child, leader, marker } = start(token, STUBBORN);
      const exited = once(child, 'exit');
      await until(() => carriers(token).filter(ignoresTerm).length === 3, 'three that ignore TERM');
      const report = await terminateGroup({
        ...limits,
        leader,
        marker: [marker],
        termTimeoutMs: 50,
      });
      expect(report).toMatchObject({ how: 'kill', survivors: [] });
      expect(carriers(token)).toEqual([]);
      expect(await exited).toEqual([null, 'SIGKILL']);
    });
  });

  test('says so when nothing was left', async () => {
    await withToken(async (token) => {
      const { child, leader, marker } = start(token, ['true']);
      await once(child, 'exit');
      const report = await terminateGroup({ ...limits, leader, marker: [marker] });
      expect(report).toMatchObject({ how: 'alreadyGone', escaped: [], survivors: [] });
    });
  });
});

describe('delivery', () => {
  const stat = { pid: 42, state: 'S', parentPid: 1, groupId: 42, startTime: '7' };
  const leader = { bootId: '', pidNamespace: '', pid: 42, startTime: '7' };

  /** A platform on which nothing is real: it remembers what it was asked and answers as told. */
  function pretend(parts: Partial<Platform>): { platform: Platform; asked: string[] } {
    const asked: string[] = [];
    const { readStat = () => stat, signalProcess: toProcess, signalGroup: toGroup } = parts;
    const platform: Platform = {
      ...platformNamed('linux'),
      ...parts,
      bootId: () => '',
      pidNamespace: () => '',
      ownGroupId: () => 1,
      readStat: (pid) => {
        asked.push(`read ${pid}`);
        return readStat(pid);
      },
      signalProcess: (pid, signal) => {
        asked.push(`${signal} ${pid}`);
        return toProcess?.(pid, signal) ?? 'sent';
      },
      signalGroup: (groupId, signal) => {
        asked.push(`${signal} group ${groupId}`);
        return toGroup?.(groupId, signal) ?? 'sent';
      },
    };
    return { platform, asked };
  }

  test('[I4.5] looks who it is right before every signal', () => {
    const { platform, asked } = pretend({});
    signalProcess(leader, 'SIGKILL', platform);
    signalGroup(leader, 'SIGTERM', platform);
    expect(asked).toEqual(['read 42', 'SIGKILL 42', 'read 42', 'SIGTERM group 42']);
  });

  test('[I4.5] sends nothing to the next owner of the number', () => {
    const { platform, asked } = pretend({ readStat: () => ({ ...stat, startTime: '8' }) });
    expect(signalProcess(leader, 'SIGKILL', platform)).toBe('gone');
    expect(signalGroup(leader, 'SIGKILL', platform)).toBe('gone');
    expect(asked.filter((line) => line.startsWith('SIG'))).toEqual([]);
  });

  test.each(['notPermitted', 'unsupported'] as const)(
    '[R10.4] a TERM that is %s is followed by KILL, after another look',
    (delivery) => {
      const refuse = (_target: number, signal: string): 'sent' | typeof delivery =>
        signal === 'SIGTERM' ? delivery : 'sent';
      const { platform, asked } = pretend({ signalProcess: refuse, signalGroup: refuse });
      expect(signalProcess(leader, 'SIGTERM', platform)).toBe('sent');
      expect(signalGroup(leader, 'SIGTERM', platform)).toBe('sent');
      expect(asked).toEqual([
        ...['read 42', 'SIGTERM 42', 'read 42', 'SIGKILL 42'],
        ...['read 42', 'SIGTERM group 42', 'read 42', 'SIGKILL group 42'],
      ]);
    },
  );

  test('what may not be signalled at all is reported, and waited for no longer than KILL takes', async () => {
    const { platform } = pretend({
      listProcesses: () => [stat],
      isGroupKnown: () => true,
      signalGroup: () => 'notPermitted',
    });
    const report = await terminateGroup({
      ...limits,
      scanner: createProcessScanner(platform),
      leader,
      marker: [],
      platform,
      termTimeoutMs: 600_000,
      killTimeoutMs: 20,
    });
    expect(report).toMatchObject({ how: 'kill', survivors: [stat] });
  });

  test('[I4.5] [R1.4] a stranger who got the number of an emptied group is neither signalled nor taken for a survivor', async () => {
    let ended = false;
    const stranger = { ...stat, startTime: '8' };
    const { platform, asked } = pretend({
      // The number is in use before and after: as our group, and then as the stranger's.
      isGroupKnown: () => true,
      listProcesses: () => (ended ? [stranger, { ...stranger, pid: 43 }] : [stat]),
      readStat: () => (ended ? stranger : stat),
      signalGroup: () => {
        ended = true;
        return 'sent';
      },
    });
    const report = await terminateGroup({
      ...{ leader, marker: [], platform, scanner: createProcessScanner(platform) },
      ...{ termTimeoutMs: 0, killTimeoutMs: 500 },
    });
    expect(report).toMatchObject({ how: 'kill', survivors: [], isConfirmed: true });
    expect(asked.filter((line) => line.startsWith('SIG'))).toEqual(['SIGKILL group 42']);
  });

  test('[R6.5] [R10.3] what cannot be seen is not confirmed to be gone', async () => {
    const { platform } = pretend({
      ...{ isGroupKnown: () => true, listProcesses: () => [], listMarks: () => [] },
      // No descriptor is left: every file in /proc seems not to be there.
      readStat: () => undefined,
    });
    const report = await terminateGroup({
      ...{ leader, marker: ['NAME=1'], platform, scanner: createProcessScanner(platform) },
      ...{ termTimeoutMs: 0, killTimeoutMs: 20 },
    });
    expect(report).toMatchObject({ survivors: [], isConfirmed: false });
  });

  test('without groups a dead leader leaves nobody to signal', () => {
    const { platform, asked } = pretend({ hasGroups: false, readStat: () => undefined });
    expect(signalGroup(leader, 'SIGKILL', platform)).toBe('gone');
    expect(asked).toEqual(['read 42']);
  });

  test('[R7.3] without groups it is the leader whose end counts', async () => {
    let alive = true;
    const { platform } = pretend({
      hasGroups: false,
      // A stranger gets the number in between.
      isGroupKnown: () => true,
      listProcesses: () => [{ ...stat, startTime: '8' }],
      readStat: () => (alive ? stat : { ...stat, startTime: '8' }),
      signalGroup: (_groupId, signal) => {
        if (signal !== 'SIGKILL') return 'unsupported';
        alive = false;
        return 'sent';
      },
    });
    const report = await terminateGroup({ ...limits, leader, marker: [], platform });
    expect(report).toMatchObject({ how: 'term', survivors: [] });
  });
});
