import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { anyCall, errorOf, ScriptedWorker } from './dispatcher.fixture.ts';
import { failed, ready, withPool } from './pool.fixture.ts';
import { poolName } from './pool.ts';

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

  test('[I7.4] first one for each processor, then as many as the time that starts take allows', () =>
    withPool(60, { startupBatchSize: 20, processors: 2 }, async ({ started, tell, clock }) => {
      expect(started).toEqual(['w1', 'w2']);
      let settled = 0;
      const atOnce = (): number => started.length - settled;
      const settle = async (): Promise<void> => {
        settled += 1;
        await tell(ready(`w${String(settled)}`));
      };
      // Starts that wait for something else than processors: ever more at a time, up to the limit.
      const seen: number[] = [];
      while (started.length < 60) {
        await clock.advance(100);
        seen.push(atOnce());
        for (let i = atOnce(); i > 0; i--) await settle();
      }
      expect(seen.slice(0, 2)).toEqual([2, 5]);
      expect(Math.max(...seen)).toBe(20);
    }));

  test('[I7.4] starts that take longer and longer are fewer at a time', () =>
    withPool(60, { startupBatchSize: 20, processors: 2 }, async ({ started, tell, clock }) => {
      const seen: number[] = [];
      let settled = 0;
      while (started.length < 60) {
        const atOnce = started.length - settled;
        seen.push(atOnce);
        await clock.advance((100 * Math.max(2, atOnce)) / 2);
        settled += 1;
        await tell(ready(`w${String(settled)}`));
      }
      expect(Math.max(...seen)).toBeLessThan(8);
      expect(Math.max(...seen)).toBeGreaterThan(2);
    }));

  test('[I7.4] calls are served from the first worker on, and refused when the last is given up', () =>
    withPool(2, {}, async ({ tell, served, state }) => {
      await tell(failed('w1'));
      expect(served).toEqual([]);
      await tell(ready('w2'));
      expect([served, state()]).toEqual([['serving'], { running: 'degraded' }]);
      await tell({ type: 'worker.down', workerId: 'w2' });
      await tell(failed('w2'));
      expect(served).toEqual(['serving', '[WORKER_START_FAILED] the worker did not start: no.']);
    }));

  test('[I7.4] how far the starts have got is told, also when the pool grows and when one is wanted back', () =>
    withPool(2, {}, async ({ tell, system }) => {
      const told: string[] = [];
      system.telemetry.on('snakepit.pool.start.progress', (m, { pool }) => {
        told.push(`${pool} ${String(m.ready)}+${String(m.failed)} of ${String(m.total)}`);
      });
      await tell(ready('w1'));
      await tell(failed('w2'));
      await tell({ type: 'worker.down', workerId: 'w1' });
      await tell(ready('w1'));
      await tell({ type: 'worker.added', workerId: 'w3' });
      await tell(ready('w3'));
      await tell({ type: 'worker.revived', workerId: 'w2' });
      await tell(ready('w2'));
      expect(told).toEqual(['p 1+0 of 2', 'p 1+1 of 2', 'p 1+0 of 1', 'p 1+0 of 1']);
    }));

  test('[I5.8] one that is added is started in its turn, and one that is removed counts no more', () =>
    withPool(2, { startupBatchSize: 1 }, async ({ started, tell, state }) => {
      await tell({ type: 'worker.added', workerId: 'w3' });
      await tell(ready('w1'));
      await tell({ type: 'worker.removed', workerId: 'w2' });
      expect(started).toEqual(['w1', 'w2', 'w3']);
      expect(state()).toEqual({ running: 'filling' });
      await tell(ready('w3'));
      expect(state()).toEqual({ running: 'serving' });
      // What is told of it late changes nothing.
      await tell({ type: 'worker.down', workerId: 'w2' });
      await tell(failed('w2'));
      expect(state()).toEqual({ running: 'serving' });
    }));

  test('[I5.8] one that is removed before its turn is not started', () =>
    withPool(3, { startupBatchSize: 1 }, async ({ started, tell, state }) => {
      await tell({ type: 'worker.removed', workerId: 'w2' });
      await tell(ready('w1'));
      expect(started).toEqual(['w1', 'w3']);
      await tell({ type: 'worker.removed', workerId: 'w3' });
      expect(state()).toEqual({ running: 'serving' });
    }));

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
