import { Snakepit } from 'snakepit';

const snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 4, adapter: 'my_app.adapter.MyAdapter' }],
});
try {
  console.log(`2 + 3 = ${await snakepit.execute('add', { a: 2, b: 3 })}`);
} finally {
  await snakepit.stop();
}
