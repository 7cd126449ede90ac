import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SnakepitBench } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

describe('fairness', () => {
  test('[I5.1] a session that floods the pool with 1000 calls does not delay the only call of another', async () => {
    const snakepit = await bench.start({ maxQueueSize: 2_000, queueTimeout: 60_000 });
    const flood = snakepit.session('flood');
    let done = 0;
    const calls = Array.from({ length: 1_000 }, (_, i) =>
      flood.execute('echo', { value: i }).then(() => {
        done += 1;
      }),
    );
    // Its first call is at the worker, the others wait.
    await calls[0];
    const before = done;
    await snakepit.session('other').execute('echo', { value: 'other' });
    expect(done - before).toBeLessThanOrEqual(3);
    await Promise.all(calls);
  });

  test('[I5.1] an urgent call goes before those that wait', async () => {
    const snakepit = await bench.start({ maxQueueSize: 200 });
    const order: string[] = [];
    const call = (name: string, priority: 'high' | 'normal' | 'low'): Promise<void> =>
      snakepit.execute('echo', { value: name }, { priority }).then(() => {
        order.push(name);
      });
    const busy = snakepit.execute('slow', { seconds: 0.2 });
    await Promise.all([
      call('low', 'low'),
      ...Array.from({ length: 20 }, (_, i) => call(`normal ${String(i)}`, 'normal')),
      call('high', 'high'),
    ]);
    await busy;
    expect(order[0]).toBe('high');
    // Passed over eight times in a row, and then no more.
    expect(order.indexOf('low')).toBeLessThanOrEqual(9);
  });
});
