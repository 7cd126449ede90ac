import { Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [
    {
      name: 'default',
      size: 1,
      adapter: 'thermometer.Thermometer',
      profile: 'thread',
      threadsPerWorker: 8,
    },
  ],
});

// One process, four calls at the same time, each in a thread of its own.
const calls = Array.from({ length: 4 }, () => snakepit.execute('measure', { seconds: 0.5 }));
console.log(`threads: ${new Set(await Promise.all(calls)).size}`);
console.log(`processes: ${snakepit.workers().length}`);

const logged = [20.5, 21, 21.5].map((celsius) => snakepit.execute('remember', { celsius }));
console.log(`logged: ${Math.max(...(await Promise.all(logged)).map(Number))}`);

// Tools that are marked as sensitive share one thread, one call after the other.
const drawn = Array.from({ length: 4 }, () => snakepit.execute('draw'));
console.log(`threads that draw: ${new Set(await Promise.all(drawn)).size}`);
