import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Replacements that have executed as many calls as they may before their predecessors are gone.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

function recyclingsOf({ system }: Snakepit): string[] {
  const told: string[] = [];
  system.telemetry.on('snakepit.worker.recycled', (_, { reason }) => void told.push(reason));
  return told;
}

describe.each(callPaths)('a worker that is worn as soon as it serves, %s', (path) => {
  test('[I5.8] by what waits for it', async () => {
    const snakepit = await bench.start({ ...poolOf(path), recycle: { maxRequests: 1, jitter: 0 } });
    const told = recyclingsOf(snakepit);
    // Whenever a replacement takes over, more wait than it may be given.
    for (let round = 1; round <= 3; round++) {
      const caller = async (): Promise<void> => {
        while (told.length < round) await snakepit.execute('slow', { seconds: 0.02 });
      };
      await Promise.all(Array.from({ length: 4 }, caller));
    }
    expect(new Set(told)).toEqual(new Set(['max_requests']));
    expect(snakepit.stats()).toMatchObject({ failed: 0, retried: 0 });
  });

  test('[I5.8] while the old one finishes its calls', async () => {
    const snakepit = await bench.start({
      ...{ concurrency: 2, ...poolOf(path) },
      recycle: { maxRequests: 2, jitter: 0 },
    });
    const told = recyclingsOf(snakepit);
    const first = osPidOf(snakepit);
    const gate = bench.path('gate');
    const long = snakepit.execute('hold', { gate, mark: bench.path('begun') });
    await bench.marked('begun');
    await snakepit.execute('pid');
    await until(() => osPidOf(snakepit) !== first, 'another to take over');
    for (let i = 0; i < 2; i++) await snakepit.execute('pid');
    expect(told).toEqual([]);
    writeFileSync(gate, '');
    expect(await long).toBe('done');
    await until(() => told.length === 2, 'the second to be replaced, too');
  });
});
