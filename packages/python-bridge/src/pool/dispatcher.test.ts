import { describe, expect, test } from '@jest/globals';
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

  test('[I7.5] the worker that has just served well is next', async () => {
    const { dispatcher, call } = createBench();
    const workers = ['w1', 'w2', 'w3'].map((id) => new ScriptedWorker(id));
    for (const worker of workers) dispatcher.admit(worker);
    // Nobody has served yet: the one that has been free longest.
    for (const tool of ['a', 'b', 'c']) call(tool);
    expect(workers.map(({ tools }) => tools)).toEqual([['a'], ['b'], ['c']]);
    workers[1]?.answer();
    await settle();
    workers[0]?.answer();
    await settle();
    for (const tool of ['d', 'e']) call(tool);
    expect(workers.map(({ tools }) => tools)).toEqual([['d'], ['e'], ['c']]);
    workers[1]?.answer();
    await settle();
    call('f');
    expect(workers.map(({ tools }) => tools)).toEqual([['d'], ['f'], ['c']]);
  });

  test('[I7.5] a worker whose calls fail at once does not draw all others', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const [sick, sound] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(sick);
    dispatcher.admit(sound);
    for (let n = 1; n <= 6; n++) {
      call(`call ${String(n)}`);
      if (sick.calls.length > 0) sick.fail(new Error('no GPU'));
      else sound.answer();
      await settle();
    }
    expect(Object.values(outcomes)).toEqual([expect.any(Error), ...Array<string>(5).fill('done')]);
  });

  test('[I7.5] a worker that has not let go of a call that was given up is not next', async () => {
    const { dispatcher, call } = createBench();
    const [first, second] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(first);
    dispatcher.admit(second);
    call('a', { timeoutMs: Infinity });
    first.answer();
    await settle();
    const giveUp = new AbortController();
    call('b', { signal: giveUp.signal });
    giveUp.abort();
    await settle();
    call('c');
    expect([first.tools, second.tools]).toEqual([[], ['c']]);
    first.letGo();
    second.answer();
    await settle();
    call('d');
    expect([first.tools, second.tools]).toEqual([[], ['d']]);
  });

  test('[I7.5] a worker that has served well and was withdrawn is called no more', async () => {
    const { dispatcher, call } = createBench();
    const [first, second] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(first);
    dispatcher.admit(second);
    call('a');
    first.answer();
    await settle();
    dispatcher.withdraw(first);
    call('b');
    expect([first.tools, second.tools]).toEqual([[], ['b']]);
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

  test('the limit counts from the beginning, also for a call that has waited; its worker is told what is left', async () => {
    const { dispatcher, clock } = createBench();
    const worker = new ScriptedWorker('w1');
    const error = errorOf(dispatcher.execute({ ...anyCall, timeoutMs: 900 }));
    await clock.advance(400);
    dispatcher.admit(worker);
    expect(worker.calls[0]?.limits.timeoutMs).toBe(500);
    await clock.advance(500);
    expect(await error).toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 900 } });
    expect((await error).message).toContain('worker "w1" of pool "p"');
    expect(worker.tools).toEqual([]);
    expect(worker.lingering).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('[I5.2] a call that was given up keeps its place until the worker has let go of it', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const controller = new AbortController();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('given up', { signal: controller.signal });
    call('next');
    controller.abort();
    await settle();
    expect(outcomes).toEqual({ 'given up': 'CANCELLED' });
    expect(dispatcher.stats()).toMatchObject({ cancelled: 1, inFlight: 0, queued: 1 });
    expect([worker.tools, dispatcher.inFlightOf('w1')]).toEqual([[], 1]);
    worker.letGo();
    expect(worker.tools).toEqual(['next']);
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
    worker.answer();
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

  test('a call in flight is cancelled at its worker, and counted so', async () => {
    const { dispatcher, call, outcomes, clock } = createBench();
    const controller = new AbortController();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a', { signal: controller.signal });
    controller.abort();
    await settle();
    expect(outcomes).toEqual({ a: 'CANCELLED' });
    expect([worker.tools, worker.lingering.length]).toEqual([[], 1]);
    expect(dispatcher.stats()).toMatchObject({ cancelled: 1, failed: 0 });
    expect(clock.pending).toBe(0);
  });

  test.each(['signal', 'time'])(
    '[I5.2] of calls that end by one %s none begins when another makes room',
    async (end) => {
      const { dispatcher, call, outcomes, clock } = createBench();
      const begun: string[] = [];
      const worker = new ScriptedWorker('w1');
      const begin = worker.begin.bind(worker);
      // This one lets go of a call at once.
      worker.begin = (...args) => {
        const running = begin(...args);
        begun.push(args[0].tool);
        const cancel = (error: Error): void => {
          running.cancel(error);
          worker.letGo();
        };
        return { ...running, cancel };
      };
      dispatcher.admit(worker);
      let idle = false;
      dispatcher.whenIdle(() => (idle = true));
      const controller = new AbortController();
      const options = end === 'signal' ? { signal: controller.signal } : { timeoutMs: 100 };
      for (const tool of ['a', 'b', 'c']) call(tool, options);
      dispatcher.stopAccepting();
      if (end === 'signal') controller.abort();
      else await clock.advance(100);
      await settle();
      const code = end === 'signal' ? 'CANCELLED' : 'TIMEOUT';
      expect(outcomes).toEqual({ a: code, b: code, c: code });
      expect([begun, idle]).toEqual([['a'], true]);
      expect(dispatcher.stats()).toMatchObject({ accepted: 3, queued: 0, inFlight: 0 });
      expect(clock.pending).toBe(0);
    },
  );
});
