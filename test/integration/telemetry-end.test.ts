import { expect, jest, test } from '@jest/globals';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

test('[I6.1] the last that workers tell is heard, however many they are, when all of them stop', async () => {
  const bench = new SnakepitBench();
  try {
    const snakepit = await bench.start({ adapter: 'teller.Teller', size: 2 });
    const heard: string[] = [];
    const last: unknown[] = [];
    snakepit.system.telemetry.on('snakepit.python.event', (_, { event, workerId }) => {
      if (event === 'mine') heard.push(workerId);
    });
    snakepit.system.telemetry.on(
      'snakepit.python.worker.stopping',
      (measurements, { workerId }) => {
        last.push([workerId, { ...measurements }]);
      },
    );
    await snakepit.execute('tell', { name: 'mine' });
    await until(() => heard.length === 1, 'an event, so that it listens');
    const calls = [1, 2].map(() => snakepit.execute('tell_often', { name: 'mine', times: 300 }));
    await Promise.all(calls);
    await snakepit.stop();
    expect(heard).toHaveLength(601);
    const measured = { count: 1, in_flight: 0, failed: 0 };
    expect(last.sort()).toEqual([
      ['default_worker_1', expect.objectContaining(measured)],
      ['default_worker_2', expect.objectContaining(measured)],
    ]);
  } finally {
    await bench.close();
  }
});
