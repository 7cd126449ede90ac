import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { SnakepitError } from '@snakepit/core';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { errorOf, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// What keeps callers and failing workers from harming each other: with real workers that really die.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

const quick = { restart: { backoff: { initial: 1 } } } as const;

test('[I5.9] a request that killed two workers is refused with both deaths; others are served', async () => {
  const snakepit = await bench.start({ ...bench.mortal(quick), size: 2 });
  const poison = { how: 'segfault', mark: bench.path('runs') };
  const idempotent = { idempotent: true };
  const error = await errorOf(snakepit.execute('end', poison, idempotent));
  expect(error.code).toBe('POISON_REQUEST');
  expect(error.details['deaths']).toMatchObject([
    { worker: expect.any(String), osPid: expect.any(Number), others: 0 },
    { worker: expect.any(String), osPid: expect.any(Number), others: 0 },
  ]);
  expect(error.message).toContain('SIGSEGV');
  expect(error.cause).toMatchObject({ code: 'WORKER_CRASHED' });
  // It is refused before a worker sees it.
  expect((await errorOf(snakepit.execute('end', poison))).code).toBe('POISON_REQUEST');
  expect(await bench.marked('runs', 2)).toHaveLength(2);
  expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
  const other = await errorOf(snakepit.execute('end', { ...poison, seconds: 0.01 }));
  expect(other.code).toBe('WORKER_CRASHED');
  expect(snakepit.stats()).toMatchObject({ failed: 2, retried: 1, refused: 1 });
  await snakepit.awaitReady();
});

describe.each(callPaths)('nobody is accused wrongly, %s', (path) => {
  test.each(['SIGKILL', 'SIGTERM'] as const)(
    '[I5.9] workers that somebody ends from outside by %s accuse nobody: the call is tried again and served',
    async (signal) => {
      const retry = { maxAttempts: 5, initial: 10 };
      const snakepit = await bench.start({ ...bench.mortal(quick), ...poolOf(path), retry });
      const call = snakepit.execute(
        'slow',
        { seconds: 3.5, mark: bench.path('runs') },
        { idempotent: true, timeout: 50_000 },
      );
      for (let runs = 1; runs <= 2; runs++) {
        await bench.marked('runs', runs);
        process.kill(osPidOf(snakepit), signal);
      }
      expect(await call).toBe('done');
      expect(snakepit.stats()).toMatchObject({ succeeded: 1, retried: 2, failed: 0 });
    },
  );

  test('[I5.9] a call that is there when others kill its workers shares the blame, and is served', async () => {
    const retry = { maxAttempts: 5, initial: 10 };
    const pool = { ...bench.mortal(quick), ...poolOf(path), retry, concurrency: 3 };
    const snakepit = await bench.start(pool);
    const gate = bench.path('gate');
    const innocent = snakepit.execute(
      'hold',
      { gate, mark: bench.path('runs') },
      { idempotent: true, timeout: 100_000 },
    );
    for (let runs = 1; runs <= 3; runs++) {
      await bench.marked('runs', runs);
      const killer = errorOf(snakepit.execute('end', { how: 'segfault', seconds: 0.01 * runs }));
      expect((await killer).code).toBe('WORKER_CRASHED');
    }
    writeFileSync(gate, '');
    expect(await innocent).toBe('done');
  });

  test('[I5.9] a call that its caller had given up kills: who was there besides is not alone to blame', async () => {
    const retry = { maxAttempts: 5, initial: 10 };
    const pool = { ...bench.mortal(quick), ...poolOf(path), retry, concurrency: 3 };
    const snakepit = await bench.start(pool);
    const gate = bench.path('gate');
    const innocent = snakepit.execute(
      'hold',
      { gate, mark: bench.path('runs') },
      { idempotent: true, timeout: 100_000 },
    );
    for (let runs = 1; runs <= 2; runs++) {
      await bench.marked('runs', runs);
      const ends = bench.path(`ends-${String(runs)}`);
      const killer = { gate: ends, how: 'segfault', mark: bench.path('killers') };
      const late = errorOf(snakepit.execute('end_when', killer, { timeout: 2_000 }));
      await bench.marked('killers', runs);
      expect((await late).code).toBe('TIMEOUT');
      writeFileSync(ends, '');
    }
    await bench.marked('runs', 3);
    writeFileSync(gate, '');
    expect(await innocent).toBe('done');
    expect(snakepit.stats()).toMatchObject({ succeeded: 1, retried: 2 });
  });
});

test('[I5.9] only calls that may run twice are tried again, as often as configured, with pauses', async () => {
  const snakepit = await bench.start({
    ...bench.mortal(quick),
    crashBarrier: { enabled: false },
    retry: { maxAttempts: 2, initial: 3_000, jitter: 0 },
  });
  const once = await errorOf(snakepit.execute('end', { how: '3', mark: bench.path('once') }));
  expect(once.code).toBe('WORKER_CRASHED');
  expect(await bench.marked('once')).toHaveLength(1);
  await snakepit.awaitReady();
  const begunAtMs = performance.now();
  const twice = { how: '3', mark: bench.path('twice') };
  await errorOf(snakepit.execute('end', twice, { idempotent: true }));
  expect(performance.now() - begunAtMs).toBeGreaterThan(3_000);
  expect(await bench.marked('twice', 2)).toHaveLength(2);
  await snakepit.awaitReady();
  // A pause that its caller would not outlast is none: it is told at once.
  const late = { how: '3', mark: bench.path('late') };
  const error = await errorOf(snakepit.execute('end', late, { idempotent: true, timeout: 2_500 }));
  expect(['WORKER_CRASHED', 'TIMEOUT']).toContain(error.code);
  expect(await bench.marked('late')).toHaveLength(1);
});

test('[I5.9] the circuit breaker refuses at once while workers keep dying, and lets calls through again', async () => {
  const snakepit = await bench.start({
    ...bench.mortal(quick),
    circuitBreaker: { enabled: true, failureThreshold: 3, resetTimeout: 1_000 },
  });
  const { system } = snakepit;
  const heard: string[] = [];
  for (const name of ['opened', 'half_open', 'closed'] as const) {
    system.telemetry.on(`snakepit.circuit_breaker.${name}`, () => void heard.push(name));
  }
  // Called in the same turn, before the worker can be back and the pause over.
  const refused = new Promise<SnakepitError>((resolve, reject) => {
    system.telemetry.on('snakepit.circuit_breaker.opened', () => {
      errorOf(snakepit.execute('add', { a: 1, b: 2 })).then(resolve, reject);
    });
  });
  // Exceptions of tools are answers.
  for (let i = 0; i < 5; i++) await errorOf(snakepit.execute('fail', { message: 'no' }));
  for (let i = 0; i < 3; i++) {
    await errorOf(snakepit.execute('end', { how: String(10 + i) }));
    await until(() => snakepit.workers()[0]?.state.startsWith('ready') === true, 'it to be back');
  }
  const error = await refused;
  expect(error.code).toBe('CIRCUIT_OPEN');
  expect(error.details['retryAfterMs']).toBeLessThanOrEqual(1_000);
  expect(error.cause).toMatchObject({ code: 'WORKER_CRASHED' });
  await until(() => heard.includes('half_open'), 'it to let one try');
  expect(await snakepit.execute('add', { a: 1, b: 2 })).toBe(3);
  await until(() => heard.includes('closed'), 'it to close');
  expect(heard).toEqual(['opened', 'half_open', 'closed']);
  await snakepit.stop();
  expect(bench.leftovers()).toEqual([]);
});

test('[I5.2] a worker that goes on with a call that was given up is replaced, where that was asked for', async () => {
  const snakepit = await bench.start({ ...bench.mortal(quick), cancelGrace: 300 });
  const osPid = osPidOf(snakepit);
  const given = new AbortController();
  const args = { seconds: 100, mark: bench.path('begun') };
  const stuck = errorOf(snakepit.execute('hold_gil', args, { signal: given.signal }));
  await bench.marked('begun');
  given.abort();
  expect((await stuck).code).toBe('CANCELLED');
  expect(await snakepit.execute('pid')).not.toBe(osPid);
  expect(snakepit.workers()).toMatchObject([{ restarts: 1 }]);
});
