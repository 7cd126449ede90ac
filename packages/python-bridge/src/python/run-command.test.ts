import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isDeadState, readProcessStat } from '../os/process-identity.ts';
import { runCommand } from './run-command.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-command-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function lives(pid: number): boolean {
  const stat = readProcessStat(pid);
  return stat !== undefined && !isDeadState(stat.state);
}

// Starts a program that holds its output open, tells its pid, and waits for it.
const parent = (pidFile: string): readonly string[] => [
  '-c',
  `sleep 1000 & echo $! > '${pidFile}'; echo started; wait`,
];

describe('runCommand', () => {
  test('[I2.10] an abort ends what the program has started too', async () => {
    const pidFile = join(directory, 'pid');
    const controller = new AbortController();
    const result = await runCommand('/bin/sh', parent(pidFile), {
      signal: controller.signal,
      onLine: () => controller.abort(),
    });
    expect(result).toMatchObject({ code: null, failure: 'it was ended by SIGKILL' });
    expect(lives(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  test('so does the end of its time', async () => {
    const pidFile = join(directory, 'pid');
    const result = await runCommand('/bin/sh', parent(pidFile), { timeoutMs: 2_000 });
    expect(result).toMatchObject({ code: null, failure: 'it was ended by SIGKILL' });
    expect(lives(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  test('[I2.10] what it leaves behind in its group is ended, and does not keep us waiting', async () => {
    const pidFile = join(directory, 'pid');
    const leaver = `sleep 1000 & echo $! > '${pidFile}'; echo done`;
    const result = await runCommand('/bin/sh', ['-c', leaver]);
    expect(result).toMatchObject({ code: 0, lastLine: 'done', failure: undefined });
    expect(lives(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  test('a daemon that holds its output does not keep us waiting', async () => {
    const pidFile = join(directory, 'pid');
    const daemon = `setsid sh -c 'echo $$ > "${pidFile}.new"; mv "${pidFile}.new" "${pidFile}"; exec sleep 1000' & while ! [ -e '${pidFile}' ]; do sleep 0.01; done; echo done`;
    try {
      expect(await runCommand('/bin/sh', ['-c', daemon])).toMatchObject({ code: 0 });
    } finally {
      process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
    }
  });

  test('of endless output the end is kept, and of an endless line the beginning', async () => {
    const heard = { lines: 0, longest: 0 };
    const result = await runCommand(
      '/bin/sh',
      [
        '-c',
        'yes | head -n 100000; yes xxxxxxxxx | tr -d "\\n" | head -c 20000000; echo; echo last',
      ],
      {
        onLine: (line) => {
          heard.lines += 1;
          heard.longest = Math.max(heard.longest, line.length);
        },
      },
    );
    expect(result).toMatchObject({ code: 0, lastLine: 'last' });
    expect(result.tail).toHaveLength(40);
    expect(heard).toEqual({ lines: 100_002, longest: 1024 * 1024 });
  });

  test('asked to, it gives the program a lifeline and says which descriptor that is', async () => {
    const script = 'readlink /proc/self/fd/$SNAKEPIT_LIFELINE_FD';
    const withOne = await runCommand('/bin/sh', ['-c', script], { lifeline: true });
    expect(withOne.lastLine).toMatch(/^socket:/);
    expect((await runCommand('/bin/sh', ['-c', script])).code).not.toBe(0);
  });

  test('nothing is started once it is aborted', async () => {
    const result = await runCommand('/bin/sh', ['-c', 'echo ran'], { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ code: null, lastLine: '' });
  });

  test('a program that is not there is a failure, not a rejection', async () => {
    const result = await runCommand(join(directory, 'none'), []);
    expect(result.failure).toContain('ENOENT');
    const env = { HUGE: 'x'.repeat(8_000_000) };
    expect((await runCommand('/bin/sh', ['-c', 'true'], { env })).failure).toContain('E2BIG');
  });
});
