import { isSnakepitError, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  adapter: 'tools_adapter.Tools',
  pools: [
    { name: 'default', size: 2 },
    { name: 'slow', size: 1, requestTimeout: 600_000, cancelGrace: 5_000 },
  ],
});

// The caller says of which type the result is.
const sum = await snakepit.execute<number>('add', { a: 2, b: 3 });
console.log(`2 + 3 = ${sum}`);

// A time limit, for waiting and running together; a signal; a call that may run twice; an urgent one.
const controller = new AbortController();
const given = snakepit.execute('grind', { seconds: 60 }, { signal: controller.signal });
controller.abort();
console.log(await given.catch((error: unknown) => isSnakepitError(error) && error.code));
await snakepit.execute('add', { a: 1, b: 1 }, { timeout: 5_000, idempotent: true });
await snakepit.execute('add', { a: 1, b: 1 }, { priority: 'high' });

// Another pool, named with each call or once.
await snakepit.execute('process', {}, { pool: 'slow' });
const slow = snakepit.pool('slow');
console.log(typeof (await slow.execute('process')));

// Every call that was taken is in one of these.
const { accepted, succeeded, failed, cancelled, queued, inFlight } = snakepit.stats();
console.log(accepted === succeeded + failed + cancelled + queued + inFlight);
