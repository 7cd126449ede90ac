import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ObedientProgram } from '../fixtures/obedient-program.ts';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// The Node process ends by itself, in one of the ways in which its `exit` listeners still run.

jest.setTimeout(120_000);

let bench: SnakepitBench;
let programs: ObedientProgram[];
beforeEach(() => {
  bench = new SnakepitBench();
  programs = [];
});
afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()));
  await bench.close();
});

async function startFamily(): Promise<ObedientProgram> {
  // Nothing but what the runtime does at its own exit may end them here.
  const env = { SNAKEPIT_WITHOUT_LAYERS: 'lifeline,eof,opinion' };
  const program = new ObedientProgram(bench.config([{ size: 2, env }]));
  programs.push(program);
  await program.heard('started');
  // One that has left its group, by setsid and a double fork.
  await program.call('escapee');
  return program;
}

describe('the runtime ends by itself', () => {
  test.each([
    ['exit', 0],
    ['throw', 1],
    ['reject', 1],
  ] as const)(
    '[I4.5] %s: it takes its workers and what left their groups along, with every other layer off',
    async (act, status) => {
      const program = await startFamily();
      expect(bench.processes()).toHaveLength(3);
      program.tell({ do: act });
      expect(await program.exited).toEqual([status, null]);
      // What it wrote last may be read later than its end.
      if (act !== 'exit') {
        await until(() => program.errors.includes('on purpose'), 'why it ended');
      }
      // They were sent SIGKILL before it ended; there is nobody else who would end them.
      await until(() => bench.processes().length === 0, 'all of them to end');
      const snakepit = await bench.start();
      expect(bench.runs()).toHaveLength(1);
      expect(bench.reports.filter((text) => text.includes('earlier run'))).toEqual([]);
      await snakepit.stop();
      expect(bench.leftovers()).toEqual([]);
    },
  );

  test('[R1.2] [R6.5] [I4.5] when nothing is left to do after stop(): the loop is empty, and so is the machine', async () => {
    const program = await startFamily();
    program.tell({ do: 'stop' });
    expect(await program.exited).toEqual([0, null]);
    expect(bench.leftovers()).toEqual([]);
  });
});
