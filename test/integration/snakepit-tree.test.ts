import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What becomes of the workers when a process of the tree itself dies.

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** Kills a process of the tree and waits until another has its name. */
async function kill(snakepit: Snakepit, name: string): Promise<void> {
  const pid = snakepit.system.whereis(name);
  if (pid === undefined) throw new Error(`nobody is called ${name}`);
  snakepit.system.exit(pid, exitReason.kill);
  await until(() => {
    const now = snakepit.system.whereis(name);
    return now !== undefined && now !== pid;
  }, `${name} to be back`);
}

async function expectToServe(snakepit: Snakepit): Promise<void> {
  await snakepit.awaitReady();
  expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
  expect(snakepit.health().status).toBe('ok');
  await until(
    () => bench.processes().length === snakepit.workers().length,
    'one process for each worker',
  );
}

async function expectCleanEnd(snakepit: Snakepit): Promise<void> {
  await snakepit.stop();
  expect([...snakepit.system.processes()]).toEqual([]);
  expect(bench.leftovers()).toEqual([]);
}

describe('a process of the tree that dies', () => {
  test("[R6.4] the pool's: workers and calls go on, and it learns of them again", async () => {
    const snakepit = await bench.start({ size: 2 });
    const before = snakepit.workers().map(({ osPid }) => osPid);
    const running = [0, 1].map((i) =>
      snakepit.execute('slow', { seconds: 0.5, mark: bench.path(`begun-${String(i)}`) }),
    );
    const waiting = snakepit.execute('add', { a: 1, b: 1 });
    await bench.marked('begun-0');
    await kill(snakepit, 'snakepit.pool.default');
    await until(
      () => snakepit.stats().pools['default']?.state === 'running.serving',
      'the pool to know its workers',
    );
    expect(await Promise.all([...running, waiting])).toEqual(['done', 'done', 2]);
    expect(snakepit.workers().map(({ osPid }) => osPid)).toEqual(before);
    expect(snakepit.stats()).toMatchObject({ accepted: 3, succeeded: 3, failed: 0 });
    await expectToServe(snakepit);
    await expectCleanEnd(snakepit);
  });

  test("a worker's: its process is killed, and another serves", async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    await bench.marked('begun');
    await kill(snakepit, 'snakepit.worker.default.default_worker_1');
    expect((await call).code).toBe('WORKER_UNAVAILABLE');
    await expectToServe(snakepit);
    expect(isAlive(osPid)).toBe(false);
    await expectCleanEnd(snakepit);
  });

  test("a worker's starter: worker and starter come back", async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    await kill(snakepit, 'snakepit.starter.default.default_worker_1');
    await expectToServe(snakepit);
    expect(osPidOf(snakepit)).not.toBe(osPid);
    await expectCleanEnd(snakepit);
  });

  test('the worker supervisor: its workers finish and are replaced, calls wait', async () => {
    const snakepit = await bench.start();
    const running = snakepit.execute('slow', { seconds: 0.5, mark: bench.path('begun') });
    const waiting = snakepit.execute('add', { a: 1, b: 1 });
    await bench.marked('begun');
    await kill(snakepit, 'snakepit.workerSupervisor.default');
    expect([await running, await waiting]).toEqual(['done', 2]);
    await expectToServe(snakepit);
    await expectCleanEnd(snakepit);
  });

  test("a pool's supervisor: the other pool does not notice", async () => {
    const snakepit = await bench.startAll([{ name: 'one' }, { name: 'two' }]);
    const two = osPidOf(snakepit, 1);
    await kill(snakepit, 'snakepit.poolSupervisor.one');
    await expectToServe(snakepit);
    expect(osPidOf(snakepit, 1)).toBe(two);
    await expectCleanEnd(snakepit);
  });

  test('[R1.4] the process registry: a new run, with new workers; nothing of the old one is left', async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    const [run] = bench.runs();
    await kill(snakepit, 'snakepit.processRegistry');
    await expectToServe(snakepit);
    expect(osPidOf(snakepit)).not.toBe(osPid);
    await until(() => !bench.runs().includes(run ?? ''), 'the old run to be closed');
    expect(bench.runs()).toHaveLength(1);
    await expectCleanEnd(snakepit);
  });

  test('[R1.4] the process registry, a moment before the stop: nothing is left either', async () => {
    const snakepit = await bench.start();
    const pid = snakepit.system.whereis('snakepit.processRegistry');
    if (pid !== undefined) snakepit.system.exit(pid, exitReason.kill);
    await expectCleanEnd(snakepit);
  });

  test.each(['snakepit.sessions', 'snakepit.tools', 'snakepit.bridge'])(
    '%s: the workers do not notice',
    async (name) => {
      const snakepit = await bench.start();
      const osPid = osPidOf(snakepit);
      await kill(snakepit, name);
      await expectToServe(snakepit);
      expect(osPidOf(snakepit)).toBe(osPid);
      await expectCleanEnd(snakepit);
    },
  );

  test('the last look kills what runs; it is replaced', async () => {
    const snakepit = await bench.start();
    await kill(snakepit, 'snakepit.applicationCleanup');
    await expectToServe(snakepit);
    await expectCleanEnd(snakepit);
  });

  test('the root: every call is told that nobody will serve it, and nothing is left', async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    const { root, system } = snakepit;
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    const waiting = errorOf(snakepit.execute('pid'));
    await bench.marked('begun');
    system.exit(root, exitReason.kill);
    expect((await waiting).message).toContain('supervision has given up (killed)');
    expect((await errorOf(snakepit.execute('pid'))).code).toBe('WORKER_UNAVAILABLE');
    await snakepit.stop({ timeout: 0 });
    expect((await call).code).toBe('WORKER_UNAVAILABLE');
    expect(isAlive(osPid)).toBe(false);
    expect(bench.leftovers()).toEqual([]);
  });
});
