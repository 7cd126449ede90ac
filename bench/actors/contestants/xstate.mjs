import { assign, createActor, fromCallback, setup } from 'xstate';
import { check, latch, microsecondsPer } from '../measure.mjs';

// A machine definition is made once; its first use costs as much as a thousand actors.

const playerMachine = setup({
  actions: {
    meet: assign({ peer: ({ event }) => event.peer }),
    count: assign({ received: ({ context }) => context.received + 1 }),
    play: ({ context, event }) => {
      if (event.left === 0) context.over();
      else context.peer.send({ type: 'ball', left: event.left - 1 });
    },
  },
}).createMachine({
  context: ({ input }) => ({ over: input.over, peer: undefined, received: 0 }),
  on: { meet: { actions: 'meet' }, ball: { actions: ['count', 'play'] } },
});

const idleMachine = setup({}).createMachine({
  initial: 'idle',
  states: { idle: { on: { stop: 'stopped' } }, stopped: { type: 'final' } },
});

const waiting = setup({}).createMachine({
  initial: 'waiting',
  states: { waiting: { after: { 3_600_000: 'late' } }, late: {} },
});

const parentMachine = setup({ actors: { waiting } }).createMachine({
  context: { children: [] },
  on: {
    spawn: {
      actions: assign({
        children: ({ spawn, event }) => Array.from({ length: event.count }, () => spawn('waiting')),
      }),
    },
  },
});

export const works = {
  async pingPongMachine(messages) {
    const over = latch();
    const input = { over: over.open };
    const one = createActor(playerMachine, { input }).start();
    const other = createActor(playerMachine, { input }).start();
    one.send({ type: 'meet', peer: other });
    other.send({ type: 'meet', peer: one });
    const startMs = performance.now();
    one.send({ type: 'ball', left: messages - 1 });
    await over.opened;
    const perMessage = microsecondsPer(messages, startMs);
    const received = [one, other].map((actor) => actor.getSnapshot().context.received);
    check(received[0] + received[1], messages, 'messages received');
    one.stop();
    other.stop();
    return { perMessage };
  },

  async pingPongCallback(messages) {
    const over = latch();
    let received = 0;
    const player = fromCallback(({ receive }) => {
      let peer;
      receive((event) => {
        if (event.type === 'meet') {
          peer = event.peer;
          return;
        }
        received += 1;
        if (event.left === 0) over.open();
        else peer.send({ type: 'ball', left: event.left - 1 });
      });
    });
    const one = createActor(player).start();
    const other = createActor(player).start();
    one.send({ type: 'meet', peer: other });
    other.send({ type: 'meet', peer: one });
    const startMs = performance.now();
    one.send({ type: 'ball', left: messages - 1 });
    await over.opened;
    const perMessage = microsecondsPer(messages, startMs);
    check(received, messages, 'messages received');
    one.stop();
    other.stop();
    return { perMessage };
  },

  async spawnStop(count, { batch }) {
    let ended = 0;
    const startMs = performance.now();
    for (let done = 0; done < count; done += batch) {
      const actors = [];
      for (let at = 0; at < batch; at++) actors.push(createActor(idleMachine).start());
      for (const actor of actors) {
        actor.stop();
        if (actor.getSnapshot().status === 'stopped') ended += 1;
      }
    }
    const perProcess = microsecondsPer(count, startMs);
    check(ended, count, 'actors ended');
    return { perProcess };
  },

  /** Children of one machine, so of one XState system. */
  async stopCharts(count) {
    const parent = createActor(parentMachine).start();
    parent.send({ type: 'spawn', count });
    const { children } = parent.getSnapshot().context;
    check(children.length, count, 'actors started');
    const startMs = performance.now();
    parent.stop();
    const perProcess = microsecondsPer(count, startMs);
    const stopped = children.filter((child) => child.getSnapshot().status === 'stopped');
    check(stopped.length, count, 'actors stopped');
    return { perProcess, total: (perProcess * count) / 1000 };
  },
};
