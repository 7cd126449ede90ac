import { silentLogger } from '@snakepit/core';
import { isSnakepitError, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  // Otherwise it reports the crashes below.
  logger: silentLogger,
  pools: [
    {
      name: 'default',
      size: 2,
      adapter: 'risky_adapter.RiskyAdapter',
      recycle: { maxAge: 24 * 3_600_000, maxRequests: 100_000, maxMemoryBytes: 2 * 1024 ** 3 },
      retry: { maxAttempts: 3, initial: 100 },
      circuitBreaker: { enabled: true, failureThreshold: 10 },
    },
  ],
});
const pool = snakepit.pool('default');

snakepit.system.telemetry.on('snakepit.worker.recycled', (_, { workerId, reason }) => {
  console.log(`${workerId} is recycled (${reason})`);
});

// New processes, while the calls go on.
const squares = Promise.all([1, 2, 3].map((n) => pool.execute<number>('square', { n })));
await pool.recycle();
console.log((await squares).join(' '));

await pool.resize(3);
console.log(`${pool.stats().workers.ready} workers`);
await pool.resize(1);
console.log(`${pool.stats().workers.ready} worker`);

// It may run twice, so it is tried again; but not for ever.
try {
  await pool.execute('crash', { n: 1 }, { idempotent: true });
} catch (error) {
  if (!isSnakepitError(error, 'POISON_REQUEST')) throw error;
  console.log(`${error.code}: ended ${error.details.deaths.length} workers`);
}
console.log(await pool.execute('square', { n: 4 }));
