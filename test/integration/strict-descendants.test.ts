import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import {
  errorOf,
  forks,
  isAlive,
  osPidOf,
  SnakepitBench,
  until,
  type BenchPool,
} from '../fixtures/snakepit-bench.ts';

// A whole Snakepit whose workers are behind launchers: nothing of it may be noticed, but for what is left at an end.

jest.setTimeout(120_000);

const PYTHON = join(import.meta.dirname, '../../.venv/bin/python');

let bench: SnakepitBench;
const logged: string[] = [];
beforeEach(() => {
  bench = new SnakepitBench();
  logged.length = 0;
});
afterEach(() => bench.close());

/** An interpreter that runs no launcher of these kinds. */
function pythonWithout(...kinds: readonly string[]): string {
  const path = bench.path('python');
  const cases = kinds.map(
    (kind) => `*"launcher.py ${kind}"*) echo "snakepit: ${kind}: no" >&2; exit 71 ;;`,
  );
  writeFileSync(path, `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\nesac\nexec ${PYTHON} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

function startStrict(pool: BenchPool = {}): Promise<Snakepit> {
  const { logger } = bench;
  const info = (text: string): void => void logged.push(text);
  return bench.start({ descendants: 'strict', ...pool }, { logger: { ...logger, info } });
}

/** One that holds descendants by a subreaper, whatever the kernel allows. */
function startUnderSubreaper(pool: BenchPool = {}): Promise<Snakepit> {
  return startStrict({ python: pythonWithout('pidNamespace'), ...pool });
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** The child of ours that the worker descends from. */
function launcherOf(worker: number): number {
  const parent = parentOf(worker);
  return parent === process.pid ? worker : launcherOf(parent);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
}

describe('strict descendants', () => {
  test('[I4.1] the best that is possible is chosen, shown and told', async () => {
    const snakepit = await startStrict();
    const [worker] = snakepit.workers();
    expect(['pidNamespace', 'subreaper']).toContain(worker?.containment);
    expect(logged.filter((line) => line.startsWith('pool default: descendants'))).toEqual([
      expect.stringMatching(
        /^pool default: descendants of workers are held by a (pid names|subre)/,
      ),
    ]);
    const osPid = osPidOf(snakepit);
    expect(commandOf(osPid)).toContain('-m snakepit_bridge --adapter workbench.Workbench');
    expect(commandOf(launcherOf(osPid))).toContain(`launcher.py ${String(worker?.containment)}`);
    expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
    expect(bench.reports).toEqual([]);
  });

  test('[I4.1] without pid namespaces it is a subreaper, and the reason is told', async () => {
    const snakepit = await startUnderSubreaper();
    expect(snakepit.workers()).toMatchObject([{ containment: 'subreaper' }]);
    const told = new Promise((resolve) => {
      snakepit.system.telemetry.on('snakepit.worker.started', (_, metadata) => {
        resolve(metadata.configuration.containment);
      });
    });
    expect(logged).toContain(
      'pool default: descendants of workers are held by a subreaper (pidNamespace: no)',
    );
    expect(await snakepit.execute('pid')).toBe(osPidOf(snakepit));
    await snakepit.restartWorker('default_worker_1');
    expect(await told).toBe('subreaper');
  });

  test('[I4.1] where neither is possible the start fails, with both reasons and what to do', async () => {
    const python = pythonWithout('pidNamespace', 'subreaper');
    const error = await errorOf(startStrict({ python }));
    expect(error).toMatchObject({
      code: 'ENVIRONMENT',
      message: expect.stringContaining(
        `descendants: 'strict' of pool "default" is not possible here (pidNamespace: no; subreaper: no)`,
      ),
      remedy: expect.stringContaining("descendants: 'usual'"),
    });
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.1] usually there is no launcher', async () => {
    const snakepit = await bench.start();
    expect(snakepit.workers()).toMatchObject([{ containment: 'group' }]);
    const parent = parentOf(osPidOf(snakepit));
    // A fork server is no launcher of one worker.
    expect(forks(1) ? parentOf(parent) : parent).toBe(process.pid);
  });

  describe.each([
    ['the best that is possible', startStrict],
    ['a subreaper', startUnderSubreaper],
  ])('with %s', (_, start) => {
    test('[I4.2] [R2.5] however a worker ends, that is what is told; what it started is gone', async () => {
      const snakepit = await start();
      for (const [tool, args, details] of [
        ['exit', { code: 3, last_words: 'I am leaving' }, { exitCode: 3, signal: undefined }],
        ['segfault', {}, { signal: 'SIGSEGV', exitCode: undefined }],
        ['kill', {}, { signal: 'SIGKILL', exitCode: undefined }],
      ] as const) {
        const osPid = osPidOf(snakepit);
        await snakepit.execute('child');
        await snakepit.execute('escapee');
        const before = new Set(bench.processes());
        const error = await errorOf(snakepit.execute(tool, args));
        expect(error).toMatchObject({ code: 'WORKER_CRASHED', details });
        await until(() => snakepit.workers()[0]?.osPid !== osPid, 'the worker to be gone');
        expect(bench.processes().filter((pid) => before.has(pid))).toEqual([]);
        if (tool === 'exit') expect(error.details['lastOutput']).toContain('I am leaving');
        await snakepit.awaitReady();
      }
      expect(snakepit.workers()).toMatchObject([{ restarts: 3 }]);
    });

    test.each(['nobody', 'launcher'])(
      '[R6.1] [R1.2] [I4.4] a stop lets the call in flight finish and asks the worker, though %s is stopped',
      async (stopped) => {
        const snakepit = await start();
        const terminated: unknown[] = [];
        snakepit.system.telemetry.on('snakepit.worker.terminated', (_measured, { means }) => {
          terminated.push(means);
        });
        const call = snakepit.execute('wait', { seconds: 0.5, mark: bench.path('begun') });
        await bench.marked('begun');
        if (stopped === 'launcher') process.kill(launcherOf(osPidOf(snakepit)), 'SIGSTOP');
        await snakepit.stop();
        expect(await call).toBe('done');
        expect(terminated).toEqual(['term']);
        expect(bench.leftovers()).toEqual([]);
      },
    );

    test.each(['nobody', 'worker', 'launcher'])(
      '[R6.3] [I4.4] a stop that waits for nothing kills, though %s is stopped',
      async (stopped) => {
        const snakepit = await start();
        const osPid = osPidOf(snakepit);
        await snakepit.execute('escapee');
        const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
        await bench.marked('begun');
        if (stopped === 'worker') process.kill(osPid, 'SIGSTOP');
        if (stopped === 'launcher') process.kill(launcherOf(osPid), 'SIGSTOP');
        await snakepit.stop({ timeout: 0 });
        await call;
        expect(isAlive(osPid)).toBe(false);
        expect(bench.leftovers()).toEqual([]);
      },
    );

    test('[I4.3] [R2.5] a worker that is stopped is found by its heartbeat and replaced', async () => {
      const snakepit = await start({ heartbeat: { pingInterval: 1_000 } });
      const osPid = osPidOf(snakepit);
      process.kill(osPid, 'SIGSTOP');
      await until(() => snakepit.workers()[0]?.osPid !== osPid, 'the worker to be gone');
      await snakepit.awaitReady();
      expect(isAlive(osPid)).toBe(false);
      expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
    });

    test('[I4.1] a launcher that is killed takes its worker along, and both are replaced', async () => {
      const snakepit = await start();
      const osPid = osPidOf(snakepit);
      await snakepit.execute('escapee');
      const before = new Set(bench.processes());
      const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
      await bench.marked('begun');
      process.kill(launcherOf(osPid), 'SIGKILL');
      expect(await call).toMatchObject({ code: 'WORKER_CRASHED', details: { signal: 'SIGKILL' } });
      await until(() => snakepit.workers()[0]?.osPid !== osPid, 'the worker to be gone');
      expect(bench.processes().filter((pid) => before.has(pid))).toEqual([]);
      await snakepit.awaitReady();
      expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
    });
  });
});
