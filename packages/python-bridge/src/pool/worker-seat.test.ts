import { expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createWorkerHistory } from '../worker/worker-history.ts';
import { WorkerSeat } from './worker-seat.ts';

function createBench() {
  const clock = createTestClock();
  const backoff = { initialMs: 1, maxMs: 1, factor: 1, jitter: 0 };
  const heard: string[] = [];
  const seat = new WorkerSeat({
    workerId: 'w1',
    history: createWorkerHistory({ backoff, goodRunMs: 1, clock }),
    membership: 'member',
    now: () => clock.now(),
    onNews: ({ type }) => void heard.push(type),
  });
  return { seat, heard };
}

const failed = {
  type: 'worker.failed',
  error: bridgeError('WORKER_CRASHED', { reason: 'it crashed' }),
} as const;

test('[I5.8] a replacement that fails is no news; one that has taken over and then fails is', () => {
  const { seat, heard } = createBench();
  seat.hear('first', { type: 'worker.ready' });
  seat.try();
  seat.hear('second', failed);
  expect(heard).toEqual(['worker.ready']);
  seat.hear('second', { type: 'worker.ready' });
  expect(seat.place).toBe('second');
  // The old one still finishes its calls.
  seat.hear('second', { type: 'worker.down' });
  seat.hear('second', failed);
  expect(heard).toEqual(['worker.ready', 'worker.ready', 'worker.down', 'worker.failed']);
});

test('[I5.8] what the old one tells after another has taken over is no news', () => {
  const { seat, heard } = createBench();
  seat.hear('first', { type: 'worker.ready' });
  seat.try();
  seat.hear('second', { type: 'worker.ready' });
  seat.hear('first', { type: 'worker.down' });
  seat.hear('first', failed);
  expect(heard).toEqual(['worker.ready', 'worker.ready']);
  expect(seat.servingSinceMs).toBe(0);
});
