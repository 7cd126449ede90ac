import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isSnakepitError } from '@snakepit/core';
import type { Snakepit } from '@snakepit/python-bridge';
import { createRandom } from '../chaos/command/system/random.mjs';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** Kills a worker, unless it has ended by itself in this moment: a stuck one is killed by its pool, too. */
function killIfThere(osPid: number | undefined): void {
  if (osPid === undefined) return;
  try {
    process.kill(osPid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Adds up what the pool says of itself, at this moment. */
function checkSums(snakepit: Snakepit, made: number, seed: number): void {
  const { accepted, refused, succeeded, failed, cancelled, queued, inFlight, lingering } =
    snakepit.stats();
  expect({ seed, accepted }).toEqual({
    seed,
    accepted: succeeded + failed + cancelled + queued + inFlight,
  });
  expect(accepted + refused).toBeLessThanOrEqual(made);
  const held = snakepit.workers().reduce((sum, worker) => sum + worker.inFlight, 0);
  expect({ seed, held: inFlight + lingering }).toEqual({ seed, held });
}

describe.each(callPaths)('under chaos, in %s', (path) => {
  test('[I5.1] every call has one outcome, and the counts add up at every moment', async () => {
    const seed = Number(process.env['SNAKEPIT_SEED'] ?? Date.now() % 1_000_000);
    const { integer, pick } = createRandom(seed);
    const random = (): number => integer(0, 999_999) / 1_000_000;
    const snakepit = await bench.start(
      {
        adapter: 'streams.Streams',
        ...poolOf(path),
        ...{ size: 3, concurrency: 2, maxQueueSize: 40, queueTimeout: 3_000, cancelGrace: 2_000 },
        restart: { maxRestarts: 100, backoff: { initial: 10, max: 50 } },
      },
      { logger: bench.logger },
    );
    const sessions = [
      snakepit.session('hint'),
      snakepit.session('fresh', { affinity: 'strictQueue', onWorkerLost: 'fresh' }),
    ];
    const outcomes = new Map<string, number>();
    let [made, settled] = [0, 0];
    const note = (outcome: string): void => {
      settled += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    };
    const begin = (): Promise<unknown> => {
      const caller = random() < 0.3 ? pick(sessions) : snakepit;
      const controller = new AbortController();
      if (random() < 0.2) setTimeout(() => controller.abort(), random() * 100);
      const options = {
        signal: controller.signal,
        timeout: random() < 0.1 ? 1 + random() * 50 : 30_000,
        idempotent: random() < 0.5,
        priority: pick(['high', 'normal', 'low'] as const),
      };
      made += 1;
      const kind = random();
      if (kind < 0.5) return caller.execute('pid', {}, options);
      if (kind < 0.7) return caller.execute('slow', { seconds: random() * 0.05 }, options);
      return (async () => {
        let read = 0;
        const most = Math.floor(random() * 40);
        for await (const chunk of caller.stream<number>('count', { to: 30 }, options)) {
          expect(chunk).toBe(read);
          read += 1;
          if (read > most) break;
        }
      })();
    };
    const total = 1_000;
    // Where processors are scarce the queue is full for long, and it takes more calls until enough are done.
    const isOver = (): boolean => made >= total && (outcomes.get('done') ?? 0) > 100;
    while (!isOver()) {
      const pause = random() < 0.3;
      for (let burst = 0; burst < 8; burst++) {
        begin().then(
          () => {
            note('done');
          },
          (error: unknown) => {
            note(isSnakepitError(error) ? error.code : `odd: ${String(error)}`);
          },
        );
      }
      checkSums(snakepit, made, seed);
      if (random() < 0.02) {
        killIfThere(pick(snakepit.workers()).osPid);
      }
      if (pause) await new Promise((resolve) => setTimeout(resolve, random() * 60));
      else await new Promise(setImmediate);
    }
    await until(() => settled === made, `every call to end (seed ${String(seed)})`, 60_000);
    await until(() => snakepit.stats().lingering === 0, 'the workers to let go', 30_000);
    checkSums(snakepit, made, seed);
    const known = ['done', 'CANCELLED', 'TIMEOUT', 'QUEUE_FULL', 'QUEUE_TIMEOUT', 'WORKER_CRASHED'];
    const unknown = [...outcomes.keys()].filter((outcome) => !known.includes(outcome));
    expect([seed, unknown]).toEqual([seed, []]);
    expect(snakepit.stats()).toMatchObject({ queued: 0, inFlight: 0 });
    await Promise.all(sessions.map((session) => session.end()));
  });
});
