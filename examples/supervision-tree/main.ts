import {
  createSystem,
  defineServer,
  exitReason,
  noreply,
  ok,
  reply,
  silentLogger,
} from '@snakepit/core';
import { DynamicSupervisor, Supervisor } from '@snakepit/supervisor';

const counter = defineServer({
  name: 'counter',
  init: (start: number) => ok({ n: start }),
  call: { add: (state, by: number) => reply(state.n + by, { n: state.n + by }) },
  cast: {
    crash: (): ReturnType<typeof noreply<{ n: number }>> => {
      throw new Error('as every program does some day');
    },
  },
});

// Without a logger of your own, crash reports go to the console.
const system = createSystem({ logger: silentLogger });
const tree = await Supervisor.start(system, {
  name: 'app',
  strategy: 'oneForOne', // oneForAll | restForOne
  maxRestarts: 3,
  maxSeconds: 5,
  children: [
    { id: 'counter', name: 'counter', start: [counter, 1] }, // restart: 'permanent' | 'transient' | 'temporary'
    { id: 'jobs', start: [DynamicSupervisor, { maxChildren: 100 }], type: 'supervisor' },
  ],
});

const started = new Promise((resolve) => {
  system.telemetry.on('snakepit.process.spawned', (_, { name, pid }) => {
    if (name === 'counter') resolve(pid);
  });
});
const before = system.whereis('counter');
system.cast('counter', { type: 'crash' });
console.log('another process:', (await started) !== before);

const late = await Supervisor.startChild(tree, {
  id: 'late',
  start: [counter, 5],
  restart: 'transient',
});
console.log('started:', late.ok);
console.log(await Supervisor.countChildren(tree));
console.log(await Supervisor.terminateChild(tree, 'late'));
console.log(await Supervisor.terminateChild(tree, 'nobody')); // results are data, not exceptions

for (const { id, pid, type } of await Supervisor.whichChildren(tree)) {
  console.log(id, type, typeof pid === 'object' ? 'runs' : pid);
}
const reason = await Supervisor.stop(tree, exitReason.shutdown);
console.log('ended:', reason.kind);
await system.stop();
