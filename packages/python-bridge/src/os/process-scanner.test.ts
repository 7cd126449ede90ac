import { describe, expect, test } from '@jest/globals';
import { createToken, endCarriers } from '../../../../test/fixtures/processes/census.mjs';
import { startProcess } from '../../../../test/fixtures/processes/host-bench.mjs';
import { platformNamed } from './platform/current.ts';
import { createProcessScanner } from './process-scanner.ts';

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
