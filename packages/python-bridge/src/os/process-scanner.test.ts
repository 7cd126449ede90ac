import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createToken, endCarriers } from '../../../../test/fixtures/processes/census.mjs';
import { startProcess } from '../../../../test/fixtures/processes/host-bench.mjs';
import { platformNamed } from './platform/current.ts';
import { createProcessScanner } from './process-scanner.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('createProcessScanner', () => {
  test('keeps the event loop for no more than a slice at a time', async () => {
    const stat = { pid: 42, state: 'S', parentPid: 1, groupId: 42, startTime: '7' };
    const takeMs = (ms: number): void => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    function* slowly() {
      for (let step = 0; step < 40; step += 1) {
        takeMs(1);
        yield stat;
      }
    }
    const platform = { ...platformNamed('linux'), listProcesses: slowly };
    let turns = 0;
    const count = setInterval(() => (turns += 1), 1);
    const found = await createProcessScanner(platform).membersOf([42]);
    clearInterval(count);
    expect(found).toHaveLength(40);
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  test('[I7.5] rests after a long look: who asks again and again has few of them', async () => {
    const stat = { pid: 42, state: 'S', parentPid: 1, groupId: 42, startTime: '7' };
    /** What four looks cost whose own time is not the machine's: the pauses between them, and turns of the event loop. */
    const looksOf = async (lookMs: number) => {
      let looks = 0;
      let nowMs = 0;
      jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
      function* listProcesses() {
        looks += 1;
        nowMs += lookMs;
        yield stat;
      }
      const scanner = createProcessScanner({ ...platformNamed('linux'), listProcesses });
      const askers = Array.from({ length: 20 }, async () => {
        for (let time = 0; time < 4; time++) expect(await scanner.membersOf([42])).toEqual([stat]);
      });
      let isOver = false;
      let turns = 0;
      const count = (): void => {
        turns += 1;
        if (!isOver) setImmediate(count);
      };
      count();
      const beganAt = process.hrtime.bigint();
      await Promise.all(askers);
      const pausesMs = Number(process.hrtime.bigint() - beganAt) / 1e6;
      isOver = true;
      expect(looks).toBe(4);
      return { pausesMs, turns };
    };
    // Three pauses of twice 20 ms between four looks, by timers that may be a millisecond early; none between quick ones.
    expect((await looksOf(20)).pausesMs).toBeGreaterThanOrEqual(3 * (40 - 1));
    expect((await looksOf(5)).turns).toBeLessThan(50);
  });

  test('answers several questions with one look', async () => {
    const token = createToken();
    try {
      const { identity } = startProcess(token, ['sleep', '1000']);
      const marker = `${token.name}=${token.value}`;
      const scanner = createProcessScanner();
      const [found, nobody, again] = await Promise.all([
        scanner.find([marker]),
        scanner.find(['NAME=of nobody']),
        scanner.find([marker]),
      ]);
      expect(found?.map(({ pid }) => pid)).toEqual([identity.pid]);
      expect(again?.map(({ pid }) => pid)).toEqual([identity.pid]);
      expect(nobody).toEqual([]);
      expect(await scanner.find([marker])).toHaveLength(1);
    } finally {
      await endCarriers(token);
    }
  });
});
