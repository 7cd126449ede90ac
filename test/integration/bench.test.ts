import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../fixtures/run-program.ts';

/** Each work has a process for each contestant, some fifty in all: seconds, or minutes on a machine that is busy. */
const LIMIT_MS = 900_000;

interface Row {
  readonly name: string;
  readonly against: string;
}

const range = [expect.any(Number), expect.any(Number)];
const row = {
  name: expect.any(String),
  against: expect.any(String),
  ours: expect.any(Number),
  peer: expect.any(Number),
  ratio: expect.any(Number),
  unit: expect.stringMatching(/^(µs|ms|KB|restarts\/s|calls\/s|chunks\/s)$/),
  samples: 1,
  spread: { ours: range, peer: range, ratio: range },
};
const loads = ['1 in flight', '16 in flight', '64 in flight'];
const goal = { text: expect.any(String), met: expect.any(Boolean) };

/** Runs suites on the least work that they take; what they find is not looked at. */
async function bench(only: string, ...more: readonly string[]): Promise<Row[]> {
  const least = ['--rounds', '1', '--scale', '0.01', '--json'];
  const args = ['bench/main.mjs', '--only', only, ...least, ...more];
  const { code, stdout, stderr, left } = await runProgram(args);
  // On a machine that is busy there are warnings of long turns, and without Erlang/OTP a note.
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  expect(left).toEqual([]);
  return JSON.parse(stdout) as Row[];
}

describe('npm run bench', () => {
  test(
    'measures the actors beside their peers, each row well-formed, and leaves no process',
    async () => {
      const rows = await bench('actors');
      for (const each of rows) expect([row, { ...row, goal }]).toContainEqual(each);
      const pairs = rows.map(({ name, against }) => `${name}, ${against}`);
      expect(new Set(pairs).size).toBe(pairs.length);
      const peers = rows.map(({ against }) => against).join('\n');
      for (const peer of ['nact', 'comedy', 'effect', 'XState', 'bare class', 'ours']) {
        expect(peers).toContain(peer);
      }
    },
    LIMIT_MS,
  );

  test(
    '[R11.5] measures calls, large values and streams beside bare gRPC, alone and many in flight, against their goals',
    async () => {
      const rows = await bench('execute,overhead,bytes,streams');
      expect(rows).toHaveLength(24);
      for (const each of rows) expect([row, { ...row, goal }]).toContainEqual(each);
      const judged = rows.filter((each) => 'goal' in each).map(({ name }) => name);
      for (const load of loads) expect(judged).toContainEqual(expect.stringContaining(load));
    },
    LIMIT_MS,
  );

  test(
    '[I7.5] measures how pools grow, and leaves no process',
    async () => {
      const rows = await bench('spawning,scale', '--workers', '3', '--launch', 'spawn');
      const names = rows.map(({ name }) => name);
      for (const what of [
        ...['3 workers ready, spawned', 'all ready', 'memory of Python, each'],
        ...['CPU of the runtime', 'CPU of all Python', 'false verdicts', 'stop(), confirmed'],
        ...['runtime killed, last one gone', 'calls spread over all'],
        ...['bare processes (limit)', 'each computes 1 ms', 'each computes 5 ms'],
        'replacement answers, spawn',
      ]) {
        expect(names).toContainEqual(expect.stringContaining(what));
      }
      const unit = expect.stringMatching(/^(ms|MB|% of a core|verdicts|calls\/s)$/);
      for (const each of rows) {
        // Starts are short: there are two of them in each round.
        const samples = each.name.endsWith('all ready') ? 2 : 1;
        expect([
          { ...row, unit, samples },
          { ...row, unit, samples, goal },
        ]).toContainEqual(each);
      }
      expect(rows.find(({ name }) => name.includes('false verdicts'))).toMatchObject({ ours: 0 });
    },
    LIMIT_MS,
  );

  test('names a suite that there is not, and what there is', async () => {
    const { code, stdout, stderr } = await runProgram(['bench/main.mjs', '--only', 'speed']);
    expect(stderr).toMatch(/^--only speed: there is no such suite\n\nnpm run bench/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
