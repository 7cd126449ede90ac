import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const programs = join(import.meta.dirname, '../fixtures/processes');
const limitMs = 300_000;

/** What one cycle may leave behind. Any object that stays is more; what the engine learns and keeps is not. */
const bytesPerCycle = 60;

/** How far two measurements of the same heap may be apart. */
const noiseBytes = 400_000;

interface Plan {
  readonly rounds: number;
  readonly cycles: number;
  readonly sends: number;
  readonly leaks?: boolean;
  readonly crashIsolation?: 'async';
}

interface Left {
  readonly heapBytes: number;
  readonly processes: readonly string[];
  readonly keys: number;
  readonly timers: number;
}

/** What is left after each round, and how much the heap grew after the first of them, which warms the engine up. */
async function run(plan: Plan): Promise<{ left: readonly Left[]; grownBytes: number }> {
  const { code, stdout, stderr } = await runProgram([
    '--expose-gc',
    '--conditions=@snakepit/source',
    '--import',
    join(programs, 'typescript-loader.mjs'),
    join(programs, 'leak-program.mjs'),
    JSON.stringify(plan),
  ]);
  expect([code, stderr]).toEqual([0, '']);
  const left = JSON.parse(stdout) as readonly Left[];
  return { left, grownBytes: (left.at(-1)?.heapBytes ?? NaN) - (left[1]?.heapBytes ?? NaN) };
}

function allowedBytes({ rounds, cycles }: Plan): number {
  return Math.max(noiseBytes, bytesPerCycle * cycles * (rounds - 2));
}

describe('processes that come and go leave nothing behind', () => {
  test.each<[name: string, plan: Plan]>([
    [
      '10,000 cycles of crashes and stops, and 1,000,000 messages to the dead',
      { rounds: 6, cycles: 2_500, sends: 200_000 },
    ],
    [
      'with isolation of asynchronous crashes',
      { rounds: 4, cycles: 1_500, sends: 0, crashIsolation: 'async' },
    ],
  ])(
    '%s',
    async (_name, plan) => {
      const { left, grownBytes } = await run(plan);
      expect(grownBytes).toBeLessThan(allowedBytes(plan));
      for (const { processes, keys, timers } of left) {
        expect(processes).toEqual(['keys', 'registryPartition', 'dynamic']);
        expect([keys, timers]).toEqual([0, 0]);
      }
    },
    limitMs,
  );

  test(
    'one reference that is kept for each cycle is seen',
    async () => {
      const plan = { rounds: 3, cycles: 2_000, sends: 0, leaks: true };
      const { grownBytes } = await run(plan);
      expect(grownBytes).toBeGreaterThan(allowedBytes(plan));
    },
    limitMs,
  );
});
