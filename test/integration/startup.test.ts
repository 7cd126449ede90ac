import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createTelemetry } from '@snakepit/core';
import { liveHeap } from '../fixtures/collect-garbage.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { errorOf, SnakepitBench, until, type BenchPool } from '../fixtures/snakepit-bench.ts';

// How many workers are started: in which number at a time, when they serve, what is told, and whether they fit at all.

jest.setTimeout(240_000);

const PROCESSES = new URL('../fixtures/processes/', import.meta.url);
const MEGABYTE = 1024 * 1024;

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** A pool of which the first worker starts, and the others when `gate` of the bench is there. */
const gated = (pool: BenchPool = {}): BenchPool => ({
  adapter: 'gated.Gated',
  startupTimeout: 60_000,
  ...pool,
  env: { GATED_BY: bench.path('gate') },
});

describe('starting', () => {
  test('[I7.4] a few at a time, never more than allowed; events tell how far it has got', async () => {
    const bus = createTelemetry();
    const [starting, atOnce, told] = [new Set<string>(), [] as number[], [] as object[]];
    bus.on('snakepit.worker.spawned', (_, { workerId }) => {
      atOnce.push(starting.add(workerId).size);
    });
    bus.on('snakepit.worker.started', (_, { workerId }) => void starting.delete(workerId));
    bus.on('snakepit.pool.start.progress', ({ elapsedMs, ...counts }, { pool }) => {
      expect(elapsedMs).toBeGreaterThan(0);
      told.push({ pool, ...counts });
    });
    const snakepit = await bench.start({ size: 6, startupBatchSize: 3 }, { telemetry: { bus } });
    expect(snakepit.health().pools['default']).toEqual({ status: 'ok', ready: 6, size: 6 });
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(3);
    expect(Math.max(...atOnce)).toBeGreaterThan(1);
    expect(told.at(0)).toEqual({ pool: 'default', ready: 1, failed: 0, remaining: 5, total: 6 });
    expect(told.at(-1)).toEqual({ pool: 'default', ready: 6, failed: 0, remaining: 0, total: 6 });
  });

  test('[I7.4] the first worker of every pool is enough to be useful; the others come later', async () => {
    const snakepit = await bench.startAll(
      [gated({ size: 3 }), { name: 'plain', size: 1 }],
      {},
      { waitFor: 'first' },
    );
    expect(snakepit.health().pools['default']).toMatchObject({ status: 'degraded', ready: 1 });
    // Served by the one, one after the other.
    const sums = [1, 2, 3].map((b) => snakepit.execute('add', { a: 1, b }));
    expect(await Promise.all(sums)).toEqual([2, 3, 4]);
    expect(await snakepit.execute('add', { a: 1, b: 1 }, { pool: 'plain' })).toBe(2);
    expect(await errorOf(snakepit.awaitReady(50))).toMatchObject({ code: 'TIMEOUT' });
    const all = snakepit.awaitReady(60_000);
    writeFileSync(bench.path('gate'), '');
    await all;
    expect(snakepit.health()).toMatchObject({ status: 'ok' });
    expect(bench.processes()).toHaveLength(4);
  });

  test('[I7.4] unless told otherwise it waits for all of them', async () => {
    let isStarted = false;
    const starting = bench.start(gated({ size: 2 })).then((snakepit) => {
      isStarted = true;
      return snakepit;
    });
    await until(() => existsSync(bench.path('gate.first')), 'the first to start');
    await until(() => bench.processes().length === 2, 'the second to start');
    expect(isStarted).toBe(false);
    writeFileSync(bench.path('gate'), '');
    const snakepit = await starting;
    expect(snakepit.health().status).toBe('ok');
  });

  test('[I7.4] waiting for the first: a worker that is given up fails nothing, all of them do', async () => {
    writeFileSync(bench.path('orders'), 'import');
    const config = bench.mortal({ size: 2, restart: { maxRestarts: 0 } });
    const error = await errorOf(bench.start(config, {}, { waitFor: 'first' }));
    expect(error).toMatchObject({ code: 'ADAPTER_FAILED' });
    expect(bench.leftovers()).toEqual([]);
    expect(await errorOf(bench.start({}, {}, { waitFor: 'some' as never }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('options.waitFor is "some", not "all" or "first"'),
    });
  });
});

describe('whether they fit', () => {
  test.each(['spawn', 'fork'] as const)(
    '[I7.4] with few file descriptors, launch: %s: refused before anything starts; as many as it says do start',
    async (launch) => {
      const { stateDir } = bench;
      const { code, stderr, stdout, left } = await runProgram(
        [
          ...['--conditions=@snakepit/source', '--import'],
          fileURLToPath(new URL('typescript-loader.mjs', PROCESSES)),
          fileURLToPath(new URL('limited-start.mjs', PROCESSES)),
          JSON.stringify({ stateDir, handleSignals: false, pools: [bench.pool({ launch })] }),
        ],
        { command: ['sh', '-c', 'ulimit -n 125 && exec "$@"', 'sh', process.execPath] },
      );
      expect({ code, stderr, left }).toEqual({ code: 0, stderr: '', left: [] });
      const said = JSON.parse(stdout) as {
        readonly before: number;
        readonly open: number;
        readonly after: number;
        readonly tooMany: Refusal;
        readonly oneMore: Refusal;
        readonly answers: readonly number[];
        readonly ready: object;
        readonly grown: string;
      };
      const { fits, perWorker, reserved, used } = said.tooMany.details;
      expect(said.tooMany).toMatchObject({
        code: 'RESOURCE_LIMIT',
        details: { limit: 'RLIMIT_NOFILE', allowed: 125, wanted: 1_000 },
      });
      expect(said.tooMany.message).toContain(`1000 workers do not fit here, ${String(fits)} do`);
      expect(said.tooMany.message).toContain('`ulimit -n 8192`');
      expect(fits).toBe(Math.floor((125 - used - reserved) / perWorker));
      expect(fits).toBeGreaterThan(2);
      expect(said.ready).toEqual({ status: 'ok', ready: fits, size: fits });
      expect(said.answers).toEqual(Array.from({ length: fits }, () => 5));
      // What it counts with is what workers take, and the runtime has the rest to itself.
      const taken = said.open - said.before;
      expect(taken).toBeGreaterThanOrEqual(fits * perWorker);
      expect(taken).toBeLessThanOrEqual(fits * perWorker + reserved);
      expect(said.grown).toBe('RESOURCE_LIMIT');
      expect(said.oneMore).toMatchObject({ code: 'RESOURCE_LIMIT', details: { wanted: fits + 1 } });
    },
  );
});

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly details: {
    readonly fits: number;
    readonly perWorker: number;
    readonly reserved: number;
    readonly used: number;
  };
}

describe('many', () => {
  test('[R8.3] [R8.4] [T5.2] four times the workers take no more of Node each, and all are gone in seconds', async () => {
    const small = await costOf(12);
    const large = await costOf(48);
    // What one worker costs here is the same among few and among many, but for what the machine does besides.
    expect(large.cpuMsEach).toBeLessThan(2 * small.cpuMsEach);
    expect(large.heapBytesEach).toBeLessThan(MEGABYTE);
    // Or, where the machine is that slow, no longer for each than few take.
    expect(large.stopMs).toBeLessThan(Math.max(5_000, 6 * small.stopMs));
    expect(bench.leftovers()).toEqual([]);
  });
});

/** What so many workers cost this process: to start and to stop them, and while they are there. */
async function costOf(size: number): Promise<{
  readonly cpuMsEach: number;
  readonly heapBytesEach: number;
  readonly stopMs: number;
}> {
  const heap = liveHeap();
  const begun = process.cpuUsage();
  const snakepit = await bench.start({ size, launch: 'fork' });
  const startCpu = process.cpuUsage(begun);
  const heapBytesEach = (liveHeap() - heap) / size;
  const stopBegunMs = performance.now();
  const stopBegun = process.cpuUsage();
  await snakepit.stop();
  const stopMs = performance.now() - stopBegunMs;
  const stopCpu = process.cpuUsage(stopBegun);
  const micros = startCpu.user + startCpu.system + stopCpu.user + stopCpu.system;
  return { cpuMsEach: micros / 1_000 / size, heapBytesEach, stopMs };
}
