import {
  createSystem,
  defineServer,
  defineStatechart,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
} from '@snakepit/core';
import { DynamicSupervisor } from '@snakepit/supervisor';
import { setup } from 'xstate';
import { lagBeside } from '../lag.mjs';
import { check, heapAfterCollection, latch, microsecondsPer, p50 } from '../measure.mjs';

/** Reports of a thousand crashes would measure the console. */
const newSystem = (options = {}) => createSystem({ logger: silentLogger, ...options });

/** Restarts never use up the intensity: what is measured is the restart. */
const tolerant = { maxRestarts: 1_000_000_000, maxSeconds: 1 };

const player = defineServer({
  init: (over) => ok({ over, peer: undefined, received: 0 }),
  cast: {
    meet: (state, peer) => noreply({ ...state, peer }),
    ball: (state, left, self) => {
      state.received += 1;
      if (left === 0) state.over(state);
      else self.cast(state.peer, { type: 'ball', arg: left - 1 });
      return noreply(state);
    },
  },
  info: (state, left, self) => {
    state.received += 1;
    if (left === 0) state.over(state);
    else self.send(state.peer, left - 1);
    return noreply(state);
  },
});

async function rally(messages, serve, options) {
  const system = newSystem(options);
  const over = latch();
  const one = await system.start(player, over.open);
  const other = await system.start(player, over.open);
  one.cast.meet(other.pid);
  other.cast.meet(one.pid);
  const startMs = performance.now();
  serve(system, one.pid, messages - 1);
  await over.opened;
  const perMessage = microsecondsPer(messages, startMs);
  const received = [one, other].map(({ pid }) => system.processInfo(pid).state.received);
  check(received[0] + received[1], messages, 'messages received');
  await system.stop();
  return { perMessage };
}

const counter = defineServer({
  init: () => ok(0),
  call: { add: (sum, more) => reply(sum + more, sum + more) },
});

const idle = defineServer({
  init: (begun) => {
    begun.arrive();
    return ok(0);
  },
});

const fragile = defineServer({
  init: (begun) => {
    begun();
    return ok(0);
  },
  cast: {
    crash: () => {
      throw new Error('crash');
    },
  },
});

async function startChildren(system, count, begun) {
  const tree = await DynamicSupervisor.start(system, tolerant);
  const pids = [];
  for (let at = 0; at < count; at++) {
    const started = await DynamicSupervisor.startChild(tree, { id: at, start: [fragile, begun] });
    pids.push(started.pid);
  }
  return { tree, pids };
}

const waiting = setup({}).createMachine({
  initial: 'waiting',
  states: { waiting: { after: { 3_600_000: 'late' } }, late: {} },
});
const waitingChart = defineStatechart(waiting);

const echo = defineServer({
  init: () => ok(0),
  info: (answered, hub, self) => {
    self.send(hub, 1);
    return noreply(answered + 1);
  },
});

const hub = defineServer({
  init: ({ spokes, over }) => ok({ spokes, over, answers: 0 }),
  info: (state, message, self) => {
    if (message === 1) {
      state.answers += 1;
      if (state.answers === state.spokes.length) state.over();
      return noreply(state);
    }
    state.answers = 0;
    for (const spoke of state.spokes) self.send(spoke, self.pid);
    return noreply(state);
  },
});

export const works = {
  pingPong: (messages) => rally(messages, (system, pid, left) => system.send(pid, left)),

  /** What is left out is what is kept of the last messages of each process. */
  pingPongUnrecorded: (messages) =>
    rally(messages, (system, pid, left) => system.send(pid, left), { flightRecorder: 0 }),

  castPingPong: (messages) =>
    rally(messages, (system, pid, left) => system.cast(pid, { type: 'ball', arg: left })),

  async call(calls) {
    const system = newSystem();
    const { call } = await system.start(counter);
    let sum = 0;
    const startMs = performance.now();
    for (let made = 0; made < calls; made++) sum = await call.add(1);
    const perCall = microsecondsPer(calls, startMs);
    check(sum, calls, 'the sum');
    await system.stop();
    return { perCall };
  },

  async spawnStop(count, { batch }) {
    const system = newSystem();
    const startMs = performance.now();
    for (let done = 0; done < count; done += batch) {
      const begun = latch(batch);
      const pids = [];
      for (let at = 0; at < batch; at++) pids.push(system.spawn(idle, begun));
      await begun.opened;
      for (const pid of pids) system.exit(pid, exitReason.shutdown);
      await system.awaitExit(pids[batch - 1]);
    }
    const perProcess = microsecondsPer(count, startMs);
    check([...system.processes()].length, 0, 'processes left');
    await system.stop();
    return { perProcess };
  },

  async replace(children, { crashes }) {
    const system = newSystem();
    let begun = () => undefined;
    const { tree, pids } = await startChildren(system, children, () => begun());
    const latencies = [];
    for (let crash = 0; crash < crashes; crash++) {
      const replaced = latch();
      begun = () => {
        latencies.push((performance.now() - startMs) * 1000);
        replaced.open();
      };
      const startMs = performance.now();
      system.cast(pids[crash], { type: 'crash' });
      await replaced.opened;
    }
    begun = () => undefined;
    check((await DynamicSupervisor.countChildren(tree)).active, children, 'children alive');
    await DynamicSupervisor.stop(tree);
    await system.stop();
    return { p50: p50(latencies) };
  },

  async storm(children) {
    const system = newSystem();
    let begun = () => undefined;
    const { tree, pids } = await startChildren(system, children, () => begun());
    const replaced = latch(children);
    begun = replaced.arrive;
    const startMs = performance.now();
    for (const pid of pids) system.cast(pid, { type: 'crash' });
    await replaced.opened;
    const perRestart = microsecondsPer(children, startMs);
    check((await DynamicSupervisor.countChildren(tree)).active, children, 'children alive');
    await DynamicSupervisor.stop(tree);
    await system.stop();
    return { perRestart, perSecond: 1e6 / perRestart };
  },

  async startMany(children) {
    const before = heapAfterCollection();
    const system = newSystem();
    let count = 0;
    const startMs = performance.now();
    const { tree } = await startChildren(system, children, () => {
      count += 1;
    });
    const perChild = microsecondsPer(children, startMs);
    check(count, children, 'children started');
    const perChildKb = (heapAfterCollection() - before) / children / 1024;
    await DynamicSupervisor.stop(tree);
    await system.stop();
    return { perChild, perChildKb };
  },

  async stopCharts(count) {
    const system = newSystem();
    const tree = await DynamicSupervisor.start(system, tolerant);
    for (let at = 0; at < count; at++) {
      await DynamicSupervisor.startChild(tree, { id: at, start: [waitingChart] });
    }
    check([...system.processes()].length, count + 1, 'processes started');
    const startMs = performance.now();
    await DynamicSupervisor.stop(tree);
    const perProcess = microsecondsPer(count, startMs);
    check([...system.processes()].length, 0, 'processes left');
    await system.stop();
    return { perProcess, total: (perProcess * count) / 1000 };
  },

  async fanOut(rounds, { width }) {
    const system = newSystem();
    let over = () => undefined;
    const spokes = Array.from({ length: width }, () => system.spawn(echo));
    const center = system.spawn(hub, { spokes, over: () => over() });
    const startMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      const all = latch();
      over = all.open;
      system.send(center, 'ask all');
      await all.opened;
    }
    const perMessage = microsecondsPer(rounds * width * 2, startMs);
    const answered = spokes.map((pid) => system.processInfo(pid).state);
    check(
      answered.reduce((sum, each) => sum + each, 0),
      rounds * width,
      'answers',
    );
    await system.stop();
    return { perMessage };
  },

  async lag(durationMs) {
    const system = newSystem();
    const one = await system.start(player, () => undefined);
    const other = await system.start(player, () => undefined);
    one.cast.meet(other.pid);
    other.cast.meet(one.pid);
    system.send(one.pid, Number.MAX_SAFE_INTEGER);
    const figures = await lagBeside(durationMs);
    check(system.processInfo(one.pid).state.received > durationMs / 50, true, 'they kept talking');
    await system.stop();
    return figures;
  },
};
