import { dispatch, query, spawn, start, stop } from 'nact';
import { lagBeside } from '../lag.mjs';
import { check, heapAfterCollection, latch, microsecondsPer, p50 } from '../measure.mjs';

// Every actor gets a name: made-up ones may clash among ten thousand.
const play = (state, message, { self }) => {
  if (message.peer !== undefined) return { ...state, peer: message.peer };
  state.received.count += 1;
  if (message.left === 0) state.over();
  else dispatch(state.peer, { left: message.left - 1 }, self);
  return state;
};

function players(system, over) {
  const received = { count: 0 };
  const initialState = { received, over, peer: undefined };
  const one = spawn(system, play, 'one', { initialState });
  const other = spawn(system, play, 'other', { initialState });
  dispatch(one, { peer: other });
  dispatch(other, { peer: one });
  return { one, received };
}

/** Its way to restart: the state is made anew, the actor and its mailbox stay. */
function startChildren(system, count, begun) {
  const parent = spawn(system, (state) => state, 'parent');
  const handle = () => {
    throw new Error('crash');
  };
  return Array.from({ length: count }, (_, at) =>
    spawn(parent, handle, `child-${at}`, {
      initialStateFunc: begun,
      onCrash: (message, error, context) => context.reset,
    }),
  );
}

export const works = {
  async pingPong(messages) {
    const system = start();
    const over = latch();
    const { one, received } = players(system, over.open);
    const startMs = performance.now();
    dispatch(one, { left: messages - 1 });
    await over.opened;
    const perMessage = microsecondsPer(messages, startMs);
    check(received.count, messages, 'messages received');
    stop(system);
    return { perMessage };
  },

  async call(calls) {
    const system = start();
    const add = (sum = 0, { more }, { sender }) => {
      dispatch(sender, sum + more);
      return sum + more;
    };
    const counter = spawn(system, add, 'counter');
    let sum = 0;
    const startMs = performance.now();
    for (let made = 0; made < calls; made++) sum = await query(counter, { more: 1 }, 5_000);
    const perCall = microsecondsPer(calls, startMs);
    check(sum, calls, 'the sum');
    stop(system);
    return { perCall };
  },

  async spawnStop(count, { batch }) {
    const system = start();
    let id = 0;
    let left = 0;
    const startMs = performance.now();
    for (let done = 0; done < count; done += batch) {
      const gone = latch(batch);
      const actors = [];
      for (let at = 0; at < batch; at++) {
        const options = {
          initialStateFunc: () => {
            left += 1;
            return 0;
          },
          afterStop: () => {
            left -= 1;
            gone.arrive();
          },
        };
        actors.push(spawn(system, (state) => state, `actor-${++id}`, options));
      }
      for (const actor of actors) stop(actor);
      await gone.opened;
    }
    const perProcess = microsecondsPer(count, startMs);
    check(left, 0, 'actors left');
    stop(system);
    return { perProcess };
  },

  async replace(children, { crashes }) {
    const system = start();
    let begun = () => undefined;
    const actors = startChildren(system, children, () => begun());
    const latencies = [];
    for (let crash = 0; crash < crashes; crash++) {
      const replaced = latch();
      begun = () => {
        latencies.push((performance.now() - startMs) * 1000);
        replaced.open();
      };
      const startMs = performance.now();
      dispatch(actors[crash], 'crash');
      await replaced.opened;
    }
    check(latencies.length, crashes, 'restarts');
    stop(system);
    return { p50: p50(latencies) };
  },

  async storm(children) {
    const system = start();
    let begun = () => undefined;
    const actors = startChildren(system, children, () => begun());
    const replaced = latch(children);
    begun = replaced.arrive;
    const startMs = performance.now();
    for (const actor of actors) dispatch(actor, 'crash');
    await replaced.opened;
    const perRestart = microsecondsPer(children, startMs);
    stop(system);
    return { perRestart, perSecond: 1e6 / perRestart };
  },

  async startMany(children) {
    const before = heapAfterCollection();
    const system = start();
    let count = 0;
    const startMs = performance.now();
    const actors = startChildren(system, children, () => {
      count += 1;
    });
    const perChild = microsecondsPer(children, startMs);
    check(count, children, 'children started');
    const perChildKb = (heapAfterCollection() - before) / children / 1024;
    check(actors.length, children, 'children');
    stop(system);
    return { perChild, perChildKb };
  },

  async fanOut(rounds, { width }) {
    const system = start();
    let total = 0;
    let over = () => undefined;
    const echo = (_, message, { self, sender }) => {
      dispatch(sender, 1, self);
    };
    const spokes = Array.from({ length: width }, (_, at) => spawn(system, echo, `spoke-${at}`));
    const gather = (answers = 0, message, { self }) => {
      if (message === 1) {
        total += 1;
        if (answers + 1 === width) over();
        return answers + 1;
      }
      for (const spoke of spokes) dispatch(spoke, 1, self);
      return 0;
    };
    const hub = spawn(system, gather, 'hub');
    const startMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      const all = latch();
      over = all.open;
      dispatch(hub, 'ask all');
      await all.opened;
    }
    const perMessage = microsecondsPer(rounds * width * 2, startMs);
    check(total, rounds * width, 'answers');
    stop(system);
    return { perMessage };
  },

  async lag(durationMs) {
    const system = start();
    const { one, received } = players(system, () => undefined);
    dispatch(one, { left: Number.MAX_SAFE_INTEGER });
    const figures = await lagBeside(durationMs);
    check(received.count > durationMs / 50, true, 'they kept talking');
    stop(system);
    return figures;
  },
};
