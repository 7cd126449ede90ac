import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason, silentLogger } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf, isAlive, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Restarts that somebody asks for, of one worker and of a pool.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

const worker = (index: number): string => `default_worker_${String(index)}`;
/** The first is ready first, so that the first call goes to it. */
const oneByOne = { size: 2, startupBatchSize: 1 } as const;
/** How workers start from now on: they end this way; `''` for as usual. */
const order = (how: string): void => writeFileSync(bench.path('orders'), how);
const osPids = (snakepit: Snakepit): (number | undefined)[] =>
  snakepit.workers().map(({ osPid }) => osPid);

/** Files of the only run: records of workers, and sockets. */
function filesOfRun(): { readonly records: string[]; readonly sockets: string[] } {
  const [run = ''] = bench.runs();
  const directory = join(bench.stateDir, 'runs', run);
  const sockets = join(directory, 's');
  const all = readdirSync(directory).filter((name) => name !== 'run.json' && name !== 's');
  const records = all.filter(
    (name) => !readFileSync(join(directory, name), 'utf8').includes('"fork-server"'),
  );
  const listening = existsSync(sockets)
    ? readdirSync(sockets).filter((name) => name.startsWith('w'))
    : [];
  // That of a fork server, if there is one, was the first.
  return { records, sockets: listening.slice(all.length - records.length) };
}

function ends({ system }: Snakepit): { readonly means: string; readonly reason: string }[] {
  const told: { means: string; reason: string }[] = [];
  system.telemetry.on('snakepit.worker.terminated', (_, { means, reason }) => {
    told.push({ means, reason });
  });
  return told;
}

describe('restartWorker', () => {
  test('[I4.4] [R6.2] [R6.5] ends the old one in order, frees all it had, and resolves when another serves', async () => {
    // So that each has a socket in that directory.
    const snakepit = await bench.start({ ...oneByOne, callPath: 'unary' });
    const [first, second] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    const before = filesOfRun();
    expect(before.records).toHaveLength(2);
    const told = ends(snakepit);
    const order: string[] = [];
    snakepit.system.telemetry.on('snakepit.worker.terminated', () => {
      order.push(isAlive(first) ? 'alive' : 'gone', ...filesOfRun().records);
    });
    const gate = bench.path('gate');
    const running = snakepit.execute('hold', { gate, mark: bench.path('begun') });
    await bench.marked('begun');
    const [{ id } = { id: '' }] = snakepit.workers().filter(({ inFlight }) => inFlight === 1);
    expect(id).toBe(worker(1));
    const restart = snakepit.restartWorker(worker(1));
    writeFileSync(gate, '');
    await restart;

    expect(await running).toBe('done');
    expect(told).toEqual([{ means: 'term', reason: 'normal' }]);
    // When it is told to be over, process and record are gone.
    expect(order).toEqual(['gone', before.records.find((name) => order.includes(name))]);
    const [anew, other] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    expect([isAlive(first), isAlive(anew), other]).toEqual([false, true, second]);
    const after = filesOfRun();
    expect(after.records).toHaveLength(2);
    // Only who is called by unary RPC has one: then one of two is another.
    expect(after.sockets).toHaveLength(before.sockets.length);
    const kept = before.sockets.filter((name) => after.sockets.includes(name));
    expect(kept).toHaveLength(before.sockets.length / 2);
    expect(snakepit.workers()).toMatchObject([
      { state: expect.stringMatching(/^ready/), restarts: 1 },
      { restarts: 0 },
    ]);
    // Nothing has failed: nobody reports anything.
    expect(bench.reports).toEqual([]);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.4] [R6.4] meanwhile calls go to the others, and wait where there are none', async () => {
    const gate = bench.path('gate');
    const gated = { adapter: 'gated.Gated', env: { GATED_BY: gate } };
    writeFileSync(gate, '');
    const snakepit = await bench.startAll([
      { name: 'one', ...gated },
      { name: 'two', size: 2, ...gated },
    ]);
    // Who is started from now on has to wait.
    rmSync(gate);
    const [one = 0, first = 0, second = 0] = osPids(snakepit);
    const restarts = Promise.all([
      snakepit.restartWorker('one_worker_1'),
      snakepit.restartWorker('two_worker_1'),
    ]);
    await until(() => !isAlive(one) && !isAlive(first), 'both to have ended');
    const alone = snakepit.execute<number>('pid', {}, { pool: 'one' });
    expect(await snakepit.execute('pid', {}, { pool: 'two' })).toBe(second);
    expect(snakepit.health().pools['two']?.status).toBe('degraded');
    writeFileSync(gate, '');
    await restarts;
    expect(await alone).toBe(osPids(snakepit)[0]);
    expect(snakepit.health().status).toBe('ok');
    expect(snakepit.stats()).toMatchObject({ accepted: 2, succeeded: 2 });
  });

  test('[I4.4] [R6.2] [R6.3] [R10.4] calls that take longer than the given time are given up, deaf workers killed', async () => {
    const snakepit = await bench.start({ ...bench.mortal(), termTimeout: 300 });
    const told = ends(snakepit);
    const args = { seconds: 100, mark: bench.path('begun') };
    const call = errorOf(snakepit.execute('hold_gil', args));
    await bench.marked('begun');
    const osPid = osPidOf(snakepit);
    await snakepit.restartWorker(worker(1), { timeout: 200 });
    expect((await call).code).toBe('WORKER_UNAVAILABLE');
    expect((await call).message).toContain('it was stopped before the call had ended');
    expect(told).toEqual([{ means: 'kill', reason: 'normal' }]);
    expect(isAlive(osPid)).toBe(false);
    expect(await snakepit.execute('pid')).toBe(osPidOf(snakepit));
  });

  test('[I4.4] asked again meanwhile, it is the same restart, and a shorter time counts', async () => {
    const snakepit = await bench.start();
    const told = ends(snakepit);
    const args = { seconds: 100, mark: bench.path('begun') };
    const call = errorOf(snakepit.execute('wait', args));
    await bench.marked('begun');
    const restarts = [
      snakepit.restartWorker(worker(1)),
      snakepit.restartWorker(worker(1), { timeout: 60_000 }),
      snakepit.revive(worker(1)),
      snakepit.restartPool('default'),
      snakepit.restartWorker(worker(1), { timeout: 100 }),
    ];
    await Promise.all(restarts);
    expect((await call).code).toBe('WORKER_UNAVAILABLE');
    expect(told).toHaveLength(1);
    expect(snakepit.workers()).toMatchObject([{ restarts: 1 }]);
    await snakepit.restartWorker(worker(1));
    expect(snakepit.workers()).toMatchObject([{ restarts: 2 }]);
  });

  test('[I4.4] stop() wins: the restart says so, calls that waited are served, nothing is left', async () => {
    const snakepit = await bench.start();
    const running = snakepit.execute('slow', { seconds: 0.5, mark: bench.path('begun') });
    const waiting = snakepit.execute('add', { a: 1, b: 1 });
    await bench.marked('begun');
    const restart = errorOf(snakepit.restartWorker(worker(1)));
    const rolling = errorOf(snakepit.restartPool('default'));
    await snakepit.stop();
    expect([await running, await waiting]).toEqual(['done', 2]);
    expect([(await restart).code, (await rolling).code]).toEqual([
      'SHUTTING_DOWN',
      'SHUTTING_DOWN',
    ]);
    expect((await errorOf(snakepit.restartWorker(worker(1)))).code).toBe('SHUTTING_DOWN');
    expect(bench.leftovers()).toEqual([]);
  });

  test('[I4.4] in a hurry, too', async () => {
    const snakepit = await bench.start();
    const call = errorOf(snakepit.execute('slow', { seconds: 100, mark: bench.path('begun') }));
    await bench.marked('begun');
    const restart = errorOf(snakepit.restartWorker(worker(1)));
    await snakepit.stop({ timeout: 0 });
    expect([(await call).code, (await restart).code]).toEqual([
      'WORKER_UNAVAILABLE',
      'SHUTTING_DOWN',
    ]);
    expect(bench.leftovers()).toEqual([]);
  });

  test.each([
    ['its process is killed', (snakepit: Snakepit) => process.kill(osPidOf(snakepit), 'SIGKILL')],
    ['its actor is killed', killed('snakepit.worker.default.default_worker_1')],
    ['its starter is killed', killed('snakepit.starter.default.default_worker_1')],
    ['its supervisor is killed', killed('snakepit.workerSupervisor.default')],
    ["its pool's process is killed", killed('snakepit.pool.default')],
  ])('[I4.4] it comes about also when meanwhile %s', async (_, attack) => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    const call = snakepit.execute('slow', { seconds: 1, mark: bench.path('begun') });
    call.catch(() => undefined);
    await bench.marked('begun');
    const restart = snakepit.restartWorker(worker(1));
    await until(() => snakepit.workers()[0]?.state === 'stopping', 'the drain to begin');
    attack(snakepit);
    await restart;
    await snakepit.awaitReady();
    expect(await snakepit.execute('pid')).not.toBe(osPid);
    await until(() => bench.processes().length === 1, 'one process to be left');
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('what nobody can restart is refused', async () => {
    const snakepit = await bench.start({ size: 2 });
    const unknown = await errorOf(snakepit.restartWorker('nobody'));
    expect(unknown.code).toBe('INVALID_ARGUMENT');
    expect(unknown.message).toContain(
      'workerId "nobody" is no worker; there are default_worker_1, default_worker_2.',
    );
    expect((await errorOf(snakepit.revive('nobody'))).code).toBe('INVALID_ARGUMENT');
    expect((await errorOf(snakepit.restartPool('nowhere'))).code).toBe('POOL_NOT_FOUND');
    for (const timeout of [-1, Number.NaN, '5' as never]) {
      const error = await errorOf(snakepit.restartWorker(worker(1), { timeout }));
      expect(error.message).toContain('options.timeout is');
    }
    // Somebody who wants to restart what was read from nowhere wants not just any pool.
    expect((await errorOf(snakepit.restartPool(undefined as never))).code).toBe('POOL_NOT_FOUND');
    const healthy = await errorOf(snakepit.revive(worker(1)));
    expect(healthy.message).toMatch(/"default_worker_1" is ready\.\w+, not failed/);
    expect(healthy.message).toContain('restartWorker()');
    expect(snakepit.workers()).toMatchObject([{ restarts: 0 }, { restarts: 0 }]);
    await snakepit.stop();
    for (const late of [snakepit.restartWorker(worker(1)), snakepit.revive(worker(1))]) {
      expect((await errorOf(late)).code).toBe('SHUTTING_DOWN');
    }
  });

  test('[R6.2] the call that it waits for can be seen', async () => {
    const snakepit = await bench.start(oneByOne);
    const gate = bench.path('gate');
    const call = snakepit.execute('hold', { gate, mark: bench.path('begun') });
    await bench.marked('begun');
    const restart = snakepit.restartWorker(worker(1));
    await until(() => snakepit.workers()[0]?.state === 'stopping', 'the drain to begin');
    expect(snakepit.workers()).toMatchObject([{ inFlight: 1 }, { inFlight: 0 }]);
    writeFileSync(gate, '');
    expect(await call).toBe('done');
    await restart;
    expect(snakepit.workers()).toMatchObject([{ inFlight: 0 }, { inFlight: 0 }]);
  });
});

describe('restartPool', () => {
  test('[I4.4] [R6.4] all are replaced, a few at a time, while the others serve; no call is lost', async () => {
    const snakepit = await bench.start({ size: 4 });
    const before = osPids(snakepit);
    const ready: number[] = [];
    snakepit.system.telemetry.on('snakepit.worker.terminated', () => {
      ready.push(snakepit.workers().filter(({ state }) => state.startsWith('ready')).length);
    });
    let isOver = false;
    const served: unknown[] = [];
    const caller = async (): Promise<void> => {
      while (!isOver) served.push(await snakepit.execute('slow', { seconds: 0.02 }));
    };
    const callers = Array.from({ length: 6 }, caller);
    await snakepit.restartPool('default');
    isOver = true;
    await Promise.all(callers);
    // The one that has just ended is not counted.
    expect(ready).toEqual([3, 3, 3, 3]);
    expect(new Set([...before, ...osPids(snakepit)]).size).toBe(8);
    expect(served.every((value) => value === 'done')).toBe(true);
    expect(snakepit.stats()).toMatchObject({ failed: 0, retried: 0, accepted: served.length });
    expect(bench.reports).toEqual([]);
  });

  test('[I4.4] [R6.4] of one worker: it says that calls wait, and they do', async () => {
    const notes: string[] = [];
    const logger = { ...silentLogger, info: (text: string) => void notes.push(text) };
    const snakepit = await bench.start({}, { logger });
    const [before] = osPids(snakepit);
    const restart = snakepit.restartPool('default');
    expect(notes.join()).toContain('pool "default" has one worker');
    await until(() => !isAlive(before ?? 0), 'it to have ended');
    expect(await snakepit.execute('pid')).not.toBe(before);
    await restart;
  });

  test('[I4.4] asked again meanwhile, a shorter time counts for all whose calls are waited for', async () => {
    const snakepit = await bench.start({ size: 2, termTimeout: 100 });
    const call = (mark: string): Promise<unknown> =>
      errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path(mark) }));
    const calls = [call('first'), call('second')];
    await Promise.all([bench.marked('first'), bench.marked('second')]);
    const patient = snakepit.restartPool('default');
    await until(() => snakepit.workers()[0]?.state === 'stopping', 'the first drain');
    const hasty = snakepit.restartPool('default', { timeout: 0 });
    await Promise.all([patient, hasty]);
    expect(await Promise.all(calls)).toMatchObject(Array(2).fill({ code: 'WORKER_UNAVAILABLE' }));
    expect(snakepit.workers()).toMatchObject([{ restarts: 1 }, { restarts: 1 }]);
  });

  test('[I4.4] one that does not come back ends it: the others are left as they were', async () => {
    const snakepit = await bench.start(bench.mortal({ size: 3 }));
    const [, second, third] = osPids(snakepit);
    order('5');
    const error = await errorOf(snakepit.restartPool('default'));
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.message).toContain('default_worker_1');
    expect(osPids(snakepit)).toEqual([undefined, second, third]);
    order('');
    await snakepit.restartPool('default');
    expect(snakepit.health().status).toBe('ok');
    expect(osPids(snakepit)).not.toContain(second);
  });
});

function killed(name: string): (snakepit: Snakepit) => void {
  return ({ system }) => {
    const pid = system.whereis(name);
    if (pid === undefined) throw new Error(`nobody is called ${name}`);
    system.exit(pid, exitReason.kill);
  };
}
