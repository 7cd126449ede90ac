import { isSnakepitError, Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 2, adapter: 'shop_adapter.Shop' }],
});

const session = snakepit.session('user-42', {
  affinity: 'strictQueue',
  metadata: { name: 'Ann' },
  ttl: 600_000,
});
console.log(await session.execute('greet'));
console.log(await session.execute('put', { item: 'apple' }));
console.log(await session.execute('put', { item: 'pear' }));

// Its worker is replaced: what it kept there is gone, and the session says so.
await snakepit.restartPool('default');
const error: unknown = await session.execute('put', { item: 'plum' }).catch((e: unknown) => e);
if (isSnakepitError(error)) console.log(error.code);

// Begun anew it has an empty basket.
await using anew = snakepit.session('user-42', { affinity: 'strictQueue' });
console.log(await anew.execute('put', { item: 'plum' }));
