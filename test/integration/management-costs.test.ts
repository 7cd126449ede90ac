import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What looking after workers takes from those who want work of them: time of their calls, of processors, and places for calls.

jest.setTimeout(180_000);

const size = 20;
/** The shortest that is allowed. */
const pingInterval = 1_000;
/** Rounds, in each of which one pool is asked after the other, so that whatever else the machine does meets both. */
const rounds = 60;

const bench = new SnakepitBench();
let snakepit: Snakepit;
/** How often each worker has answered. */
const answers = new Map<string, number>();

beforeAll(async () => {
  snakepit = await bench.startAll([
    { name: 'beating', size, heartbeat: { pingInterval, timeoutThreshold: 30_000 } },
    { name: 'silent', size, heartbeat: { enabled: false } },
  ]);
  snakepit.system.telemetry.on('snakepit.worker.heartbeat.received', (_, { path, workerId }) => {
    // Where calls come, it is asked only while none say that it answers.
    if (path === 'beats') answers.set(workerId, (answers.get(workerId) ?? 0) + 1);
  });
});

afterAll(() => bench.close());

const idsOf = (pool: string): readonly string[] =>
  snakepit.workers().flatMap((worker) => (worker.pool === pool ? [worker.id] : []));
const pidsOf = (pool: string): readonly number[] =>
  snakepit.workers().flatMap(({ pool: of, osPid }) => (of === pool ? (osPid ?? []) : []));

/** Waits until each worker has answered so many heartbeats more. */
async function beats(count: number): Promise<void> {
  const before = new Map(answers);
  await until(
    () => idsOf('beating').every((id) => (answers.get(id) ?? 0) >= (before.get(id) ?? 0) + count),
    `${String(count)} heartbeats of each`,
    60_000,
  );
}

const add = (pool: string, n: number): Promise<unknown> =>
  snakepit.execute('add', { a: n, b: 1 }, { pool });

/** How long both pools take for the same, in milliseconds: in the round in the middle. */
async function alternately(
  work: (pool: string) => Promise<void>,
): Promise<{ readonly beating: number; readonly silent: number }> {
  const timeOf = async (pool: string): Promise<number> => {
    const begunMs = performance.now();
    await work(pool);
    return performance.now() - begunMs;
  };
  const times = { beating: [] as number[], silent: [] as number[] };
  for (const pool of ['beating', 'silent']) await work(pool);
  const before = new Map(answers);
  const isBeating = (): boolean =>
    idsOf('beating').every((id) => answers.get(id) !== before.get(id));
  // Heartbeats were answered in between, or nothing was measured.
  for (let round = 0; round < rounds || !isBeating(); round += 1) {
    const isFirst = round % 2 === 0;
    if (isFirst) times.beating.push(await timeOf('beating'));
    times.silent.push(await timeOf('silent'));
    if (!isFirst) times.beating.push(await timeOf('beating'));
  }
  return { beating: median(times.beating), silent: median(times.silent) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** CPU time of all threads of a process, in milliseconds. */
function cpuMsOf(pid: number): number {
  const tasks = `/proc/${String(pid)}/task`;
  const nanos = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanos.reduce((sum, one) => sum + one, 0) / 1e6;
}

describe('looking after workers', () => {
  test('[R8.1] heartbeats at the shortest interval add less than a millisecond to a call', async () => {
    const calls = 40;
    const { beating, silent } = await alternately(async (pool) => {
      for (let n = 0; n < calls; n += 1) await add(pool, n);
    });
    expect((beating - silent) / calls).toBeLessThan(1);
  });

  test('[R8.2] takes less than a hundredth of the CPU time that workers can have', async () => {
    await beats(1);
    const pids = pidsOf('beating');
    expect(pids).toHaveLength(size);
    const before = pids.map(cpuMsOf);
    const begunMs = performance.now();
    const begun = process.cpuUsage();
    await beats(2);
    const { user, system } = process.cpuUsage(begun);
    const elapsedMs = performance.now() - begunMs;
    const spent = pids.map((pid, index) => cpuMsOf(pid) - (before[index] ?? NaN));
    expect(Math.min(...spent)).toBeGreaterThan(0);
    expect(Math.max(...spent)).toBeLessThan(0.01 * elapsedMs);
    // With what this process does for them, and for the other pool.
    const all = spent.reduce((sum, one) => sum + one, (user + system) / 1_000);
    expect(all).toBeLessThan(0.01 * elapsedMs * size);
  });

  test('[R8.5] takes no place of a call: while heartbeats are answered all workers execute, and answer the same number of calls', async () => {
    const args = { gate: bench.path('released'), mark: bench.path('in') };
    const running = Array.from({ length: size }, () =>
      snakepit.execute('hold', args, { pool: 'beating' }),
    );
    await bench.marked('in', size);
    await beats(2);
    const executing = snakepit.workers().filter(({ pool }) => pool === 'beating');
    expect(executing.map(({ state, restarts }) => [state, restarts])).toEqual(
      executing.map(() => ['ready.executing', 0]),
    );
    writeFileSync(bench.path('released'), '');
    expect(await Promise.all(running)).toEqual(running.map(() => 'done'));
    const calls = 5 * size;
    const { beating, silent } = await alternately(async (pool) => {
      await Promise.all(Array.from({ length: calls }, (_, n) => add(pool, n)));
    });
    // Two pools that are the same differ by a few hundredths here.
    expect(silent / beating).toBeGreaterThan(0.8);
  });
});
