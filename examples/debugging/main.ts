import { createSystem, defineServer, noreply, ok, reply, silentLogger, sys } from '@snakepit/core';

const stock = defineServer({
  name: 'stock',
  init: (apples: number) => ok({ apples }),
  call: {
    take: ({ apples }, count: number) => {
      if (count > apples) throw new RangeError(`only ${apples} left`);
      return reply(apples - count, { apples: apples - count });
    },
  },
  info: (state) => noreply(state),
});

const system = createSystem({
  logger: { ...silentLogger, error: (report) => console.log(report) },
});
const ref = await system.start(stock, 10, { name: 'stock' });

// What a live process is and does, without its help.
console.log(await sys.getState(system, 'stock')); // { apples: 10 }
await sys.trace(system, 'stock', ({ kind, ...about }) => {
  console.log(kind, JSON.stringify(about));
});
await ref.call.take(3);

// Held, it keeps what is sent; its state can be looked at, and replaced.
await sys.suspend(system, 'stock');
const later = ref.call.take(1);
const { status, mailboxLength } = await sys.getStatus(system, 'stock');
console.log(status, mailboxLength); // suspended 1
await sys.replaceState(system, 'stock', (state: { apples: number }) => ({ ...state, apples: 2 }));
await sys.resume(system, 'stock');
console.log(await later); // 1

// It crashes: the report says why, with the stack, and what it was told last.
await ref.call.take(5).catch(() => undefined);
await system.stop();
