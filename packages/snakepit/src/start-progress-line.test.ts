import { describe, expect, test } from '@jest/globals';
import { createTelemetry } from '@snakepit/core';
// Brings the events of pools with it.
import type {} from '@snakepit/python-bridge';
import { showStartProgress } from './start-progress-line.ts';

function bench(isTTY: boolean, columns?: number) {
  const telemetry = createTelemetry();
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text), isTTY, columns };
  const end = showStartProgress(telemetry, output);
  const tell = (
    pool: string,
    ready: number,
    total: number,
    elapsedMs: number,
    failed = 0,
  ): void => {
    const remaining = total - ready - failed;
    telemetry.emit(
      'snakepit.pool.start.progress',
      { ready, failed, remaining, total, elapsedMs },
      { pool },
    );
  };
  return { written, end, tell };
}

describe('the line of progress', () => {
  test('[I7.4] one line for all pools, written over and over, gone when all have started', () => {
    const { written, tell } = bench(true);
    tell('default', 1, 100, 500);
    tell('gpu', 1, 3, 900, 1);
    tell('default', 100, 100, 8_000);
    tell('gpu', 2, 3, 8_100, 1);
    expect(written).toEqual([
      '\r\u001B[Kstarting: default 1/100; 0.5 s, about 49.5 s to go',
      '\r\u001B[Kstarting: default 1/100, gpu 1/3 (1 given up); 0.9 s, about 49.5 s to go',
      '\r\u001B[Kstarting: default 100/100, gpu 1/3 (1 given up); 8.0 s, about 0.5 s to go',
      '\r\u001B[K',
    ]);
  });

  test('[I7.4] it fits on the line, and nothing is left of it when it is ended', () => {
    const { written, end, tell } = bench(true, 20);
    tell('default', 1, 100, 500);
    end();
    tell('default', 2, 100, 600);
    expect(written).toEqual(['\r\u001B[Kstarting: default 1', '\r\u001B[K']);
  });

  test('[I7.4] where nobody reads on a terminal nothing is written', () => {
    const { written, end, tell } = bench(false);
    tell('default', 1, 100, 500);
    end();
    expect(written).toEqual([]);
  });
});
