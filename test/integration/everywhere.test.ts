import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { silentLogger } from '@snakepit/core';
import { Snakepit, type SnakepitConfig } from '@snakepit/python-bridge';
import {
  identityOf,
  isRunning,
  type ProcessIdentity,
} from '../../packages/python-bridge/src/os/process-identity.ts';
import { signalProcess } from '../../packages/python-bridge/src/os/process-killer.ts';
import { until } from '../fixtures/processes/census.mjs';

// A whole life on whatever operating system this runs, with nothing that only one of them has: the other tests of
// processes read /proc.

// PowerShell takes its time.
jest.setTimeout(180_000);

const ROOT = join(import.meta.dirname, '../..');
const PROCESSES = join(ROOT, 'test/fixtures/processes');
const PYTHON = process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python';

let stateDir: string;
let seen: ProcessIdentity[];
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'everywhere-'));
  seen = [];
});
afterEach(() => {
  for (const one of seen) signalProcess(one, 'SIGKILL');
  rmSync(stateDir, { recursive: true, force: true });
});

function config(): SnakepitConfig {
  return {
    stateDir,
    handleSignals: false,
    logger: silentLogger,
    pools: [
      {
        name: 'default',
        size: 1,
        adapter: 'workbench.Workbench',
        python: join(ROOT, '.venv', PYTHON),
        cwd: join(ROOT, 'test/fixtures/adapters'),
      },
    ],
  };
}

/** The process of a number, remembered so that it is gone after the test. */
function found(pid: unknown): ProcessIdentity {
  const identity = identityOf(Number(pid));
  if (identity === undefined) throw new Error(`there is no process ${String(pid)}`);
  seen.push(identity);
  return identity;
}

describe('everywhere', () => {
  test('[R7.5] [R11.4] a worker serves, is replaced when it dies, and is gone after the stop', async () => {
    const snakepit = await Snakepit.start(config());
    try {
      expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
      const first = found(await snakepit.execute('pid', {}));
      expect(signalProcess(first, 'SIGKILL')).toBe('sent');
      await until(() => !isRunning(first), 'end of the worker');
      const second = await until(async () => {
        const pid = await snakepit.execute('pid', {}).catch(() => first.pid);
        return pid === first.pid ? undefined : found(pid);
      }, 'a replacement');
      await snakepit.stop();
      expect(isRunning(second)).toBe(false);
    } finally {
      await snakepit.stop({ timeout: 0 });
    }
  });

  test('[R7.5] [R11.4] a worker is gone when its runtime is killed', async () => {
    const runtime = spawn(
      process.execPath,
      [
        ...['--conditions=@snakepit/source', '--import'],
        pathToFileURL(join(PROCESSES, 'typescript-loader.mjs')).href,
        join(PROCESSES, 'snakepit-program.mjs'),
        JSON.stringify({ config: { ...config(), logger: undefined }, call: ['pid', {}] }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], windowsHide: true },
    );
    try {
      let answer: unknown;
      createInterface({ input: runtime.stdout }).on('line', (line) => {
        const said = JSON.parse(line) as { readonly event: string; readonly value?: unknown };
        if (said.event === 'answer') answer = said.value;
      });
      const worker = found(await until(() => answer, 'the answer of a worker', 60_000));
      runtime.kill('SIGKILL');
      await until(() => !isRunning(worker), 'end of the worker', 5_000);
    } finally {
      runtime.kill('SIGKILL');
    }
  });
});
