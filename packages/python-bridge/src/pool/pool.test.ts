import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  createTestClock,
  exitReason,
  silentLogger,
  type ActorSystem,
  type TestClock,
} from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { anyCall, errorOf, ScriptedWorker } from './dispatcher.fixture.ts';
import { createDispatcher, type PoolDispatcher } from './dispatcher.ts';
import type { PoolServices } from './pool-services.ts';
import { poolName, poolProcess } from './pool.ts';

interface Bench {
  readonly clock: TestClock;
  readonly system: ActorSystem;
  readonly dispatcher: PoolDispatcher;
  /** Ids of the workers that were started, in order. */
  readonly started: string[];
  readonly ended: string[];
  readonly heard: string[];
  stopping: boolean;
  readonly state: () => unknown;
  readonly tell: (event: object) => Promise<void>;
}

async function withPool(
  size: number,
  options: Partial<PoolServices>,
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const clock = createTestClock();
  const system = createSystem({ clock, logger: silentLogger });
  const dispatcher = createDispatcher({
    ...{ pool: 'p', clock, concurrency: 1, maxQueueSize: 10, queueTimeoutMs: Infinity },
  });
  const bench: Bench = {
    ...{ clock, system, dispatcher, started: [], ended: [], heard: [], stopping: false },
    state: () => system.processInfo(system.whereis(poolName('p')) ?? (null as never))?.stateValue,
    tell: (event) => {
      system.cast(poolName('p'), event as never);
      return clock.advance(0);
    },
  };
  const services: PoolServices = {
    dispatcher,
    isStopping: () => bench.stopping,
    startWorker: (id) => {
      bench.started.push(id);
      return Promise.resolve(undefined);
    },
    endWorker: (id) => void bench.ended.push(id),
    startupBatchSize: 10,
    startupBatchDelayMs: 0,
    onReady: () => void bench.heard.push('ready'),
    onFailed: ({ message }) => void bench.heard.push(message.split('\n')[0] ?? ''),
    ...options,
  };
  const workerIds = Array.from({ length: size }, (_, i) => `w${String(i + 1)}`);
  const input = { name: 'p', drainTimeoutMs: 5_000, workerIds, services };
  system.spawn(poolProcess, input, { name: poolName('p') });
  await clock.advance(0);
  try {
    await run(bench);
  } finally {
    for (const { pid } of [...system.processes()]) system.exit(pid, exitReason.kill);
    const stopped = system.stop();
    await clock.advance(0);
    await stopped;
  }
  expect(clock.pending).toBe(0);
}

const ready = (workerId: string) => ({ type: 'worker.ready', workerId });
const failed = (workerId: string) => ({
  type: 'worker.failed',
  workerId,
  error: bridgeError('WORKER_START_FAILED', { reason: 'no', failure: 'exited' }),
});

describe('starting', () => {
  test('so many at a time as may start, the next when one has settled', () =>
    withPool(5, { startupBatchSize: 2 }, async ({ started, tell, heard, state }) => {
      expect(started).toEqual(['w1', 'w2']);
      await tell(ready('w2'));
      expect(started).toEqual(['w1', 'w2', 'w3']);
      await tell(failed('w1'));
      await tell(ready('w3'));
      expect(started).toEqual(['w1', 'w2', 'w3', 'w4', 'w5']);
      expect(state()).toEqual({ running: 'filling' });
      await tell(ready('w4'));
      await tell(ready('w5'));
      expect(state()).toEqual({ running: 'degraded' });
      await tell(ready('w1'));
      expect(heard).toEqual(['[WORKER_START_FAILED] the worker did not start: no.', 'ready']);
    }));

  test('with a pause between them; one that has not ended when the pool does starts nobody', () =>
    withPool(
      4,
      { startupBatchSize: 1, startupBatchDelayMs: 500 },
      async ({ started, tell, clock, system }) => {
        expect(started).toEqual(['w1']);
        await tell(ready('w1'));
        await clock.advance(499);
        expect(started).toEqual(['w1']);
        await clock.advance(1);
        expect(started).toEqual(['w1', 'w2']);
        await tell(ready('w2'));
        const pid = system.whereis(poolName('p'));
        if (pid !== undefined) system.exit(pid, exitReason.kill);
        await clock.advance(10_000);
        expect(started).toEqual(['w1', 'w2']);
      },
    ));

  test('a worker that its supervisor does not start is given up', () => {
    const startWorker = () => Promise.resolve(new Error('not started'));
    return withPool(1, { startWorker }, async ({ heard, state, dispatcher }) => {
      expect([heard, state()]).toEqual([['not started'], { running: 'failed' }]);
      const error = await errorOf(dispatcher.execute(anyCall));
      expect(error.message).toContain('every worker of the pool is given up');
      expect(error.cause).toEqual(new Error('not started'));
    });
  });

  test('[R6.4] [I4.6] when one that was given up is started anew, calls wait for it', () =>
    withPool(2, {}, async ({ tell, state, dispatcher, clock }) => {
      await tell(failed('w1'));
      await tell(failed('w2'));
      expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('WORKER_UNAVAILABLE');
      await tell({ type: 'worker.revived', workerId: 'w1' });
      expect(state()).toEqual({ running: 'filling' });
      const call = dispatcher.execute(anyCall);
      await tell(ready('w1'));
      expect(state()).toEqual({ running: 'degraded' });
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      await clock.advance(0);
      worker.answer('done');
      expect(await call).toBe('done');
    }));
});

describe('ending', () => {
  const shutDown = async ({ system, clock }: Bench): Promise<void> => {
    const pid = system.whereis(poolName('p'));
    if (pid !== undefined) system.exit(pid, exitReason.shutdown);
    await clock.advance(0);
  };

  test('[R6.1] with all of Snakepit it waits for its calls, takes no more, and then fails what comes', () =>
    withPool(1, {}, async (bench) => {
      const { dispatcher, state, clock } = bench;
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      const call = dispatcher.execute(anyCall);
      bench.stopping = true;
      await shutDown(bench);
      expect(state()).toEqual({ draining: 'awaitingCalls' });
      expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('SHUTTING_DOWN');
      worker.answer('done');
      expect(await call).toBe('done');
      await clock.advance(0);
      expect([state(), bench.ended]).toEqual([undefined, []]);
    }));

  test('[R6.2] its workers do not wait a second time for what took too long', () =>
    withPool(2, {}, async (bench) => {
      const { dispatcher, state, clock } = bench;
      dispatcher.admit(new ScriptedWorker('w1'));
      dispatcher.execute(anyCall).catch(() => undefined);
      bench.stopping = true;
      await shutDown(bench);
      await clock.advance(4_999);
      expect(bench.ended).toEqual([]);
      await clock.advance(1);
      expect([state(), bench.ended]).toEqual([undefined, ['w1', 'w2']]);
    }));

  test('[R6.4] without the rest of Snakepit it waits for nothing: calls go on and wait for its next life', () =>
    withPool(1, {}, async (bench) => {
      const { dispatcher, state, clock } = bench;
      const [worker, next] = [new ScriptedWorker('w1'), new ScriptedWorker('w1')];
      dispatcher.admit(worker);
      const calls = [dispatcher.execute(anyCall), dispatcher.execute(anyCall)];
      await shutDown(bench);
      expect(state()).toBeUndefined();
      dispatcher.withdraw(worker);
      worker.answer(1);
      dispatcher.admit(next);
      await clock.advance(0);
      next.answer(2);
      expect(await Promise.all(calls)).toEqual([1, 2]);
    }));

  test('when the last worker is given up meanwhile, there is nothing to wait for', () =>
    withPool(2, {}, async (bench) => {
      bench.dispatcher.execute(anyCall).catch(() => undefined);
      bench.stopping = true;
      await shutDown(bench);
      await bench.tell(failed('w1'));
      expect(bench.state()).toEqual({ draining: 'awaitingCalls' });
      await bench.tell(failed('w2'));
      expect(bench.state()).toBeUndefined();
      expect(bench.dispatcher.stats()).toMatchObject({ failed: 1, queued: 0 });
    }));
});
