import { describe, expect, test } from '@jest/globals';
import type { Affinity, OnWorkerLost } from './affinity.ts';
import {
  anyCall,
  crashed,
  createBench,
  errorOf,
  ScriptedWorker,
  settle,
  type Bench,
} from './dispatcher.fixture.ts';
import type { SessionBinding } from './pool-call.ts';

function bind(
  { dispatcher }: Bench,
  id: string,
  affinity: Affinity = 'hint',
  onWorkerLost: OnWorkerLost = 'fail',
): SessionBinding {
  const hear = (): void => undefined;
  const metadata = { of: id };
  return dispatcher.bind({
    id,
    affinity,
    onWorkerLost,
    metadata,
    callBegan: hear,
    callEnded: hear,
  });
}

function workersOf({ dispatcher }: Bench, ...ids: readonly string[]): ScriptedWorker[] {
  return ids.map((id) => {
    const worker = new ScriptedWorker(id);
    dispatcher.admit(worker);
    return worker;
  });
}

describe('sessions', () => {
  test('[I5.3] one is opened on a worker before its first call there, and closed on all of them', () => {
    const bench = createBench();
    const [first, second] = workersOf(bench, 'w1', 'w2');
    const binding = bind(bench, 's');
    bench.call('a', { binding });
    expect([first?.sessions, second?.sessions]).toEqual([new Map([['s', { of: 's' }]]), new Map()]);
    bench.call('b', { binding });
    expect(second?.sessions).toEqual(new Map([['s', { of: 's' }]]));
    first?.answer();
    second?.answer();
    bench.dispatcher.release(binding);
    expect([first?.sessions.size, second?.sessions.size]).toEqual([0, 0]);
  });

  test('[I5.3] a hint stays with the worker of its first call, also when others have helped out', () => {
    const bench = createBench();
    const [first, second] = workersOf(bench, 'w1', 'w2');
    const binding = bind(bench, 's');
    for (const tool of ['a', 'b']) bench.call(tool, { binding });
    second?.answer();
    first?.answer();
    bench.call('c', { binding });
    expect([first?.tools, second?.tools]).toEqual([['c'], []]);
  });

  test('[I5.3] sessions are divided among the workers, whoever has just served', () => {
    const bench = createBench();
    const workers = workersOf(bench, 'w1', 'w2', 'w3');
    const chosen = ['s1', 's2', 's3', 's4'].map((id) => {
      const binding = bind(bench, id, 'strictQueue');
      bench.call(id, { binding });
      const worker = workers.find(({ tools }) => tools.length > 0);
      worker?.answer();
      return worker?.workerId;
    });
    expect(chosen).toEqual(['w1', 'w2', 'w3', 'w1']);
  });

  test('[I5.3] a strict session waits for its worker while others have room, and holds up nobody', () => {
    const bench = createBench();
    const [first, second] = workersOf(bench, 'w1', 'w2');
    const binding = bind(bench, 's', 'strictQueue');
    for (const tool of ['a', 'b']) bench.call(tool, { binding });
    bench.call('other');
    expect([first?.tools, second?.tools]).toEqual([['a'], ['other']]);
    second?.answer();
    expect(second?.tools).toEqual([]);
    first?.answer();
    expect(first?.tools).toEqual(['b']);
  });

  test('[I5.3] the calls that a new strict session makes before any worker is there go to one worker', () => {
    const bench = createBench();
    const binding = bind(bench, 's', 'strictQueue');
    for (const tool of ['a', 'b', 'c']) bench.call(tool, { binding });
    const [first, second] = workersOf(bench, 'w1', 'w2');
    expect([first?.tools, second?.tools]).toEqual([['a'], []]);
    first?.answer();
    expect([first?.tools, second?.tools]).toEqual([['b'], []]);
  });

  test('[I5.3] its worker is replaced in order: what waits is lost, or goes to another at once', async () => {
    for (const onWorkerLost of ['fail', 'fresh'] as const) {
      const bench = createBench();
      const [first, second] = workersOf(bench, 'w1', 'w2');
      const binding = bind(bench, 's', 'strictQueue', onWorkerLost);
      for (const tool of ['a', 'b']) bench.call(tool, { binding });
      if (first === undefined) throw new Error('no worker');
      bench.dispatcher.withdraw(first);
      first.answer();
      await settle();
      expect(bench.outcomes['a']).toBe('done');
      if (onWorkerLost === 'fresh') expect(second?.tools).toEqual(['b']);
      else {
        expect(bench.outcomes['b']).toBe('SESSION_LOST');
        const error = await errorOf(bench.dispatcher.execute({ ...anyCall, binding }));
        expect(error.message).toContain('session "s" has lost its worker "w1" of pool "p"');
      }
    }
  });

  test('[I5.3] one that is begun anew while its last call goes on stays open where both are', () => {
    const bench = createBench({ concurrency: 2 });
    const [worker] = workersOf(bench, 'w1');
    const [old, anew] = [bind(bench, 's'), bind(bench, 's')];
    bench.call('a', { binding: old });
    bench.call('b', { binding: anew });
    worker?.answer();
    bench.dispatcher.release(old);
    expect(worker?.sessions).toEqual(new Map([['s', { of: 's' }]]));
    worker?.answer();
    bench.dispatcher.release(anew);
    expect(worker?.sessions.size).toBe(0);
  });

  test('[I5.3] what was begun anew loses its worker as any other', () => {
    const bench = createBench();
    const [worker] = workersOf(bench, 'w1');
    const old = bind(bench, 's', 'strictQueue', 'fresh');
    bench.call('a', { binding: old });
    worker?.answer();
    bench.call('b', { binding: bind(bench, 's') });
    bench.call('c', { binding: old });
    if (worker !== undefined) bench.dispatcher.withdraw(worker);
    const [second] = workersOf(bench, 'w2');
    expect(second?.tools).toEqual(['c']);
  });

  test('[I5.3] strictFailFast: a call that is tried again does not wait for a worker either', async () => {
    const bench = createBench();
    const [worker] = workersOf(bench, 'w1');
    const binding = bind(bench, 's', 'strictFailFast', 'fresh');
    bench.call('a', { binding, idempotent: true });
    if (worker !== undefined) bench.dispatcher.withdraw(worker);
    worker?.die(crashed());
    await settle();
    expect(bench.outcomes).toEqual({ a: 'WORKER_CRASHED' });
    expect(bench.dispatcher.stats()).toMatchObject({ queued: 0, retried: 0, failed: 1 });
  });

  test('[I5.1] one that floods the queue delays the only call of another by one', () => {
    const bench = createBench({ maxQueueSize: 2_000 });
    const [flood, other] = [bind(bench, 'flood'), bind(bench, 'other')];
    for (let call = 0; call < 1_000; call++) {
      bench.call(`flood ${String(call)}`, { binding: flood });
    }
    bench.call('other', { binding: other });
    const [worker] = workersOf(bench, 'w1');
    expect(worker?.tools).toEqual(['flood 0']);
    worker?.answer();
    expect(worker?.tools).toEqual(['other']);
  });
});

describe('priorities', () => {
  test('[I5.1] who waits goes by priority, but nobody waits for ever', () => {
    const bench = createBench({ maxQueueSize: 100 });
    bench.call('low', { priority: 'low' });
    bench.call('normal');
    for (let call = 0; call < 20; call++) bench.call(`h${String(call)}`, { priority: 'high' });
    const [worker] = workersOf(bench, 'w1');
    const order: string[] = [];
    while (worker !== undefined && worker.tools.length > 0) {
      order.push(...worker.tools);
      worker.answer();
    }
    expect(order.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => `h${String(n)}`));
    expect(order.slice(8, 11)).toEqual(['low', 'normal', 'h8']);
  });
});

describe('a worker that does not let go', () => {
  test('[I5.2] is told of when its grace is over, unless it has let go or takes no more calls', async () => {
    const stuck: object[] = [];
    const bench = createBench({ cancelGraceMs: 500, onStuck: (each) => void stuck.push(each) });
    const [worker] = workersOf(bench, 'w1');
    bench.call('a', { timeoutMs: 100 });
    await bench.clock.advance(100);
    await bench.clock.advance(499);
    worker?.letGo();
    await bench.clock.advance(1_000);
    expect(stuck).toEqual([]);
    bench.call('b', { timeoutMs: 100 });
    await bench.clock.advance(600);
    expect(stuck).toEqual([{ workerId: 'w1', tool: 'b', session: undefined }]);
    worker?.letGo();
    bench.call('c', { timeoutMs: 100 });
    await bench.clock.advance(100);
    if (worker !== undefined) bench.dispatcher.withdraw(worker);
    await bench.clock.advance(1_000);
    expect(stuck).toHaveLength(1);
    worker?.letGo();
    expect(bench.clock.pending).toBe(0);
  });
});

describe('a pause before another attempt', () => {
  test('counts as waiting, ends by time, cancel or failure of the pool', async () => {
    const guard = {
      refusal: () => undefined,
      enter: () => 0,
      leave: () => undefined,
      attempted: () => undefined,
      retryDelay: (attempts: number) => (attempts < 2 ? 200 : undefined),
    };
    const bench = createBench({ guard });
    const controller = new AbortController();
    const [worker, second] = workersOf(bench, 'w1', 'w2');
    bench.call('a', { idempotent: true });
    bench.call('b', { idempotent: true, signal: controller.signal });
    worker?.fail(crashed());
    second?.fail(crashed());
    expect(bench.dispatcher.stats()).toMatchObject({ queued: 2, inFlight: 0, retried: 0 });
    controller.abort();
    await bench.clock.advance(199);
    expect([worker?.tools, second?.tools]).toEqual([[], []]);
    await bench.clock.advance(1);
    expect([...(worker?.tools ?? []), ...(second?.tools ?? [])]).toEqual(['a']);
    expect(bench.outcomes).toEqual({ b: 'CANCELLED' });
    expect(bench.dispatcher.stats()).toMatchObject({ queued: 0, inFlight: 1, retried: 1 });
  });
});
