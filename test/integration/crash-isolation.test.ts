import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

const programs = join(import.meta.dirname, '../fixtures/processes');
const nodeMajor = Number(process.versions.node.split('.')[0]);
const limitMs = 60_000;

interface Scenario {
  /** Whether the system isolates crashes of asynchronous code. */
  readonly isolated: boolean;
  /** To which events of `process` the program listens. */
  readonly listens?: readonly string[];
  /** Which processes fail, one after the other. */
  readonly inside?: readonly string[];
  /** How the program itself fails, at its end. */
  readonly outside?: string;
}

/** Runs a program of its own: how Node ended it, and what it wrote. */
async function run(scenario: Scenario, flags: readonly string[] = []): Promise<object> {
  const { code, signal, stdout, stderr, left } = await runProgram([
    ...flags,
    '--import',
    join(programs, 'typescript-loader.mjs'),
    join(programs, 'crashing-program.mjs'),
    JSON.stringify(scenario),
  ]);
  // Warnings carry the number of the operating system's process; how deep a stack is depends on the time of day.
  const written = stderr
    .replaceAll(/\(node:\d+\)/g, '(node)')
    .replaceAll(/\n *(at|\.\.\.) .*/g, '');
  return { code, signal, left, stdout: stdout.split('\n').slice(0, -1), stderr: written };
}

const fine = { code: 0, signal: null, left: [], stderr: '' };

describe("crashIsolation: 'async', in a program of its own", () => {
  test(
    '[PRC-004] [PRC-005] whatever a process began, its failure ends that process and nobody else',
    async () => {
      const inside = [
        ...['timer', 'interval', 'immediate', 'nextTick', 'rejection', 'asyncFunction'],
        ...['continuation', 'file', 'listener', 'stream', 'socket'],
        // Before Node 24 an error in queueMicrotask has lost whose it was when Node tells of it.
        ...(nodeMajor >= 24 ? ['microtask'] : []),
      ];
      const expected = inside.map((kind, index) => {
        const message = kind === 'socket' ? 'connect ECONNREFUSED 127.0.0.1:1' : kind;
        return `${kind}: error(Error: ${message}), neighbour ${String(index + 1)}`;
      });
      const ended = await run({ isolated: true, inside });
      expect(ended).toEqual({ ...fine, stdout: [...expected, 'the end'] });
    },
    limitMs,
  );

  test(
    'handlers of the program hear of rejections, and of nothing else that is of a process',
    async () => {
      const inside = ['timer', 'rejection'];
      const listens = ['uncaughtException', 'unhandledRejection'];
      expect(await run({ isolated: true, inside, listens })).toEqual({
        ...fine,
        stdout: [
          'timer: error(Error: timer), neighbour 1',
          'unhandledRejection: rejection',
          'rejection: error(Error: rejection), neighbour 2',
          'the end',
        ],
      });
    },
    limitMs,
  );

  test(
    '[PRC-022] what processes leave floating when the system stops is not the end of the program',
    async () => {
      expect(await run({ isolated: true, inside: ['untilItIsGone'] })).toEqual({
        ...fine,
        stdout: ['untilItIsGone: alive, neighbour 1', 'the end'],
      });
    },
    limitMs,
  );

  test(
    'without it the host ends at the first of them',
    async () => {
      expect(await run({ isolated: false, inside: ['timer'] })).toMatchObject({
        code: 1,
        stdout: [],
        stderr: expect.stringContaining('Error: timer'),
      });
    },
    limitMs,
  );

  const strict = '--unhandled-rejections=strict';
  test.each<[outside: string, listens: readonly string[], flags: readonly string[]]>([
    ['timer', [], []],
    ['timer', ['uncaughtException'], []],
    ['rejection', [], []],
    ['rejection', ['uncaughtException'], []],
    ['rejection', ['unhandledRejection'], []],
    ['rejection', ['uncaughtException', 'unhandledRejection'], [strict]],
    ['rejection', [], [strict]],
    ['rejection', [], ['--unhandled-rejections=warn']],
    ['rejection', [], ['--unhandled-rejections=warn-with-error-code']],
    ['text', [], []],
    // A failed answer that the program does not wait for is not of who failed to answer.
    ['answer', [], []],
    ['answer', ['unhandledRejection'], []],
  ])(
    'the %s of nobody ends as it does without, with listeners %j and flags %j',
    async (outside, listens, flags) => {
      const without = await run({ isolated: false, outside, listens }, flags);
      const inside = ['timer', 'immediate'];
      const withIt = await run({ isolated: true, inside, outside, listens }, flags);
      const { stdout, ...rest } = withIt as { stdout: readonly string[] };
      expect(stdout.slice(0, 2)).toEqual([
        'timer: error(Error: timer), neighbour 1',
        'immediate: error(Error: immediate), neighbour 2',
      ]);
      expect({ ...rest, stdout: stdout.slice(2) }).toEqual(without);
    },
    limitMs,
  );
});
