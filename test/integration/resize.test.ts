import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf, isAlive, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Pools that become larger and smaller while they serve.

jest.setTimeout(90_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

const ids = (snakepit: Snakepit): string[] =>
  snakepit.workers().map(({ id }) => id.replace('default_worker_', ''));
const sizeOf = (snakepit: Snakepit): unknown => [
  snakepit.health().pools['default'],
  snakepit.stats().pools['default']?.workers.size,
];

test('[I5.8] it grows and shrinks under load, not one call fails, and ids are used again', async () => {
  const snakepit = await bench.start();
  const pool = snakepit.pool('default');
  const told = new Set<string>();
  const statuses = new Set<string>();
  snakepit.system.telemetry.on('snakepit.worker.terminated', (_, { reason, means }) => {
    told.add(`${reason} ${means}`);
  });
  let isOver = false;
  const caller = async (): Promise<void> => {
    while (!isOver) {
      expect(await snakepit.execute('slow', { seconds: 0.02 })).toBe('done');
      statuses.add(snakepit.health().status);
    }
  };
  const callers = Array.from({ length: 6 }, caller);
  await pool.resize(3);
  expect(ids(snakepit)).toEqual(['1', '2', '3']);
  expect(sizeOf(snakepit)).toEqual([{ status: 'ok', ready: 3, size: 3 }, 3]);
  expect(bench.processes()).toHaveLength(3);
  await pool.resize(1);
  expect(sizeOf(snakepit)).toEqual([{ status: 'ok', ready: 1, size: 1 }, 1]);
  expect(bench.processes()).toHaveLength(1);
  expect(snakepit.stats().pools['default']?.state).toBe('running.serving');
  // One comes after the other.
  await Promise.all([pool.resize(3), pool.resize(2)]);
  isOver = true;
  await Promise.all(callers);
  expect(sizeOf(snakepit)).toEqual([{ status: 'ok', ready: 2, size: 2 }, 2]);
  for (const id of ids(snakepit)) expect(['1', '2', '3']).toContain(id);
  expect(bench.processes()).toHaveLength(2);
  // Who comes or goes makes the pool no worse.
  expect([...statuses]).toEqual(['ok']);
  expect([...told]).toEqual(['normal term']);
  expect(snakepit.stats()).toMatchObject({ failed: 0, retried: 0, refused: 0 });
  expect(bench.reports).toEqual([]);
  // What is there is administered as ever.
  await pool.recycle();
  await snakepit.restartPool('default');
  await snakepit.stop();
  expect(bench.leftovers()).toEqual([]);
});

test('[I5.8] shrinking, a worker finishes its call first, and the idle go before the busy', async () => {
  const snakepit = await bench.start({ size: 3 });
  const pool = snakepit.pool('default');
  const call = snakepit.execute('slow', { seconds: 1, mark: bench.path('begun') });
  await bench.marked('begun');
  const busy = snakepit.workers().find(({ inFlight }) => inFlight === 1);
  await pool.resize(1);
  expect(snakepit.workers()).toMatchObject([{ id: busy?.id, osPid: busy?.osPid }]);
  expect(await call).toBe('done');
  await pool.resize(2);
  const calls = ['one', 'two'].map((mark) =>
    snakepit.execute('slow', { seconds: 1, mark: bench.path(mark) }),
  );
  await Promise.all([bench.marked('one'), bench.marked('two')]);
  const shrunk = pool.resize(1);
  await until(() => snakepit.workers().some(({ state }) => state === 'stopping'), 'one to stop');
  // It takes no new call, and the other serves.
  const next = snakepit.execute('pid');
  expect(await Promise.all(calls)).toEqual(['done', 'done']);
  await shrunk;
  expect([await next]).toEqual(snakepit.workers().map(({ osPid }) => osPid));
  expect(snakepit.stats().failed).toBe(0);
});

test('[I5.8] what cannot start is taken back, with the reason; the pool is as before', async () => {
  const snakepit = await bench.start(
    bench.mortal({ size: 2, restart: { maxRestarts: 0, backoff: { initial: 10 } } }),
  );
  const before = snakepit.workers();
  writeFileSync(bench.path('orders'), '5');
  const error = await errorOf(snakepit.pool('default').resize(4));
  expect(error.code).toBe('WORKER_START_FAILED');
  expect(error.message).toMatch(/default_worker_[34]/);
  expect(snakepit.workers()).toMatchObject(before.map(({ id, osPid }) => ({ id, osPid })));
  expect(sizeOf(snakepit)).toEqual([{ status: 'ok', ready: 2, size: 2 }, 2]);
  await until(() => bench.processes().length === 2, 'only the first two to be left');
  expect(snakepit.stats().pools['default']?.state).toBe('running.serving');
  await snakepit.awaitReady();
  writeFileSync(bench.path('orders'), '');
  await snakepit.pool('default').resize(3);
  expect(ids(snakepit)).toEqual(['1', '2', '3']);
  for (const size of [0, -1, 1.5, 10_001, Number.NaN, '2' as never]) {
    const refused = await errorOf(snakepit.pool('default').resize(size));
    expect(refused.message).toContain('not a whole number from 1 to 10000');
  }
});

test('[I5.8] a pool that failed as a whole can be made to serve by a worker more', async () => {
  const snakepit = await bench.start(
    bench.mortal({ restart: { maxRestarts: 0, backoff: { initial: 10 } } }),
  );
  writeFileSync(bench.path('orders'), '5');
  await errorOf(snakepit.execute('end', { how: '7' }));
  await until(() => snakepit.stats().pools['default']?.state === 'running.failed', 'its end');
  writeFileSync(bench.path('orders'), '');
  await snakepit.pool('default').resize(2);
  expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
  // The one that was given up is missed least.
  await snakepit.pool('default').resize(1);
  expect(ids(snakepit)).toEqual(['2']);
  expect(snakepit.health().status).toBe('ok');
});

test('[I5.8] its starter is killed while a worker is taken away: no worker is left behind', async () => {
  const snakepit = await bench.start({ size: 2 });
  const { system } = snakepit;
  const calls = [1, 2].map((i) =>
    snakepit.execute('slow', { seconds: 1, mark: bench.path(String(i)) }).catch(() => undefined),
  );
  await Promise.all([bench.marked('1'), bench.marked('2')]);
  const shrunk = snakepit.pool('default').resize(1);
  const leaving = await until(
    () => snakepit.workers().find(({ state }) => state === 'stopping'),
    'one to stop',
  );
  const starter = `snakepit.starter.default.${leaving.id}`;
  const pid = system.whereis(starter);
  if (pid !== undefined) system.exit(pid, exitReason.kill);
  await shrunk;
  expect(system.whereis(starter)).toBeUndefined();
  await Promise.all(calls);
  await until(() => bench.processes().length === 1, 'one process to be left');
  expect(await snakepit.execute('pid')).toBe(snakepit.workers()[0]?.osPid);
  await snakepit.stop();
  expect(bench.leftovers()).toEqual([]);
});

test.each([
  ["the pool's process", 'snakepit.pool.default'],
  ['the worker supervisor', 'snakepit.workerSupervisor.default'],
  ['the lifecycle manager', 'snakepit.lifecycleManager.default'],
])('[I5.8] %s is killed while it grows, and while it shrinks', async (_, name) => {
  const snakepit = await bench.start();
  const { system } = snakepit;
  const pool = snakepit.pool('default');
  const kill = (): void => {
    const pid = system.whereis(name);
    if (pid !== undefined) system.exit(pid, exitReason.kill);
  };
  const grown = pool.resize(3);
  await until(() => bench.processes().length >= 2, 'the first new one to be started');
  kill();
  await grown;
  await snakepit.awaitReady();
  expect(ids(snakepit)).toEqual(['1', '2', '3']);
  const calls = [1, 2, 3].map((i) =>
    snakepit.execute('slow', { seconds: 1, mark: bench.path(String(i)) }).catch(() => undefined),
  );
  await Promise.all([bench.marked('1'), bench.marked('2'), bench.marked('3')]);
  const shrunk = pool.resize(1);
  await until(() => snakepit.workers().some(({ state }) => state === 'stopping'), 'one to stop');
  kill();
  await shrunk;
  await Promise.all(calls);
  await snakepit.awaitReady();
  expect(snakepit.workers()).toHaveLength(1);
  expect(await snakepit.execute('pid')).toBe(snakepit.workers()[0]?.osPid);
  await until(() => bench.processes().length === 1, 'one process to be left');
  await snakepit.stop();
  expect(bench.leftovers()).toEqual([]);
  expect(isAlive(snakepit.workers()[0]?.osPid ?? 0)).toBe(false);
});
