import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { FailureCause, Snakepit, WorkerInfo } from '@snakepit/python-bridge';
import { createMemoryCgroup, type MemoryCgroup } from '../fixtures/memory-cgroup.ts';
import {
  errorOf,
  forks,
  SnakepitBench,
  until,
  type BenchPool,
} from '../fixtures/snakepit-bench.ts';

// Workers that cannot start any more: how often they are tried, what is said of them, and who notices.

jest.setTimeout(120_000);

let bench: SnakepitBench;
let cgroup: MemoryCgroup | undefined;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(async () => {
  await bench.close();
  await cgroup?.close();
  cgroup = undefined;
});

const adapters = fileURLToPath(new URL('../fixtures/adapters/', import.meta.url));
const workerOf = (snakepit: Snakepit, pool: string): WorkerInfo | undefined =>
  snakepit.workers().find((worker) => worker.pool === pool);

interface Trouble {
  readonly cause: FailureCause;
  readonly remedy: string;
  /** How often it is tried in all: once when trying again cannot help. */
  readonly tries: 1 | 4;
  /** What the pool has besides. */
  readonly pool?: BenchPool;
  /** Makes the start impossible; by default an order to the adapter with the name of the pool. */
  readonly make?: () => void;
}

/** What can go wrong with a start, by name of the pool to which it happens. */
function troubles(): Record<string, Trouble> {
  const python = join(bench.base, 'python');
  const { python: real = '' } = bench.pool();
  writeFileSync(python, `#!/bin/sh\nexec ${real} "$@"\n`);
  chmodSync(python, 0o755);
  const cwd = join(bench.base, 'app');
  mkdirSync(cwd);
  for (const file of ['mortal.py', 'workbench.py']) {
    copyFileSync(join(adapters, file), join(cwd, file));
  }
  cgroup = createMemoryCgroup(bench.base, real, 160 << 20);
  return {
    import: { cause: 'importError', remedy: 'correct the module', tries: 1 },
    '5': { cause: 'exited', remedy: 'read what Python printed', tries: 4 },
    '76': { cause: 'protocol', remedy: 'snakepit_bridge must be the one', tries: 4 },
    '78': { cause: 'configuration', remedy: 'correct what the message names', tries: 1 },
    kill: { cause: 'killed', remedy: 'journalctl -k', tries: 4 },
    segfault: { cause: 'nativeCrash', remedy: 'python -X faulthandler', tries: 4 },
    // Forked, it needs none any more.
    ...(forks(1)
      ? {}
      : {
          python: {
            ...{ cause: 'environment', remedy: 'pools[].python', tries: 1, pool: { python } },
            make: () => rmSync(python),
          },
        }),
    cwd: {
      ...{ cause: 'configuration', remedy: 'pools[].cwd', tries: 1, pool: { cwd } },
      make: () => rmSync(cwd, { recursive: true }),
    },
    ...(cgroup === undefined
      ? {}
      : {
          memory: {
            ...{ cause: 'outOfMemory', remedy: 'raise the memory limit', tries: 4 },
            pool: { python: cgroup.python },
          },
        }),
  };
}

describe('a worker that cannot start any more', () => {
  test('[I4.6] [R10.2] is tried three times more, given up with cause and remedy; other pools do not notice', async () => {
    const all = Object.entries(troubles());
    const common = { adapter: 'mortal.Mortal', restart: { backoff: { initial: 20, max: 100 } } };
    const pools = all.map(([name, { pool }]) => ({
      ...common,
      ...{ name, ...pool, env: { MORTAL_ORDERS: bench.path(`order-${name}`) } },
    }));
    const snakepit = await bench.startAll([{ name: 'fine', size: 2 }, ...pools]);
    const fine = snakepit.workers().slice(0, 2);
    const starts = new Map<string, string[]>();
    const failures = new Map<string, unknown>();
    const { telemetry } = snakepit.system;
    telemetry.on('snakepit.worker.terminated', (_, { pool, cause }) => {
      starts.set(pool, [...(starts.get(pool) ?? []), String(cause)]);
    });
    telemetry.on('snakepit.worker.failed', (_, { pool, cause }) => failures.set(pool, cause));

    for (const [name, { make }] of all) {
      if (make === undefined) writeFileSync(bench.path(`order-${name}`), name);
      else make();
      process.kill(workerOf(snakepit, name)?.osPid ?? 0, 'SIGKILL');
    }
    const calls: unknown[] = [];
    await until(
      async () => {
        calls.push(await snakepit.execute('add', { a: 1, b: 1 }, { pool: 'fine' }));
        return all.every(([name]) => workerOf(snakepit, name)?.state === 'failed');
      },
      'all of them to be given up',
      90_000,
    );

    for (const [name, { cause, remedy, tries }] of all) {
      const failure = workerOf(snakepit, name)?.failure;
      expect([name, failure?.cause]).toEqual([name, cause]);
      expect(failure?.message).toMatch(/\nRemedy: /);
      expect(failure?.message).toContain(remedy);
      expect([name, failures.get(name)]).toEqual([name, cause]);
      // The kill by the test, and then each start.
      expect([name, starts.get(name)]).toEqual([
        name,
        ['killed', ...Array<string>(tries).fill(cause)],
      ]);
      const refused = await errorOf(snakepit.execute('pid', {}, { pool: name }));
      expect(refused.message).toContain('every worker of the pool is given up');
    }
    expect(JSON.stringify(snakepit.workers())).toContain('importError');
    // Nobody else noticed.
    expect(new Set(calls)).toEqual(new Set([2]));
    const same = fine.map(({ id, osPid }) => ({ id, osPid, restarts: 0, failure: undefined }));
    expect(snakepit.workers().slice(0, 2)).toMatchObject(same);
    expect(snakepit.health().pools['fine']?.status).toBe('ok');
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.6] [R10.2] its pool goes on with the others, and it can be revived', async () => {
    const orders = bench.path('orders');
    const snakepit = await bench.start({
      ...{ adapter: 'mortal.Mortal', size: 2, restart: { backoff: { initial: 10 } } },
      env: { MORTAL_ORDERS: orders },
    });
    const [first, second] = snakepit.workers();
    writeFileSync(orders, 'segfault');
    process.kill(first?.osPid ?? 0, 'SIGKILL');
    await until(() => snakepit.workers()[0]?.state === 'failed', 'it to be given up');
    const pids = await Promise.all(Array.from({ length: 8 }, () => snakepit.execute('pid')));
    expect(new Set(pids)).toEqual(new Set([second?.osPid]));
    expect(snakepit.stats()).toMatchObject({
      failed: 0,
      pools: { default: { state: 'running.degraded' } },
    });
    writeFileSync(orders, '');
    await snakepit.revive(first?.id ?? '');
    expect(snakepit.health().status).toBe('ok');
    // Its pool hears of it by a message.
    await until(
      () => snakepit.stats().pools['default']?.state === 'running.serving',
      'the pool to be whole again',
    );
  });

  test('[I4.6] Snakepit.start rejects when one of several cannot start, and leaves nothing', async () => {
    const orders = bench.path('orders');
    writeFileSync(orders, '5');
    const restart = { maxRestarts: 1, backoff: { initial: 0 } };
    const error = await errorOf(
      bench.startAll([
        { name: 'fine' },
        { name: 'ill', adapter: 'mortal.Mortal', restart, env: { MORTAL_ORDERS: orders } },
      ]),
    );
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.details).toMatchObject({ worker: 'ill_worker_1', failure: 'exited' });
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.6] [R10.2] a socket that cannot be made is a cause of its own', async () => {
    const socketDir = bench.path('sockets');
    // By unary calls it needs one at once.
    const snakepit = await bench.start(
      { restart: { backoff: { initial: 10 } }, callPath: 'unary' },
      { socketDir },
    );
    rmSync(socketDir, { recursive: true });
    process.kill(workerOf(snakepit, 'default')?.osPid ?? 0, 'SIGKILL');
    await until(() => snakepit.workers()[0]?.state === 'failed', 'it to be given up', 30_000);
    expect(snakepit.workers()[0]?.failure).toMatchObject({
      cause: 'socket',
      message: expect.stringContaining('socketDir'),
    });
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});
