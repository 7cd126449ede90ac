import createActorSystem from 'comedy';
import { check, latch, microsecondsPer } from '../measure.mjs';

/** Its default and fastest mode: actors in memory, nothing logged. */
async function withRoot(work) {
  const system = createActorSystem({ test: true });
  try {
    return await work(await system.rootActor());
  } finally {
    await system.destroy();
  }
}

export const works = {
  pingPong: (messages) =>
    withRoot(async (root) => {
      const over = latch();
      let received = 0;
      const player = () => {
        let peer;
        return {
          meet: (actor) => {
            peer = actor;
          },
          ball: (left) => {
            received += 1;
            if (left === 0) over.open();
            else peer.send('ball', left - 1);
          },
        };
      };
      const one = await root.createChild(player());
      const other = await root.createChild(player());
      await one.sendAndReceive('meet', other);
      await other.sendAndReceive('meet', one);
      const startMs = performance.now();
      one.send('ball', messages - 1);
      await over.opened;
      const perMessage = microsecondsPer(messages, startMs);
      check(received, messages, 'messages received');
      return { perMessage };
    }),

  call: (calls) =>
    withRoot(async (root) => {
      let total = 0;
      const counter = await root.createChild({ add: (more) => (total += more) });
      let sum = 0;
      const startMs = performance.now();
      for (let made = 0; made < calls; made++) sum = await counter.sendAndReceive('add', 1);
      const perCall = microsecondsPer(calls, startMs);
      check(sum, calls, 'the sum');
      return { perCall };
    }),

  spawnStop: (count, { batch }) =>
    withRoot(async (root) => {
      let alive = 0;
      class Idle {
        initialize() {
          alive += 1;
        }
        destroy() {
          alive -= 1;
        }
      }
      const startMs = performance.now();
      for (let done = 0; done < count; done += batch) {
        const actors = await Promise.all(
          Array.from({ length: batch }, () => root.createChild(Idle)),
        );
        check(alive, batch, 'actors alive');
        await Promise.all(actors.map((actor) => actor.destroy()));
      }
      const perProcess = microsecondsPer(count, startMs);
      check(alive, 0, 'actors left');
      return { perProcess };
    }),

  fanOut: (rounds, { width }) =>
    withRoot(async (root) => {
      let answers = 0;
      let total = 0;
      let over = () => undefined;
      const spokes = await Promise.all(
        Array.from({ length: width }, () =>
          root.createChild({
            ask: (hub) => {
              hub.send('answer');
            },
          }),
        ),
      );
      let self;
      const hub = await root.createChild({
        initialize: (actor) => {
          self = actor;
        },
        askAll: () => {
          answers = 0;
          for (const spoke of spokes) spoke.send('ask', self);
        },
        answer: () => {
          answers += 1;
          total += 1;
          if (answers === width) over();
        },
      });
      const startMs = performance.now();
      for (let round = 0; round < rounds; round++) {
        const all = latch();
        over = all.open;
        hub.send('askAll');
        await all.opened;
      }
      const perMessage = microsecondsPer(rounds * width * 2, startMs);
      check(total, rounds * width, 'answers');
      return { perMessage };
    }),
};
