import { afterAll, expect, jest, test } from '@jest/globals';
import { defineServer, exitReason, noreply, ok } from '@snakepit/core';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// The runtime lives where the application lives, whose processes take turns with those that watch over workers.

// Of a busy machine it gets less, and a round takes longer.
jest.setTimeout(180_000);

/** Processes that always have something to do; a round of all their turns takes so many milliseconds. */
const crowd = 2_000;

const toiler = defineServer({
  init: (_: undefined, self) => {
    self.send(self.pid, 'go on');
    return ok(undefined);
  },
  info: (state, message, self) => {
    const endMs = performance.now() + 1;
    while (performance.now() < endMs);
    self.send(self.pid, message);
    return noreply(state);
  },
});

const bench = new SnakepitBench();

afterAll(() => bench.close());

test('[I7.5] [R2.2] no worker is condemned because everybody waits for seconds for a turn', async () => {
  const snakepit = await bench.start({
    size: 4,
    heartbeat: { pingInterval: 1_000, timeoutThreshold: 5_000, maxMissed: 2 },
  });
  const osPids = snakepit.workers().map(({ osPid }) => osPid);
  const failed: unknown[] = [];
  snakepit.system.telemetry.on('snakepit.worker.heartbeat.failed', (_, about) => {
    failed.push(about);
  });
  const answers = new Map<unknown, number>();
  snakepit.system.telemetry.on('snakepit.worker.heartbeat.received', (_, { workerId, path }) => {
    if (path === 'beats') answers.set(workerId, (answers.get(workerId) ?? 0) + 1);
  });
  const toilers = Array.from({ length: crowd }, () => snakepit.system.spawn(toiler, undefined));
  try {
    await until(
      () => {
        const isAnswered = answers.size >= osPids.length && Math.min(...answers.values()) >= 2;
        return isAnswered || failed.length > 0;
      },
      'two beats of each',
      120_000,
    );
  } finally {
    for (const pid of toilers) snakepit.system.exit(pid, exitReason.kill);
  }
  expect(failed).toEqual([]);
  expect(snakepit.workers().map(({ osPid }) => osPid)).toEqual(osPids);
});
