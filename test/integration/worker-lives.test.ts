import { expect, jest, test } from '@jest/globals';
import { osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(60_000);

test('[I6.6] the death of a worker is told with its process, its return and what went before', async () => {
  const bench = new SnakepitBench();
  try {
    const snakepit = await bench.start();
    const { records } = snakepit.system;
    // Always on: nobody has asked for it here.
    const from = records.lifeSince(0).next;
    const osPid = osPidOf(snakepit);
    process.kill(osPid, 'SIGKILL');
    const ready = await until(
      () => records.lifeSince(from).records.find(({ what }) => what === 'workerReady'),
      'the worker to be back',
    );
    const { records: lives } = records.lifeSince(from);
    const gone = lives.find(({ what }) => what === 'osProcessGone');
    expect(gone?.details).toMatchObject({ osPid, signal: 'SIGKILL' });
    expect(ready.path).toMatch(/\/grpcWorker$/);
    expect(gone?.seq).toBeLessThan(ready.seq);
    const incident = await until(() => records.incidents[0], 'an incident');
    expect(incident.life.length).toBeGreaterThan(0);
    await snakepit.stop();
  } finally {
    await bench.close();
  }
});
