import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { anyCall, createBench, errorOf, ScriptedWorker, settle } from './dispatcher.fixture.ts';
import { failed, ready, withPool, type PoolBench } from './pool.fixture.ts';
import { poolName } from './pool.ts';

describe('ending', () => {
  const shutDown = async ({ system, clock }: PoolBench): Promise<void> => {
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
      expect(state()).toEqual({ ending: 'awaitingCalls' });
      expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('SHUTTING_DOWN');
      worker.answer('done');
      expect(await call).toBe('done');
      await clock.advance(0);
      expect([state(), bench.ended]).toEqual([undefined, []]);
    }));

  test('[R6.2] its workers do not wait a second time for what took too long', () =>
    withPool(2, {}, async (bench) => {
      const { dispatcher, state, clock } = bench;
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      dispatcher.execute(anyCall).catch(() => undefined);
      bench.stopping = true;
      await shutDown(bench);
      await clock.advance(4_999);
      expect(bench.ended).toEqual([]);
      await clock.advance(1);
      expect([state(), bench.ended]).toEqual([undefined, ['all']]);
      worker.answer();
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
      expect(bench.state()).toEqual({ ending: 'awaitingCalls' });
      await bench.tell(failed('w2'));
      expect(bench.state()).toBeUndefined();
      expect(bench.dispatcher.stats()).toMatchObject({ failed: 1, queued: 0 });
    }));

  test('[R6.1] [I4.4] told to drain it takes no more calls, says when it has ended those that it had, and waits', () =>
    withPool(1, {}, async (bench) => {
      const { dispatcher, state, tell, clock, heard } = bench;
      const worker = new ScriptedWorker('w1');
      await tell(ready('w1'));
      dispatcher.admit(worker);
      const call = dispatcher.execute(anyCall);
      bench.stopping = true;
      await tell({ type: 'pool.drain' });
      expect(state()).toEqual({ draining: 'awaitingCalls' });
      expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('SHUTTING_DOWN');
      worker.answer('done');
      expect(await call).toBe('done');
      await clock.advance(0);
      expect([state(), heard]).toEqual(['drained', ['ready', 'drained']]);
      await shutDown(bench);
      expect([state(), bench.ended]).toEqual([undefined, []]);
    }));

  test.each<[string, (bench: PoolBench) => Promise<void>, readonly string[]]>([
    ['its time is over', ({ clock }) => clock.advance(5_000), ['all']],
    ['it is hurried', ({ tell }) => tell({ type: 'shutdown.hurried' }), []],
    ['its last worker is given up', ({ tell }) => tell(failed('w1')), []],
  ])('[R6.1] [R6.3] [I4.4] draining it waits for no call when %s', (_, happen, ended) =>
    withPool(1, {}, async (bench) => {
      const worker = new ScriptedWorker('w1');
      bench.dispatcher.admit(worker);
      bench.dispatcher.execute(anyCall).catch(() => undefined);
      bench.stopping = true;
      await bench.tell({ type: 'pool.drain' });
      await happen(bench);
      worker.answer();
      expect([bench.state(), bench.heard.includes('drained'), bench.ended]).toEqual([
        'drained',
        true,
        ended,
      ]);
    }),
  );

  test('[R6.1] its supervisor may end it while it drains', () =>
    withPool(1, {}, async (bench) => {
      const worker = new ScriptedWorker('w1');
      bench.dispatcher.admit(worker);
      const call = bench.dispatcher.execute(anyCall);
      bench.stopping = true;
      await bench.tell({ type: 'pool.drain' });
      await shutDown(bench);
      expect(bench.state()).toEqual({ ending: 'awaitingCalls' });
      worker.answer('done');
      expect(await call).toBe('done');
      await bench.clock.advance(0);
      expect(bench.state()).toBeUndefined();
    }));

  test('[I4.6] what is closed stays so for a pool that is started too late, and for its workers', async () => {
    const { dispatcher, call, outcomes } = createBench();
    call('waits');
    const reason = 'supervision has given up';
    dispatcher.close(bridgeError('WORKER_UNAVAILABLE', { reason, maybeExecuted: false }));
    await withPool(1, { dispatcher }, async () => {
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      call('comes');
      await settle();
      expect(outcomes).toEqual({ waits: 'WORKER_UNAVAILABLE', comes: 'WORKER_UNAVAILABLE' });
      expect(worker.tools).toEqual([]);
    });
  });
});
