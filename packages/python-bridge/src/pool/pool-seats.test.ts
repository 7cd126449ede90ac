import { describe, expect, test } from '@jest/globals';
import { PoolSeats } from './pool-seats.ts';

function seatsOf(size: number): PoolSeats {
  return new PoolSeats({
    ...{ pool: 'p', size },
    historyFor: () => ({}) as never,
    now: () => 0,
    onNews: () => undefined,
  });
}

describe('PoolSeats', () => {
  test('[I7.5] a new worker takes the lowest number that is free, however many there are', () => {
    const seats = seatsOf(1_000);
    expect([seats.count, seats.ids.at(0), seats.ids.at(-1)]).toEqual([
      1_000,
      'p_worker_1',
      'p_worker_1000',
    ]);
    seats.remove('p_worker_700');
    seats.remove('p_worker_3');
    seats.remove('p_worker_3');
    expect(seats.count).toBe(998);
    const added = [1, 2, 3].map(() => seats.add('member').workerId);
    expect(added).toEqual(['p_worker_3', 'p_worker_700', 'p_worker_1001']);
  });
});
