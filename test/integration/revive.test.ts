import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf, osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Workers that were given up, and are started anew because somebody asks for it.

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

const worker = (index: number): string => `default_worker_${String(index)}`;
/** How workers start from now on: they end this way; `''` for as usual. */
const order = (how: string): void => writeFileSync(bench.path('orders'), how);
const osPids = (snakepit: Snakepit): (number | undefined)[] =>
  snakepit.workers().map(({ osPid }) => osPid);

describe('revive', () => {
  test('[I4.6] [R10.2] who was given up is started anew, with all its chances', async () => {
    const snakepit = await bench.start(bench.mortal({ size: 2 }));
    const [first = 0, second] = osPids(snakepit);
    order('5');
    process.kill(first, 'SIGKILL');
    await until(() => snakepit.workers()[0]?.state === 'failed', 'it to be given up');
    const again = await errorOf(snakepit.revive(worker(1)));
    expect(again.message).toContain('exited with code 5');
    expect(snakepit.workers()).toMatchObject([
      { state: 'failed', failure: { cause: 'exited', message: again.message } },
      { osPid: second, failure: undefined },
    ]);
    order('');
    await snakepit.revive(worker(1));
    expect(snakepit.workers()[0]).toMatchObject({
      state: expect.stringMatching(/^ready/),
      failure: undefined,
    });
    await snakepit.awaitReady(0);
  });

  test('[I4.6] [R6.4] when all were given up, calls wait as soon as one is revived', async () => {
    const snakepit = await bench.start(bench.mortal({ requestTimeout: 20_000 }));
    order('kill');
    process.kill(osPidOf(snakepit), 'SIGKILL');
    await until(() => snakepit.workers()[0]?.state === 'failed', 'it to be given up');
    const refusal = await errorOf(snakepit.execute('pid'));
    expect(refusal.code).toBe('WORKER_UNAVAILABLE');
    // To try again would not help.
    expect(refusal.message).toMatch(/Remedy: remove what keeps them .* then revive\(workerId\)\.$/);
    order('');
    const revived = Promise.all([snakepit.revive(worker(1)), snakepit.revive(worker(1))]);
    await until(
      () => snakepit.stats().pools['default']?.state !== 'running.failed',
      'the pool to hear of it',
    );
    const call = snakepit.execute('add', { a: 1, b: 2 });
    expect(await call).toBe(3);
    await revived;
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('packages/snakepit/README.md', () => {
  test('[I4.4] [I4.6] what it says of restarts runs as it stands', async () => {
    const readme = new URL('../../packages/snakepit/README.md', import.meta.url);
    const [, code = ''] =
      /## Restarting workers[^]*?```js\n([^]*?)```/.exec(readFileSync(readme, 'utf8')) ?? [];
    const snakepit = await bench.start(bench.mortal({ size: 4 }));
    const before = osPids(snakepit);
    order('import');
    process.kill(before[2] ?? 0, 'SIGKILL');
    await until(() => snakepit.workers()[2]?.state === 'failed', 'one to be given up');
    order('');
    const written: unknown[][] = [];
    const log = (...line: unknown[]): void => void written.push(line);
    // The two restarts revive it on their way, unless they are left out.
    for (const part of [code.replace(/^await snakepit\.restart.*$/gm, ''), code]) {
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- A block of the README is run as it stands.
      const run = new Function('snakepit', 'console', `return (async () => {${part}})();`) as (
        ...names: unknown[]
      ) => Promise<void>;
      await run(snakepit, { log });
      expect(snakepit.health().status).toBe('ok');
    }
    expect(written).toEqual([
      [worker(3), 'importError', expect.stringContaining('no module named licence')],
    ]);
    expect(new Set([...before, ...osPids(snakepit)]).size).toBe(8);
  });
});
