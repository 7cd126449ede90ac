import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Snakepit, type SnakepitConfig } from '@snakepit/python-bridge';
import { errorOf, forks, SnakepitBench, type BenchPool } from '../fixtures/snakepit-bench.ts';

// Each mistake that a user can make, with what it tells.

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** Starts what cannot start; nothing of it may be left. */
async function failureOf(
  pools: readonly BenchPool[],
  options: Partial<SnakepitConfig> = {},
): Promise<Awaited<ReturnType<typeof errorOf>>> {
  const error = await errorOf(bench.startAll(pools, options));
  expect(bench.leftovers()).toEqual([]);
  return error;
}

describe('adapters', () => {
  test('[I2.bad] a module that is not there', async () => {
    const error = await failureOf([{ adapter: 'no_such_module.Adapter' }]);
    expect(error.code).toBe('ADAPTER_FAILED');
    expect(error.message).toContain('"no_such_module.Adapter"');
    expect(error.message).toContain('was not found');
    expect(error.message).toContain('no_such_module');
    expect(error.message).toContain(
      'Remedy: pools[].adapter is "package.module.Class"; the module is looked up from pools[].cwd',
    );
  });

  test('[I2.bad] a class that is not there', async () => {
    const error = await failureOf([{ adapter: 'workbench.Workbensh' }]);
    expect(error.code).toBe('ADAPTER_FAILED');
    expect(error.message).toContain('was not found');
    expect(error.message).toContain('Workbensh');
  });

  test('[I2.bad] one that raises when it is imported shows its traceback', async () => {
    const error = await failureOf([{ adapter: 'raises_on_import.Broken' }]);
    expect(error.code).toBe('ADAPTER_FAILED');
    expect(error.message).toContain('raised while it was imported');
    expect(error.message).toContain('no licence file found');
    expect(error.stack).toContain('Python traceback:');
    expect(error.stack).toContain('raises_on_import.py", line 8, in <module>');
    expect(error.stack).toContain('RuntimeError: no licence file found');
  });

  test('[I2.bad] one without tools', async () => {
    const error = await failureOf([{ adapter: 'no_tools.NoTools' }]);
    expect(error.code).toBe('ADAPTER_FAILED');
    expect(error.message).toContain('is not an adapter');
    expect(error.message).toContain('give it at least one method with @tool');
  });

  test('[I2.bad] such a worker is not started again: once is enough to know', async () => {
    const env = { MOODY_ATTEMPTS: bench.path('attempts'), MOODY_FAILS: bench.path('never') };
    await failureOf([{ adapter: 'moody.Gloomy', env }]);
    // A fork server has asked once whether it is safe to be imported before.
    expect(await bench.marked('attempts')).toHaveLength(forks(1) ? 2 : 1);
  });
});

describe('Python', () => {
  test('[I2.bad] an interpreter that is not there', async () => {
    const error = await failureOf([{ python: '/nowhere/python3' }]);
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain(
      'pools[0].python names the Python interpreter "/nowhere/python3", which does not exist',
    );
    expect(error.message).toContain('Remedy: correct pools[0].python');
  });

  test('[I2.bad] an interpreter that cannot be run', async () => {
    const error = await failureOf([{ python: bench.base }]);
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain('which is not an executable file');
  });

  test('[I2.bad] an interpreter without grpcio', async () => {
    // An isolated one sees no packages, whatever this machine has.
    const python = bench.path('python');
    writeFileSync(python, '#!/bin/sh\nexec /usr/bin/env python3 -S "$@"\n');
    chmodSync(python, 0o755);
    const error = await failureOf([{ python, env: { PYTHONPATH: '' } }]);
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain('grpc');
    expect(error.message).toContain('npx snakepit setup');
  });

  test('[I2.bad] a working directory that is not there', async () => {
    const error = await failureOf([{ cwd: bench.path('nowhere') }]);
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain(`the working directory "${bench.path('nowhere')}"`);
    expect(error.message).toContain('Remedy: correct pools[].cwd');
  });
});

describe('configuration', () => {
  test.each([
    [0, 'pools[0].size is 0; it must be'],
    [-1, 'pools[0].size is -1; it must be'],
    [1.5, 'pools[0].size is 1.5; it must be'],
    ['four', 'pools[0].size is "four"; it must be'],
    [NaN, 'pools[0].size is NaN; it must be'],
  ])('[I2.bad] a pool of size %p', async (size, message) => {
    const error = await failureOf([{ size: size as number }]);
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.message).toContain(message);
    expect(error.message).toContain('nothing was started');
    expect(existsSync(bench.stateDir)).toBe(false);
  });

  test('[I2.bad] keys that nobody knows, with what may be meant', async () => {
    const error = await failureOf([{ pythonpath: [] } as BenchPool], { stateDirr: '/x' } as object);
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.message).toContain('stateDirr is not an option; did you mean "stateDir"?');
    expect(error.message).toContain(
      'pools[0].pythonpath is not an option; did you mean "pythonPath"?',
    );
  });

  test('[I2.bad] none at all', async () => {
    const error = await errorOf(Snakepit.start(undefined as never));
    expect(error.message).toContain('the configuration is undefined; it must be an object');
  });

  test('[I2.bad] a socket directory whose path is too long: a short one is taken, and it works', async () => {
    const socketDir = bench.path('s'.repeat(120));
    const notes: string[] = [];
    const logger = { ...bench.logger, info: (text: string) => void notes.push(text) };
    const snakepit = await bench.start({}, { socketDir, logger });
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(notes.join('\n')).toContain('is longer than the 107 bytes a socket path may have');
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I2.bad] a state directory that cannot be written is told, and it works', async () => {
    writeFileSync(bench.path('file'), '');
    const snakepit = await bench.start({}, { stateDir: bench.path('file') });
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(bench.reports.join('\n')).toContain('run records cannot be written');
    await snakepit.stop();
    expect(bench.processes()).toEqual([]);
  });

  test('[I2.bad] a socket directory that cannot be one', async () => {
    writeFileSync(bench.path('file'), '');
    const error = await failureOf([{}], { socketDir: bench.path('file') });
    expect(error.code).toBe('ENVIRONMENT');
    expect(error.message).toContain("no private directory for the workers' sockets");
    expect(error.message).toContain('name one with socketDir (SNAKEPIT_SOCKET_DIR)');
  });
});

describe('calls', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;

  test('[I2.bad] tools and arguments that do not fit', async () => {
    const snakepit = await bench.start();
    const messageOf = async (tool: string, args?: object): Promise<string> =>
      (await errorOf(snakepit.execute(tool, args as Record<string, unknown>))).message;
    const unknown = await messageOf('ad', { a: 1 });
    expect(unknown).toContain('[TOOL_NOT_FOUND] there is no tool "ad"');
    expect(unknown).toContain('Did you mean "add"?');
    expect(unknown).toContain('"segfault"');

    const missing = await messageOf('add', { a: 1 });
    expect(missing).toContain('[INVALID_ARGUMENT]');
    expect(missing).toContain('args.b is missing');
    expect(missing).toContain('Its signature: add({ a: int, b: int })');
    expect(await messageOf('add', { a: 1, b: 2, c: 3 })).toContain('args.c');

    for (const [value, problem] of [
      [() => 1, 'function'],
      [cycle, 'cycle'],
      [Symbol('x'), 'symbol'],
      [{ deep: [new WeakMap()] }, 'WeakMap'],
    ] as const) {
      const message = await messageOf('echo', { value });
      expect(message).toContain('[INVALID_ARGUMENT]');
      expect(message.toLowerCase()).toContain(problem.toLowerCase());
      expect(message).toContain('value');
    }
    expect(await messageOf('echo', [] as never)).toContain('[INVALID_ARGUMENT]');
    expect(snakepit.stats()).toMatchObject({ succeeded: 0, inFlight: 0, queued: 0 });
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
  });

  test.each([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    ['5', '"5"'],
  ])('[I2.bad] a time limit of %p', async (timeout, shown) => {
    const snakepit = await bench.start();
    const error = await errorOf(snakepit.execute('pid', {}, { timeout: timeout as number }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(`options.timeout is ${shown}, not a number`);
  });
});

describe('workers that misbehave at the start', () => {
  test('[I2.bad] garbage and megabytes on stdout: it starts all the same', async () => {
    const lines: string[] = [];
    const logger = { ...bench.logger, info: (text: string) => void lines.push(text) };
    const snakepit = await bench.start({ adapter: 'noisy.Noisy' }, { logger });
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(lines).toContain('[default_worker_1] last line before ready');
  });

  test('[I2.bad] one that never gets ready: attempts are bounded, the last output is told', async () => {
    const error = await failureOf([{ adapter: 'never_ready.NeverReady', startupTimeout: 4_000 }], {
      restart: { maxRestarts: 1, backoff: { initial: 0 } },
    });
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.message).toContain('it was not ready within 4000 ms (pools[].startupTimeout)');
    // A fork server asks it in silence whether it is safe to be imported before, and never hears.
    if (!forks(1)) expect(error.message).toContain('| loading the model');
  });

  test('[I2.bad] start() that fails half way leaves no process, socket or file', async () => {
    const error = await failureOf([
      { name: 'fine', size: 2 },
      { name: 'broken', adapter: 'raises_on_import.Broken' },
    ]);
    expect(error).toMatchObject({ code: 'ADAPTER_FAILED', details: { pool: 'broken' } });
    expect(readdirSync(bench.stateDir)).toEqual(['runs']);
  });
});
