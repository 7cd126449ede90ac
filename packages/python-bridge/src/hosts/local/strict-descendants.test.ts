import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import { carriers, isAlive, until } from '../../../../../test/fixtures/processes/census.mjs';
import {
  failureOf,
  openBench,
  type Bench,
} from '../../../../../test/fixtures/processes/host-bench.mjs';
import { findBridgeFiles } from '../../bridge/bridge-files.ts';
import type { WorkerSpec } from '../worker-host.ts';
import {
  createContainmentProber,
  describeContainment,
  requireContainment,
  type ContainmentProbe,
} from './strict-descendants.ts';

jest.setTimeout(60_000);

const { pythonDir } = findBridgeFiles();
const never = new AbortController().signal;

let directory: string;
let bench: Bench;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strict-'));
  bench = openBench();
});
afterEach(async () => {
  await bench.close();
  rmSync(directory, { recursive: true });
});

/** An interpreter that writes down each time it is run, and then does what the script says. */
function scripted(script: string): string {
  const path = join(directory, 'python');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A worker behind a launcher with a subreaper. */
function contained(name: string, ...args: string[]): WorkerSpec {
  return { ...bench.spec(name, ...args), bridgePath: pythonDir, containment: 'subreaper' };
}

describe('createContainmentProber', () => {
  test('tells the best, and why not a better one', async () => {
    const refusing = scripted(
      'case "$*" in *"launcher.py pidNamespace"*) echo "snakepit: pidNamespace: not here" >&2; exit 71;; esac\nexec python3 "$@"',
    );
    expect(await createContainmentProber(pythonDir)(refusing)).toEqual({
      best: 'subreaper',
      refusals: ['pidNamespace: not here'],
    });
  });

  test('tries an interpreter once, however many ask', async () => {
    const log = join(directory, 'log');
    const prober = createContainmentProber(pythonDir);
    const python = scripted(`echo "$4" >> ${log}`);
    const probes = await Promise.all([prober(python), prober(python)]);
    probes.push(await prober(python));
    expect(new Set(probes).size).toBe(1);
    expect(readFileSync(log, 'utf8')).toBe('pidNamespace\n');
  });

  test('[I4.1] an interpreter that says nothing, or is not there, is told by how it ended', async () => {
    const prober = createContainmentProber(pythonDir);
    const { best, refusals } = await prober(scripted('exit 9'));
    expect([best, ...refusals]).toEqual([
      undefined,
      'pidNamespace: exit code 9',
      'subreaper: exit code 9',
    ]);
    expect(await prober('/nowhere/python')).toMatchObject({
      best: undefined,
      refusals: [expect.stringContaining('ENOENT'), expect.stringContaining('ENOENT')],
    });
  });
});

describe('what users read', () => {
  const probes: readonly (readonly [string, ContainmentProbe])[] = [
    ['are held by a pid namespace', { best: 'pidNamespace', refusals: [] }],
    [
      'are held by a subreaper (pidNamespace: no)',
      { best: 'subreaper', refusals: ['pidNamespace: no'] },
    ],
    ['cannot be held (a; b)', { best: undefined, refusals: ['a', 'b'] }],
  ];

  test.each(probes)('descendants of workers %s', (text, probe) => {
    expect(describeContainment(probe)).toBe(`descendants of workers ${text}`);
  });

  test('[I4.1] insisting on what is not possible names pool, reasons and remedy', () => {
    const insist = (): unknown =>
      requireContainment('models', { best: undefined, refusals: ['they need Linux'] });
    expect(insist).toThrow(
      /descendants: 'strict' of pool "models" is not possible here \(they need Linux\)/,
    );
    try {
      insist();
    } catch (error) {
      expect(isSnakepitError(error) && error.code).toBe('ENVIRONMENT');
    }
  });
});

describe('a worker behind a launcher', () => {
  test('[WH-1] it exists when its start is told, under its own number', async () => {
    const host = bench.createHost();
    const worker = await host.start(contained('ready_then_idle.py'), never);
    const { pid } = await worker.ready;
    expect(worker.pid).toBe(pid);
    expect(isAlive(pid)).toBe(true);
    await worker.signal('kill');
    expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    expect(carriers(bench.token)).toEqual([]);
  });

  test('[WH-1] aborted midway, worker and launcher are gone', async () => {
    const abort = new AbortController();
    const starting = bench.createHost().start(contained('never_ready.py'), abort.signal);
    abort.abort();
    const worker = await starting;
    expect(await failureOf(worker.ready)).toMatchObject({ kind: 'aborted' });
    expect(carriers(bench.token)).toEqual([]);
    await until(() => bench.recordedWorkers().length === 0, 'record removed');
  });

  test('[WH-6] a worker that ignores SIGTERM lives until it is killed', async () => {
    const host = bench.createHost({ closeGraceMs: 300 });
    const worker = await host.start(contained('ignores_sigterm.py'), never);
    await worker.ready;
    await host.close();
    expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    expect(carriers(bench.token)).toEqual([]);
  });

  test('[I4.1] a launcher that does not end when it is told to is killed, and its worker goes with it', async () => {
    const worker = await bench.createHost().start(contained('ready_then_idle.py'), never);
    const { pid } = await worker.ready;
    const [launcher = 0] = carriers(bench.token).filter((one) => one !== pid);
    void worker.signal('kill');
    // Stopped again, after it was woken.
    const stop = setInterval(() => {
      if (isAlive(launcher)) process.kill(launcher, 'SIGSTOP');
    }, 1);
    process.kill(launcher, 'SIGSTOP');
    try {
      expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    } finally {
      clearInterval(stop);
    }
    expect(carriers(bench.token)).toEqual([]);
  });

  test('a program that is not there is told in words', async () => {
    const spec: WorkerSpec = { ...contained('x.py'), command: ['/nowhere/python'] };
    const worker = await bench.createHost().start(spec, never);
    expect(await failureOf(worker.ready)).toMatchObject({
      kind: 'exitedBeforeReady',
      exit: { kind: 'exited', code: 69 },
      failed: {
        code: 'ENVIRONMENT',
        message: 'cannot run /nowhere/python: No such file or directory',
      },
    });
  });
});
