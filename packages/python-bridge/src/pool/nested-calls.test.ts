import { describe, expect, test } from '@jest/globals';
import {
  createBench,
  ScriptedWorker,
  settle,
  type Bench,
  type Limits,
} from './dispatcher.fixture.ts';

const nested = { isNested: true };

function benchWith(limits: Limits, ...ids: readonly string[]): [Bench, ...ScriptedWorker[]] {
  const bench = createBench(limits);
  const workers = ids.map((id) => new ScriptedWorker(id));
  for (const worker of workers) bench.dispatcher.admit(worker);
  return [bench, ...workers];
}

/** The worker has done this one, whichever came before. */
function end(worker: ScriptedWorker | undefined, tool: string): void {
  const at = worker?.calls.findIndex((call) => call.tool === tool) ?? -1;
  const [ended] = worker?.calls.splice(at, 1) ?? [];
  ended?.listener.settled(undefined, 'done');
  ended?.listener.released();
}

describe('calls that are made while Python waits for Node', () => {
  test('[I5.6] take the place of the call that waits, which nobody else gets', async () => {
    const [{ dispatcher, call, order }, worker] = benchWith({}, 'w1');
    call('outer');
    call('other');
    const takeBack = dispatcher.lend('w1');
    expect(worker?.tools).toEqual(['outer']);
    call('inner', nested);
    expect(worker?.tools).toEqual(['outer', 'inner']);
    end(worker, 'inner');
    await settle();
    expect(worker?.tools).toEqual(['outer']);
    takeBack();
    call('late', nested);
    // Nobody lends a place any more; but it goes before those that came first.
    expect(worker?.tools).toEqual(['outer']);
    end(worker, 'outer');
    await settle();
    expect(worker?.tools).toEqual(['late']);
    end(worker, 'late');
    await settle();
    expect(worker?.tools).toEqual(['other']);
    end(worker, 'other');
    await settle();
    expect(order).toEqual(['inner', 'outer', 'late', 'other']);
    expect(dispatcher.stats()).toMatchObject({ queued: 0, inFlight: 0, succeeded: 4 });
  });

  test('[I5.6] wait for each other in a lent place, and for one that is lent later', async () => {
    const [{ dispatcher, call }, worker] = benchWith({ maxQueueSize: 0 }, 'w1');
    call('outer');
    dispatcher.lend('w1');
    // Never refused for a full queue: whoever waits for them holds a place.
    for (const tool of ['a', 'b', 'c']) call(tool, nested);
    expect(worker?.tools).toEqual(['outer', 'a']);
    expect(dispatcher.stats()).toMatchObject({ queued: 2, refused: 0 });
    // The nested call waits for Node in its turn.
    dispatcher.lend('w1');
    expect(worker?.tools).toEqual(['outer', 'a', 'b']);
    end(worker, 'b');
    await settle();
    expect(worker?.tools).toEqual(['outer', 'a', 'c']);
  });

  test('[I5.6] prefer a worker that is free, and are cancelled and end in time as others', async () => {
    const [{ dispatcher, call, outcomes, clock }, first, second] = benchWith({}, 'w1', 'w2');
    call('outer');
    dispatcher.lend('w1');
    call('inner', nested);
    expect([first?.tools, second?.tools]).toEqual([['outer'], ['inner']]);
    call('beside', nested);
    expect(first?.tools).toEqual(['outer', 'beside']);
    const controller = new AbortController();
    call('given up', { ...nested, signal: controller.signal });
    call('late', { ...nested, timeoutMs: 50 });
    controller.abort();
    await clock.advance(60);
    await settle();
    expect(outcomes).toEqual({ 'given up': 'CANCELLED', late: 'TIMEOUT' });
    expect(dispatcher.stats()).toMatchObject({ queued: 0 });
  });

  test('[I5.6] are served while the pool finishes what it has, also by a worker that leaves', async () => {
    const [{ dispatcher, call, outcomes }, worker] = benchWith({}, 'w1');
    let idle = false;
    dispatcher.whenIdle(() => (idle = true));
    call('outer');
    const takeBack = dispatcher.lend('w1');
    dispatcher.stopAccepting();
    if (worker !== undefined) dispatcher.withdraw(worker);
    call('refused');
    call('inner', nested);
    expect(worker?.tools).toEqual(['outer', 'inner']);
    end(worker, 'inner');
    takeBack();
    end(worker, 'outer');
    await settle();
    expect(outcomes).toEqual({ refused: 'SHUTTING_DOWN', inner: 'done', outer: 'done' });
    expect(idle).toBe(true);
    expect(dispatcher.inFlightOf('w1')).toBe(0);
  });

  test('[I5.6] and where the call begins to wait for Node only when its worker leaves', async () => {
    const [{ dispatcher, call, outcomes }, worker] = benchWith({}, 'w1');
    call('outer');
    if (worker !== undefined) dispatcher.withdraw(worker);
    dispatcher.lend('w1');
    call('inner', nested);
    expect(worker?.tools).toEqual(['outer', 'inner']);
    end(worker, 'inner');
    end(worker, 'outer');
    await settle();
    expect(outcomes).toEqual({ inner: 'done', outer: 'done' });
  });

  test('[I5.6] a place is lent by workers that are there, and never more than there are calls', () => {
    const [{ dispatcher, call }, worker] = benchWith({}, 'w1');
    dispatcher.lend('nobody')();
    dispatcher.lend('w1');
    dispatcher.lend('w1');
    call('a');
    call('b', nested);
    call('c', nested);
    expect(worker?.tools).toEqual(['a', 'b', 'c']);
    call('d', nested);
    expect(worker?.tools).toHaveLength(3);
  });
});
