import { describe, expect, test } from '@jest/globals';
import type { WatchAnswer, WatchRequest } from '../../src/protocol.ts';
import { createWatcher } from './watcher.ts';

/** Lets everything happen that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe('createWatcher', () => {
  test('[I6.6] one request at a time; of several wishes the last one holds', async () => {
    const asked: WatchRequest[] = [];
    const answers: ((answer: WatchAnswer) => void)[] = [];
    const watcher = createWatcher(
      {
        watch: (request) => {
          asked.push(request);
          return new Promise((resolve) => answers.push(resolve));
        },
      },
      'me',
    );
    watcher.watch([1]);
    watcher.watch([]);
    watcher.watch([2]);
    expect(asked).toEqual([{ viewer: 'me', pids: [1] }]);
    answers[0]?.({ watching: [1] });
    await settled();
    expect(asked.map(({ pids }) => pids)).toEqual([[1], [2]]);
    answers[1]?.({ watching: [2] });
  });

  test('[I6.6] a refusal is not the end', async () => {
    let asked = 0;
    const refuse = () => {
      asked += 1;
      return Promise.reject(new Error('gone'));
    };
    const watcher = createWatcher({ watch: refuse }, 'me');
    watcher.watch([1]);
    await settled();
    watcher.watch([2]);
    await settled();
    expect(asked).toBe(2);
  });
});
