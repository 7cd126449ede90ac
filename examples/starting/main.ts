import { createTelemetry, showStartProgress, Snakepit } from 'snakepit';

// Whoever attaches before the start hears that, too.
const bus = createTelemetry();
// One line on a terminal, nothing elsewhere.
showStartProgress(bus);
const all = new Promise<string>((resolve) => {
  bus.on('snakepit.pool.start.progress', ({ ready, remaining, total }) => {
    if (remaining === 0) resolve(`${ready} of ${total} workers are ready`);
  });
});

await using snakepit = await Snakepit.start(
  {
    telemetry: { bus },
    pools: [{ name: 'default', size: 4, adapter: 'plain_adapter.Plain' }],
  },
  { waitFor: 'first' },
);
// By those that are ready already.
console.log('7 squared is', await snakepit.execute('square', { n: 7 }));
console.log(await all);
await snakepit.awaitReady();
