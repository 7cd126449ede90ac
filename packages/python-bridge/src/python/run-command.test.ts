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
    const result = await runCommand('/bin/sh', parent(pidFile), { timeoutMs: 300 });
    expect(result).toMatchObject({ code: null, failure: 'it was ended by SIGKILL' });
    expect(lives(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  test('nothing is started once it is aborted', async () => {
    const result = await runCommand('/bin/sh', ['-c', 'echo ran'], { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ code: null, stdout: '' });
  });

  test('a program that is not there is a failure, not a rejection', async () => {
    const result = await runCommand(join(directory, 'none'), []);
    expect(result.failure).toContain('ENOENT');
  });
});
