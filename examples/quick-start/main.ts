import { Snakepit } from 'snakepit';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 4, adapter: 'my_app.adapter.MyAdapter' }],
});

const sum = await snakepit.execute<number>('add', { a: 2, b: 3 });
console.log(`2 + 3 = ${sum}`);
