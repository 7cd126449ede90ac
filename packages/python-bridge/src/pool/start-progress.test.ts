import { describe, expect, test } from '@jest/globals';
import { createTelemetry, createTestClock, silentLogger } from '@snakepit/core';
import { StartProgress } from './start-progress.ts';

function bench() {
  const clock = createTestClock();
  const telemetry = createTelemetry();
  const told: object[] = [];
  const lines: string[] = [];
  telemetry.on('snakepit.pool.start.progress', (measurements, { pool }) => {
    told.push({ pool, ...measurements });
  });
  const logger = { ...silentLogger, info: (text: string) => void lines.push(text) };
  return { clock, told, lines, progress: new StartProgress('p', { clock, telemetry, logger }) };
}

describe('how far a pool has got with starting', () => {
  test('[I7.4] an event when one has settled, ten times a second at most, and when all have', async () => {
    const { clock, told, progress } = bench();
    for (const id of ['a', 'b', 'c', 'd']) progress.add(id);
    progress.settle('a', 'ready');
    progress.settle('b', 'failed');
    await clock.advance(100);
    progress.settle('c', 'removed');
    progress.settle('c', 'ready');
    progress.settle('stranger', 'ready');
    progress.settle('d', 'ready');
    const pool = 'p';
    expect(told).toEqual([
      { pool, ready: 1, failed: 0, remaining: 3, total: 4, elapsedMs: 0 },
      { pool, ready: 1, failed: 1, remaining: 1, total: 3, elapsedMs: 100 },
      { pool, ready: 2, failed: 1, remaining: 0, total: 3, elapsedMs: 100 },
    ]);
    expect(clock.pending).toBe(0);
  });

  test('[I7.4] a line in the log every two seconds, and one at the end; none when it was a moment', async () => {
    const { clock, lines, progress } = bench();
    progress.add('a');
    await clock.advance(1_999);
    progress.settle('a', 'ready');
    expect([lines, clock.pending]).toEqual([[], 0]);
    for (const id of ['a', 'b', 'c']) progress.add(id);
    await clock.advance(2_000);
    progress.settle('a', 'ready');
    await clock.advance(2_000);
    progress.settle('b', 'failed');
    await clock.advance(500);
    progress.settle('c', 'ready');
    expect(lines).toEqual([
      'pool "p": 0 of 3 workers are ready after 2.0 s',
      'pool "p": 1 of 3 workers are ready after 4.0 s, about 8.0 s to go',
      'pool "p": 2 of 3 workers are ready after 4.5 s, 1 was given up',
    ]);
    expect(clock.pending).toBe(0);
  });

  test('closed, it says nothing more', async () => {
    const { clock, told, lines, progress } = bench();
    progress.add('a');
    progress.close();
    progress.settle('a', 'ready');
    await clock.advance(10_000);
    expect([told, lines, clock.pending]).toEqual([[], [], 0]);
  });
});
