import { describe, expect, test } from '@jest/globals';
import { bridgeError } from '../errors.ts';
import { anyCall, createBench, errorOf, ScriptedWorker, settle } from './dispatcher.fixture.ts';

describe('handing out', () => {
  test('calls run at once where a worker is free, others wait in order', async () => {
    const { dispatcher, call, order } = createBench();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    for (const tool of ['a', 'b', 'c']) call(tool);
    expect(worker.tools).toEqual(['a']);
    expect(dispatcher.stats()).toMatchObject({ accepted: 3, queued: 2, inFlight: 1 });
    for (const next of ['b', 'c']) {
      worker.answer();
      await settle();
      expect(worker.tools).toEqual([next]);
    }
    worker.answer();
    await settle();
    expect(order).toEqual(['a', 'b', 'c']);
    expect(dispatcher.stats()).toMatchObject({ succeeded: 3, queued: 0, inFlight: 0 });
  });

  test('the worker that has been free longest is next', async () => {
    const { dispatcher, call } = createBench();
    const workers = ['w1', 'w2', 'w3'].map((id) => new ScriptedWorker(id));
    for (const worker of workers) dispatcher.admit(worker);
    for (const tool of ['a', 'b', 'c']) call(tool);
    expect(workers.map(({ tools }) => tools)).toEqual([['a'], ['b'], ['c']]);
    workers[1]?.answer();
    await settle();
    workers[0]?.answer();
    await settle();
    call('d');
    call('e');
    expect(workers.map(({ tools }) => tools)).toEqual([['e'], ['d'], ['c']]);
  });

  test('a worker executes as many calls at the same time as it may, and they are spread', async () => {
    const { dispatcher, call } = createBench({ concurrency: 2 });
    const workers = ['w1', 'w2'].map((id) => new ScriptedWorker(id));
    for (const worker of workers) dispatcher.admit(worker);
    for (const tool of ['a', 'b', 'c', 'd', 'e']) call(tool);
    expect(workers.map(({ tools }) => tools)).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
    workers[1]?.answer();
    await settle();
    expect(workers[1]?.tools).toEqual(['d', 'e']);
    expect(dispatcher.inFlightOf('w2')).toBe(2);
  });

  test('[R6.2] the calls that a withdrawn worker finishes are still told', async () => {
    const { dispatcher, call } = createBench({ concurrency: 2 });
    const [old, successor] = [new ScriptedWorker('w1'), new ScriptedWorker('w1')];
    dispatcher.admit(old);
    for (const tool of ['a', 'b']) call(tool);
    dispatcher.withdraw(old);
    expect(dispatcher.inFlightOf('w1')).toBe(2);
    old.answer();
    await settle();
    dispatcher.admit(successor);
    call('c');
    expect(dispatcher.inFlightOf('w1')).toBe(2);
    old.answer();
    successor.answer();
    await settle();
    expect([dispatcher.inFlightOf('w1'), dispatcher.inFlightOf('w2')]).toEqual([0, 0]);
  });

  test('a worker that is withdrawn gets no more calls, those it has go on', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const [first, second] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(first);
    call('a');
    call('b');
    dispatcher.withdraw(first);
    first.answer(1);
    await settle();
    expect(outcomes).toEqual({ a: 1 });
    expect(dispatcher.stats()).toMatchObject({ queued: 1, inFlight: 0 });
    dispatcher.admit(second);
    expect([first.tools, second.tools]).toEqual([[], ['b']]);
    expect(dispatcher.inFlightOf('w1')).toBe(0);
  });

  test('a worker that announces itself again is not admitted twice', async () => {
    const { dispatcher, call } = createBench();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a');
    dispatcher.admit(worker);
    call('b');
    expect(worker.tools).toEqual(['a']);
    worker.answer();
    await settle();
    expect(worker.tools).toEqual(['b']);
  });

  test('the successor of a worker takes its place; the end of the predecessor does not touch it', () => {
    const { dispatcher, call } = createBench();
    const [old, fresh] = [new ScriptedWorker('w1'), new ScriptedWorker('w1')];
    dispatcher.admit(old);
    dispatcher.admit(fresh);
    dispatcher.withdraw(old);
    call('a');
    expect([old.tools, fresh.tools]).toEqual([[], ['a']]);
  });
});

describe('the queue', () => {
  test('is bounded, and says how long it is', async () => {
    const { dispatcher, call } = createBench({ maxQueueSize: 2 });
    call('a');
    call('b');
    const error = await errorOf(dispatcher.execute(anyCall));
    expect(error.message).toContain('the queue of pool "p" is full (2 of 2 requests waiting)');
    expect(dispatcher.stats()).toMatchObject({ accepted: 2, refused: 1, queued: 2 });
  });

  test('a limit of 0 lets none wait, but those run for which a worker is free', async () => {
    const { dispatcher, call } = createBench({ maxQueueSize: 0 });
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a');
    expect(worker.tools).toEqual(['a']);
    expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('QUEUE_FULL');
  });

  test('nobody waits longer than the queue allows', async () => {
    const { dispatcher, clock } = createBench({ queueTimeoutMs: 500 });
    const error = errorOf(dispatcher.execute(anyCall));
    const other = errorOf(dispatcher.execute(anyCall));
    await clock.advance(500);
    expect((await error).message).toContain(
      'no worker of pool "p" became free within 500 ms (1 requests waiting)',
    );
    expect((await other).code).toBe('QUEUE_TIMEOUT');
    expect(dispatcher.stats()).toMatchObject({ failed: 2, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  test("the call's own limit counts in the queue, too", async () => {
    const { dispatcher, clock } = createBench();
    const error = errorOf(dispatcher.execute({ ...anyCall, timeoutMs: 200 }));
    await clock.advance(200);
    expect((await error).message).toContain(
      'tool "any", which still waited for a worker, (pool "p") did not finish within 200 ms',
    );
  });

  test('without limits a call waits for ever, and no timer is set', () => {
    const { dispatcher, clock } = createBench({ queueTimeoutMs: Infinity });
    void dispatcher.execute({ ...anyCall, timeoutMs: Infinity });
    expect(clock.pending).toBe(0);
  });

  test('a worker gets only the time that the wait has left; the error names the whole', async () => {
    const { dispatcher, clock } = createBench();
    const worker = new ScriptedWorker('w1');
    const error = errorOf(dispatcher.execute({ ...anyCall, timeoutMs: 900 }));
    await clock.advance(400);
    dispatcher.admit(worker);
    expect(worker.calls[0]?.limits.deadlineMs).toBe(500);
    const details = { pool: 'p', worker: 'w1', operation: 'tool "any"', timeoutMs: 500 };
    worker.fail(bridgeError('TIMEOUT', { ...details, option: 'x' }));
    expect(await error).toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 900 } });
    expect((await error).message).toContain('worker "w1" of pool "p"');
    expect(clock.pending).toBe(0);
  });

  test('a call that is cancelled leaves the queue', async () => {
    const { dispatcher, call, clock } = createBench();
    const controller = new AbortController();
    const error = errorOf(dispatcher.execute({ ...anyCall, signal: controller.signal }));
    call('next');
    controller.abort(new Error('enough'));
    expect(await error).toMatchObject({ code: 'CANCELLED', cause: { message: 'enough' } });
    expect(dispatcher.stats()).toMatchObject({ cancelled: 1, queued: 1 });
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    expect(worker.tools).toEqual(['next']);
    expect(clock.pending).toBe(0);
  });

  test('a call that is cancelled before it comes is not taken', async () => {
    const { dispatcher } = createBench();
    const error = await errorOf(
      dispatcher.execute({ ...anyCall, signal: AbortSignal.abort('no') }),
    );
    expect(error).toMatchObject({ code: 'CANCELLED', cause: 'no' });
    expect(dispatcher.stats()).toMatchObject({ accepted: 0, refused: 1 });
  });

  test('a call in flight is cancelled by its worker, and counted so', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const { signal } = new AbortController();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a', { signal });
    expect(worker.calls[0]?.limits.signal).toBe(signal);
    worker.fail(bridgeError('CANCELLED', {}));
    await settle();
    expect(outcomes).toEqual({ a: 'CANCELLED' });
    expect(dispatcher.stats()).toMatchObject({ cancelled: 1, failed: 0 });
  });
});
