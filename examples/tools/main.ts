import { isSnakepitError, Snakepit } from 'snakepit';
import { createClient } from './shop.ts';

await using snakepit = await Snakepit.start({
  pools: [{ name: 'default', size: 1, adapter: 'shop_adapter.Shop' }],
});

const stock = new Map([
  ['apple', 7],
  ['pear', 2],
]);

snakepit.registerTool('stock.find', ({ item }: { item: string }) => stock.get(item) ?? 0, {
  description: 'How many there are',
  parameters: [{ name: 'item', type: 'string', required: true }],
});

snakepit.registerTool('price.look_up', async ({ item }: { item: string }, context) => {
  if (!stock.has(item)) throw Object.assign(new RangeError(`no ${item}`), { code: 'E_NO_ITEM' });
  return context.execute('price', { item });
});

const shop = await createClient(snakepit);
console.log(await shop.price({ item: 'apple', count: 3 }));
for await (const { item, cents } of shop.bill({ items: ['apple', 'pear'] })) {
  console.log(item, cents);
}

// An error of Node in Python, with its own code.
console.log(await shop.explain({ item: 'plum' }));

// An exception of Python in Node, from a call that Node made while Python waited for it.
stock.set('pear', 0);
const failed = await shop.explain({ item: 'pear' });
console.log(failed.split('\n')[0]);

// What is wrong with a call is known before Python is asked.
try {
  await snakepit.execute('price', { itm: 'apple' });
} catch (error) {
  if (isSnakepitError(error)) console.log(error.code, error.remedy);
}

const tools = await snakepit.tools();
console.log(tools.map(({ name, parameters }) => `${name}/${parameters.length}`).join(' '));

// Taken back at the end of the block.
{
  using registration = snakepit.registerTool('once', () => 'here');
  console.log(typeof registration);
}
