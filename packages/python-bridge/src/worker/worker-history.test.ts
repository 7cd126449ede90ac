import { describe, expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { createWorkerHistory, type HistoryParts, type WorkerHistory } from './worker-history.ts';

const backoff = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0.5 };

function historyOf(parts: Partial<HistoryParts> = {}): WorkerHistory {
  return createWorkerHistory({ backoff, goodRunMs: 10_000, clock: createTestClock(), ...parts });
}

describe('worker history', () => {
  test('[R10.2] failed starts in a row are counted until one succeeds', () => {
    const history = historyOf();
    history.startFailed();
    history.startFailed();
    expect(history.failedStarts).toBe(2);
    history.becameReady();
    expect([history.failedStarts, history.starts]).toEqual([0, 1]);
  });

  test('[R10.2] [I4.6] the first restart is immediate, each further pause longer, to a limit', () => {
    const history = historyOf({ random: () => 0 });
    const pauses = Array.from({ length: 7 }, () => {
      history.startFailed();
      return history.backoffMs();
    });
    expect(pauses).toEqual([0, 100, 200, 400, 800, 1_000, 1_000]);
  });

  test('[I4.6] without a host a start is not counted, but the next waits a little, whatever the pauses are', () => {
    const history = historyOf({ backoff: { initialMs: 0, maxMs: 0, factor: 1, jitter: 0 } });
    history.couldNotStart();
    expect([history.failedStarts, history.backoffMs()]).toEqual([0, 200]);
    history.startFailed();
    expect([history.failedStarts, history.backoffMs()]).toEqual([1, 0]);
    for (const over of [() => history.becameReady(), () => history.startOver()]) {
      history.couldNotStart();
      over();
      expect(history.backoffMs()).toBe(0);
    }
  });

  test('a part of the pause is left to chance', () => {
    const history = historyOf({ random: () => 1 });
    history.startFailed();
    history.startFailed();
    expect(history.backoffMs()).toBe(50);
    const real = historyOf();
    real.startFailed();
    real.startFailed();
    expect(real.backoffMs()).toBeGreaterThanOrEqual(50);
    expect(real.backoffMs()).toBeLessThanOrEqual(100);
  });

  test('crashes in a row are slowed down; a good run wipes the record', async () => {
    const clock = createTestClock();
    const history = historyOf({ clock, random: () => 0 });
    for (const expectedMs of [0, 100, 200]) {
      history.becameReady();
      history.crashed();
      expect(history.backoffMs()).toBe(expectedMs);
    }
    history.becameReady();
    await clock.advance(10_000);
    history.crashed();
    expect([history.backoffMs(), history.starts]).toEqual([0, 4]);
  });

  test('it remembers why it was given up, until it is ready or started anew', () => {
    const news: string[] = [];
    const history: WorkerHistory = historyOf({
      onNews: () => void news.push(history.givenUp === undefined ? 'ready' : 'given up'),
    });
    const reason = {
      error: bridgeError('WORKER_START_FAILED', { reason: 'no licence', failure: 'exited' }),
      ...{ cause: 'exited' as const, permanent: false },
    };
    history.gaveUp(reason);
    expect(history.givenUp).toBe(reason);
    history.becameReady();
    expect(history.givenUp).toBeUndefined();
    for (let i = 0; i < 3; i++) history.startFailed();
    history.gaveUp(reason);
    history.startOver();
    expect([history.givenUp, history.failedStarts, history.backoffMs()]).toEqual([undefined, 0, 0]);
    expect(news).toEqual(['given up', 'ready', 'given up']);
  });
});
