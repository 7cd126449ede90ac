import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { playRounds } from './rounds.ts';
import { targets } from './targets.ts';
import type { Target } from './victims/target.ts';

// A short run of what `npm run fuzz` does; docs/security.md has a long one.

jest.setTimeout(300_000);

/** What gRPC, and V8 after it, may keep for their own use, in MiB. */
const tolerableGrowthMiB = 400;

let target: Target | undefined;
afterEach(async () => {
  await target?.close();
  target = undefined;
});

describe.each([...targets])('$name', ({ open, attacks }) => {
  test('[I5.12] stays, answers others, and does not grow, whoever calls it', async () => {
    target = await open();
    const seed = 20_260_101;
    const { failures, memoryMiB, rounds } = await playRounds(target, { seed, rounds: 20, attacks });
    expect(failures).toEqual([]);
    expect(rounds).toBe(20);
    expect(memoryMiB.end - memoryMiB.before).toBeLessThan(tolerableGrowthMiB);
  });
});

describe('a round', () => {
  const nobody = { name: 'nobody', victims: [{ address: '127.0.0.1:1', token: '' }] };
  const harmless = [{ name: 'nothing', run: () => Promise.resolve() }];

  test('[I5.12] that hurt somebody is told, with what was done', async () => {
    const dead = { pids: [2 ** 22 + 1], check: () => Promise.resolve() };
    const silent = { pids: [], check: () => Promise.reject(new Error('no answer')) };
    const plan = { seed: 1, rounds: 5, attacks: harmless };
    const close = (): Promise<void> => Promise.resolve();
    expect(await playRounds({ ...nobody, ...dead, close }, plan)).toMatchObject({
      failures: [expect.stringMatching(/^round 0 \(nothing.*\): process 4194305 is gone$/u)],
    });
    expect(await playRounds({ ...nobody, ...silent, close }, plan)).toMatchObject({
      failures: [expect.stringMatching(/^round 0 \(nothing.*\): no answer/u)],
    });
  });

  test('[I5.12] is the same for the same seed', async () => {
    const chosen = async (seed: number): Promise<object> => {
      const well = { pids: [], check: () => Promise.resolve(), close: () => Promise.resolve() };
      const many = ['a', 'b', 'c'].map((name) => ({ ...harmless[0], name, run: harmless[0]?.run }));
      const known = many.flatMap(({ name, run }) => (run === undefined ? [] : [{ name, run }]));
      return (await playRounds({ ...nobody, ...well }, { seed, rounds: 30, attacks: known }))
        .attacks;
    };
    expect(await chosen(7)).toEqual(await chosen(7));
    expect(await chosen(7)).not.toEqual(await chosen(8));
  });
});
