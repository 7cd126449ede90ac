import { describe, expect, test } from '@jest/globals';
import { createBroadcast } from './broadcast.ts';

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('createBroadcast', () => {
  test('gives every reader what comes after its subscription', async () => {
    const broadcast = createBroadcast<number>(10);
    const early = collect(broadcast.subscribe([0]));
    broadcast.publish(1);
    const late = collect(broadcast.subscribe());
    broadcast.publish(2);
    await Promise.resolve();
    broadcast.publish(3);
    broadcast.close();
    expect(await early).toEqual([0, 1, 2, 3]);
    expect(await late).toEqual([2, 3]);
    expect(await collect(broadcast.subscribe([4]))).toEqual([4]);
  });

  test('drops the oldest for a reader that does not keep up', async () => {
    const broadcast = createBroadcast<number>(3);
    const slow = broadcast.subscribe();
    for (let item = 0; item < 10; item += 1) broadcast.publish(item);
    broadcast.close();
    expect(await collect(slow)).toEqual([7, 8, 9]);
  });

  test('a reader that leaves gets nothing more', async () => {
    const broadcast = createBroadcast<number>(3);
    const reader = broadcast.subscribe();
    for (const item of [1, 2]) broadcast.publish(item);
    for await (const item of reader) {
      expect(item).toBe(1);
      break;
    }
    broadcast.publish(3);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});
