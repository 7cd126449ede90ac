import {
  Agent,
  createSystem,
  defineServer,
  formatExitReason,
  ok,
  reply,
  silentLogger,
} from '@snakepit/core';
import { Application, defineApplication, Supervisor } from '@snakepit/supervisor';

/** Keeps what is in stock. */
const stock = defineApplication({
  name: 'stock',
  description: 'what is in stock',
  start: () => [
    Supervisor,
    { children: [{ id: 'apples', name: 'apples', start: [Agent, () => 10] }] },
  ],
});

/** Takes from the stock. */
const till = defineServer({
  name: 'till',
  init: (price: number) => ok({ price }),
  call: {
    sell: async (state, count: number, self) => {
      const apples = Agent.at<number>(self.system, 'apples');
      await Agent.update(apples, (left) => left - count);
      return reply(state.price * count, state);
    },
  },
});

/** Sells it; needs the stock, and is told its prices. */
const shop = defineApplication({
  name: 'shop',
  dependencies: [stock],
  start: ({ price }: { readonly price: number }) => ({
    top: [
      Supervisor,
      { maxRestarts: 0, children: [{ id: 'till', name: 'till', start: [till, price] }] },
    ],
    state: { openedAt: 8 }, // for prepStop, which hands on to stop
  }),
  prepStop: ({ openedAt }) => {
    console.log('the shop closes, open since', openedAt);
    return { openedAt };
  },
  stop: () => {
    console.log('the shop is closed');
  },
});

// Without a logger of your own, crash reports go to the console.
const system = createSystem({ logger: silentLogger });
system.telemetry.on('snakepit.application.stopped', (_, { application, reason, byItself }) => {
  const why = `${formatExitReason(reason)}, ${byItself ? 'by itself' : 'because it was asked to'}`;
  console.log('stopped:', application, why);
});

// What it depends on is not started by the way: that is said.
console.log(await Application.start(system, shop, { args: { price: 3 } }));
console.log(await Application.ensureAllStarted(system, stock));
console.log(await Application.start(system, shop, { args: { price: 3 }, type: 'permanent' }));
console.log((await Application.which(system)).map(({ name, type }) => `${name} ${type}`));

console.log('paid:', await system.call('till', { type: 'sell', arg: 2 }));
console.log('left:', await Agent.get(Agent.at<number>(system, 'apples'), (left) => left));

// The shop is permanent: when its supervisor gives up, everything stops, newest first.
const atEnd = Application.untilStopped(system);
const failing = system.whereis('till');
if (failing !== undefined) system.exit(failing, { kind: 'kill' });
const error = await atEnd;
console.log(error?.code, error?.details);
console.log('processes:', [...system.processes()].length);
// A program that is one with its applications ends as they did:
// process.exitCode = error === undefined ? 0 : 1;
