import { lagBeside } from '../lag.mjs';
import { check, heapAfterCollection, latch, microsecondsPer, p50 } from '../measure.mjs';

/** The least that does the work: objects with an array as mailbox, and one queue of those that have mail. */
class Actor {
  mailbox = [];
  queued = false;
  received = 0;

  constructor(queue, handle) {
    this.queue = queue;
    this.handle = handle;
  }

  send(message) {
    this.mailbox.push(message);
    if (this.queued) return;
    this.queued = true;
    this.queue.push(this);
  }
}

/** Takes a message of one after the other until nobody has any; lets timers and sockets through now and then. */
function createQueue(turnsBeforeYield = 1_000) {
  const waiting = [];
  let head = 0;
  let running = false;
  function drain() {
    for (let turns = 0; turns < turnsBeforeYield; turns++) {
      if (head === waiting.length) {
        running = false;
        return;
      }
      const actor = waiting[head++];
      if (head === 1_024) {
        waiting.splice(0, head);
        head = 0;
      }
      const message = actor.mailbox.shift();
      actor.queued = actor.mailbox.length > 0;
      if (actor.queued) waiting.push(actor);
      actor.received += 1;
      actor.handle(actor, message);
    }
    setImmediate(drain);
  }
  return {
    push(actor) {
      waiting.push(actor);
      if (running) return;
      running = true;
      queueMicrotask(drain);
    },
  };
}

function players(over) {
  const queue = createQueue();
  const play = (self, left) => {
    if (left === 0) over();
    else self.peer.send(left - 1);
  };
  const one = new Actor(queue, play);
  const other = new Actor(queue, play);
  one.peer = other;
  other.peer = one;
  return { one, other };
}

/** A supervisor that catches, forgets the broken child and makes a new one. */
class Supervisor {
  children = new Map();
  queue = createQueue();

  constructor(begun) {
    this.begun = begun;
  }

  start(id) {
    const child = new Actor(this.queue, () => {
      try {
        throw new Error('crash');
      } catch (error) {
        this.lastError = error;
        this.children.delete(id);
        this.start(id);
      }
    });
    this.children.set(id, child);
    this.begun();
  }
}

function startChildren(count, begun) {
  const supervisor = new Supervisor(begun);
  for (let id = 0; id < count; id++) supervisor.start(id);
  return supervisor;
}

export const works = {
  async pingPong(messages) {
    const over = latch();
    const { one, other } = players(over.open);
    const startMs = performance.now();
    one.send(messages - 1);
    await over.opened;
    const perMessage = microsecondsPer(messages, startMs);
    check(one.received + other.received, messages, 'messages received');
    return { perMessage };
  },

  async call(calls) {
    const queue = createQueue();
    let total = 0;
    const counter = new Actor(queue, (_, { more, resolve }) => {
      total += more;
      resolve(total);
    });
    let sum = 0;
    const startMs = performance.now();
    for (let made = 0; made < calls; made++) {
      sum = await new Promise((resolve) => {
        counter.send({ more: 1, resolve });
      });
    }
    const perCall = microsecondsPer(calls, startMs);
    check(sum, calls, 'the sum');
    return { perCall };
  },

  async spawnStop(count, { batch }) {
    const queue = createQueue();
    const table = new Map();
    let id = 0;
    const startMs = performance.now();
    for (let done = 0; done < count; done += batch) {
      const begun = latch(batch);
      const gone = latch(batch);
      const handle = (self, message) => {
        if (message === 'begin') {
          begun.arrive();
        } else {
          table.delete(self.id);
          gone.arrive();
        }
      };
      const actors = [];
      for (let at = 0; at < batch; at++) {
        const actor = new Actor(queue, handle);
        actor.id = ++id;
        table.set(actor.id, actor);
        actor.send('begin');
        actors.push(actor);
      }
      await begun.opened;
      for (const actor of actors) actor.send('stop');
      await gone.opened;
    }
    const perProcess = microsecondsPer(count, startMs);
    check(table.size, 0, 'actors left');
    return { perProcess };
  },

  async replace(children, { crashes }) {
    const latencies = [];
    const supervisor = startChildren(children, () => undefined);
    const actors = [...supervisor.children.values()];
    for (let crash = 0; crash < crashes; crash++) {
      const replaced = latch();
      supervisor.begun = () => {
        latencies.push((performance.now() - startMs) * 1000);
        replaced.open();
      };
      const startMs = performance.now();
      actors[crash].send('crash');
      await replaced.opened;
    }
    check(supervisor.children.size, children, 'children alive');
    return { p50: p50(latencies) };
  },

  async storm(children) {
    const supervisor = startChildren(children, () => undefined);
    const replaced = latch(children);
    supervisor.begun = replaced.arrive;
    const actors = [...supervisor.children.values()];
    const startMs = performance.now();
    for (const actor of actors) actor.send('crash');
    await replaced.opened;
    const perRestart = microsecondsPer(children, startMs);
    check(supervisor.children.size, children, 'children alive');
    return { perRestart, perSecond: 1e6 / perRestart };
  },

  async startMany(children) {
    const before = heapAfterCollection();
    let count = 0;
    const startMs = performance.now();
    const supervisor = startChildren(children, () => {
      count += 1;
    });
    const perChild = microsecondsPer(children, startMs);
    check(count, children, 'children started');
    const perChildKb = (heapAfterCollection() - before) / children / 1024;
    check(supervisor.children.size, children, 'children alive');
    return { perChild, perChildKb };
  },

  async fanOut(rounds, { width }) {
    const queue = createQueue();
    const spokes = Array.from(
      { length: width },
      () =>
        new Actor(queue, (_, hub) => {
          hub.send(1);
        }),
    );
    let over = () => undefined;
    let answers = 0;
    let total = 0;
    const hub = new Actor(queue, (self, message) => {
      if (message === 1) {
        answers += 1;
        total += 1;
        if (answers === width) over();
        return;
      }
      answers = 0;
      for (const spoke of spokes) spoke.send(self);
    });
    const startMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      const all = latch();
      over = all.open;
      hub.send('ask all');
      await all.opened;
    }
    const perMessage = microsecondsPer(rounds * width * 2, startMs);
    check(total, rounds * width, 'answers');
    return { perMessage };
  },

  /** Nothing runs beside: the lag of the event loop itself. */
  lag: lagBeside,
};
