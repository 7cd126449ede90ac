import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import {
  errorOf,
  forks,
  isAlive,
  osPidOf,
  SnakepitBench,
  until,
} from '../fixtures/snakepit-bench.ts';
import { StallMeter } from '../fixtures/stall-meter.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** Waits until another process serves in the place of the one with this pid. */
async function replaced(snakepit: Snakepit, osPid: number, index = 0): Promise<number> {
  await until(() => snakepit.workers()[index]?.osPid !== osPid, 'the worker to be gone');
  await snakepit.awaitReady();
  return osPidOf(snakepit, index);
}

describe('a worker that ends by itself', () => {
  test('[R2.5] [R6.4] killed while idle it is replaced, and calls wait for the successor', async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    process.kill(osPid, 'SIGKILL');
    await until(() => snakepit.health().status === 'down', 'the crash to be seen');
    const late = await errorOf(snakepit.awaitReady(0));
    expect(late.code).toBe('TIMEOUT');
    expect(late.message).toMatch(/awaitReady\(\) \(default_worker_1 is [\w.]+\)/);
    expect(await snakepit.execute<number>('pid')).not.toBe(osPid);
    expect(snakepit.workers()).toMatchObject([{ restarts: 1 }]);
    expect(snakepit.stats().pools['default']?.workers).toMatchObject({ ready: 1, restarts: 1 });
  });

  test('[R2.5] killed while busy, the error tells signal, worker and last output', async () => {
    const snakepit = await bench.start();
    const osPid = osPidOf(snakepit);
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    await bench.marked('begun');
    process.kill(osPid, 'SIGKILL');
    const error = await call;
    expect(error).toMatchObject({
      code: 'WORKER_CRASHED',
      details: {
        ...{ pool: 'default', worker: 'default_worker_1', tool: 'slow' },
        ...{ signal: 'SIGKILL', exitCode: undefined },
      },
    });
    expect(error.message).toContain('while it was executing tool "slow"');
    expect(error.message).toContain('it was ended by SIGKILL (9)');
    expect(await replaced(snakepit, osPid)).not.toBe(osPid);
    expect(snakepit.stats()).toMatchObject({ accepted: 1, failed: 1, retried: 0 });
  });

  test('[R2.5] an idempotent call runs again on another worker and succeeds', async () => {
    const snakepit = await bench.start({ size: 2 });
    const args = { seconds: 60, mark: bench.path('runs') };
    const call = snakepit.execute('once', args, { idempotent: true });
    const [first] = await bench.marked('runs');
    process.kill(Number(first), 'SIGKILL');
    expect(await call).toBe('again');
    const runs = await bench.marked('runs', 2);
    expect(runs).toHaveLength(2);
    expect(runs[1]).not.toBe(first);
    expect(snakepit.stats()).toMatchObject({ accepted: 1, succeeded: 1, failed: 0, retried: 1 });
  });

  test.each([
    ['exit', { code: 3, last_words: 'I am leaving' }, 'it exited with code 3', { exitCode: 3 }],
    ['segfault', {}, 'a crash in native code', { signal: 'SIGSEGV' }],
    ['kill', {}, 'it was ended by SIGKILL', { signal: 'SIGKILL' }],
  ])(
    '[R2.5] %s: the way it ended is told, and it is replaced',
    async (tool, args, text, details) => {
      const snakepit = await bench.start();
      const osPid = osPidOf(snakepit);
      const error = await errorOf(snakepit.execute(tool, args));
      expect(error.code).toBe('WORKER_CRASHED');
      expect(error.message).toContain(text);
      expect(error.details).toMatchObject(details);
      if (tool === 'exit') expect(error.message).toContain('| I am leaving');
      expect(await snakepit.execute<number>('pid')).not.toBe(osPid);
    },
  );

  test('[R3.3] its children end with it before it is replaced', async () => {
    const snakepit = await bench.start();
    const child = await snakepit.execute<number>('child');
    const osPid = osPidOf(snakepit);
    process.kill(osPid, 'SIGKILL');
    await replaced(snakepit, osPid);
    expect(isAlive(child)).toBe(false);
  });

  test('[R2.5] many crashes in a row: nothing is lost, nobody is left', async () => {
    // As often as it may lose its worker here, and once more.
    const snakepit = await bench.start(
      { size: 2, retry: { maxAttempts: 4 } },
      { restart: { backoff: { initial: 10, max: 20 } } },
    );
    const calls: Promise<unknown>[] = [];
    for (let round = 0; round < 3; round++) {
      await snakepit.awaitReady();
      for (let i = 0; i < 4; i++) {
        calls.push(snakepit.execute('slow', { seconds: 0.1 }, { idempotent: true }));
      }
      const killed = snakepit.workers().flatMap(({ osPid }) => osPid ?? []);
      for (const osPid of killed) process.kill(osPid, 'SIGKILL');
      // One may serve again before the end of the other is known.
      await until(
        () => snakepit.workers().every(({ osPid = 0 }) => !killed.includes(osPid)),
        'the crashes to be seen',
      );
    }
    expect(await Promise.all(calls)).toEqual(Array(12).fill('done'));
    await snakepit.awaitReady();
    expect(snakepit.stats()).toMatchObject({ accepted: 12, succeeded: 12, failed: 0, inFlight: 0 });
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('a worker that hangs', () => {
  const heartbeat = { pingInterval: 1_000, timeoutThreshold: 5_000 };

  test('[R2.2] [R2.5] stopped, it is found by its heartbeat and replaced', async () => {
    const snakepit = await bench.start({ heartbeat });
    const osPid = osPidOf(snakepit);
    const missed: number[] = [];
    snakepit.system.telemetry.on('snakepit.worker.heartbeat.missed', (measured, { path }) => {
      if (path === 'beats') missed.push(measured.missed);
    });
    const call = errorOf(snakepit.execute('slow', { seconds: 60, mark: bench.path('begun') }));
    await bench.marked('begun');
    process.kill(osPid, 'SIGSTOP');
    const error = await call;
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.message).toContain(
      'it answered no heartbeat in time (no pong on its beat channel) and is replaced',
    );
    // On a busy machine one may be late before.
    expect(missed.slice(-3)).toEqual([1, 2, 3]);
    await replaced(snakepit, osPid);
    expect(isAlive(osPid)).toBe(false);
    expect(await snakepit.execute('add', { a: 1, b: 1 })).toBe(2);
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R2.1] one that works hard is not taken for one that hangs, and answers within a second', async () => {
    const snakepit = await bench.start({ heartbeat });
    const latencies: number[] = [];
    const meter = new StallMeter();
    snakepit.system.telemetry.on('snakepit.worker.heartbeat.received', ({ latencyMs }) => {
      latencies.push(latencyMs);
    });
    const call = snakepit.execute('slow', { seconds: 60 });
    call.catch(() => undefined);
    await until(() => latencies.length >= 2, 'two answers');
    expect(Math.max(...latencies) - meter.stalledMs).toBeLessThan(1_000);
    meter.stop();
    expect(snakepit.workers()).toMatchObject([{ state: 'ready.executing', restarts: 0 }]);
    await snakepit.stop({ timeout: 0 });
  });

  test('[R2.2] without heartbeats nobody is asked', async () => {
    const snakepit = await bench.start({ heartbeat: { enabled: false } });
    const labels = [...snakepit.system.processes()].map(({ label }) => label);
    expect(labels).not.toContain('heartbeatMonitor');
  });
});

describe('a worker that does not start', () => {
  const env = (): Record<string, string> => ({
    MOODY_ATTEMPTS: bench.path('attempts'),
    MOODY_FAILS: bench.path('fails'),
  });
  const restart = { maxRestarts: 3, backoff: { initial: 0 } };
  // A fork server that somebody has asked for asks an adapter once whether it is safe to be imported before.
  const questions = forks(1) ? 1 : 0;
  const attempts = (): number =>
    readFileSync(bench.path('attempts'), 'utf8').trim().split('\n').length - questions;

  test('[R10.2] it is started again three times, then given up; start() leaves nothing', async () => {
    writeFileSync(bench.path('fails'), '');
    const error = await errorOf(bench.start({ adapter: 'moody.Moody', env: env(), restart }));
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.message).toContain('it exited with code 5');
    expect(error.message).toContain('| not in the mood');
    expect(attempts()).toBe(4);
    expect(bench.leftovers()).toEqual([]);
  });

  test('[R10.2] given up after it had served: the others go on, and then calls are refused', async () => {
    const snakepit = await bench.start({ adapter: 'moody.Moody', size: 2, env: env(), restart });
    const [first, second] = [osPidOf(snakepit, 0), osPidOf(snakepit, 1)];
    writeFileSync(bench.path('fails'), '');
    process.kill(first, 'SIGKILL');
    await until(() => snakepit.workers()[0]?.state === 'failed', 'the worker to be given up');
    expect(await snakepit.execute('pid')).toBe(second);
    expect(snakepit.health().status).toBe('degraded');
    expect((await errorOf(snakepit.awaitReady())).message).toContain('not in the mood');
    const waiting = errorOf(
      until(() => snakepit.workers()[1]?.state === 'failed', 'the other to be given up').then(() =>
        snakepit.execute('pid'),
      ),
    );
    process.kill(second, 'SIGKILL');
    const error = await waiting;
    expect(error.message).toContain('every worker of the pool is given up');
    expect(error.cause).toMatchObject({ code: 'WORKER_START_FAILED' });
    expect(snakepit.health().status).toBe('down');
    expect(snakepit.stats().pools['default']?.state).toBe('running.failed');
    rmSync(bench.path('fails'));
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});
