import { Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [
    {
      name: 'default',
      size: 4,
      adapter: 'warm_adapter.WarmAdapter',
      launch: 'fork',
      preload: ['decimal', 'email.message'],
    },
  ],
});
const warm = snakepit.pool('default');

const ways = new Set(warm.workers().map(({ launch }) => launch));
console.log(`launched by: ${[...ways].join()}`);
console.log(await warm.execute('square', { number: 12 }));

/** Who has imported the adapter, of four workers. */
async function importers(): Promise<Set<number>> {
  const calls = Array.from({ length: 4 }, () => warm.execute<[number, number]>('origin'));
  const origins = await Promise.all(calls);
  console.log(`executed by: ${new Set(origins.map(([, worker]) => worker)).size} processes`);
  return new Set(origins.map(([importer]) => importer));
}

const before = await importers();
console.log(`imported by: ${before.size}`);

// Another fork server imports the code as it is now; then the workers are replaced, a few at a time.
await warm.recycle();
const after = await importers();
console.log(`imported by another: ${[...after].every((importer) => !before.has(importer))}`);
