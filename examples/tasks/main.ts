import {
  createSystem,
  defineServer,
  formatExitReason,
  ok,
  reply,
  silentLogger,
  Task,
  type TaskResult,
} from '@snakepit/core';
import { PartitionSupervisor, Supervisor, TaskSupervisor } from '@snakepit/supervisor';

// Without a logger of your own, crash reports go to the console.
const system = createSystem({ logger: silentLogger });

// Work in a process of its own, and the wait for it. In a process give `self` instead of the system: it is linked then.
const sum = Task.async(system, () => 2 + 3);
console.log('sum:', await sum.await());

// Several at once: the values in the order of the tasks, or the first failure.
const tasks = ['one', 'three'].map((word) => Task.async(system, () => word.length));
console.log('many:', await Task.awaitMany(tasks));

// Results as data, and an end for what takes too long. `self.signal` is aborted when the task ends.
const endless = Task.async(system, (_, self) => {
  self.signal.addEventListener('abort', () => {
    console.log('the task is told to stop');
  });
  return new Promise<never>(() => undefined);
});
console.log('yield:', await endless.yield({ timeout: 10 }));
console.log('shutdown:', await endless.shutdown());

// A stream: never more than two at once, and never more than two elements ahead of this loop.
const squares = Task.asyncStream(system, [1, 2, 3, 4, 5], (n) => n * n, { maxConcurrency: 2 });
for await (const result of squares) {
  if (result.ok) console.log('square:', result.value);
  // Leaving the loop ends the tasks that still run.
  if (result.ok && result.value === 9) break;
}

// Under supervision: tasks that stop with their supervisor, and processes that share the work by a key.
const counter = defineServer({
  init: (start: number) => ok({ n: start }),
  call: { add: (state, by: number) => reply(state.n + by, { n: state.n + by }) },
});
const tree = await Supervisor.start(system, {
  children: [
    { id: 'tasks', start: [TaskSupervisor, { name: 'tasks', maxChildren: 10 }] },
    {
      id: 'counters',
      start: [
        PartitionSupervisor,
        { name: 'counters', partitions: 4, child: { start: [counter, 0] } },
      ],
    },
  ],
});

const supervisor = TaskSupervisor.at(system, 'tasks');
const failing = await TaskSupervisor.asyncNolink(system, supervisor, () => {
  throw new RangeError('no luck today');
});
console.log('supervised:', show(await failing.yield()));

for (const key of ['ann', 'joe', 'ann']) {
  // The same key is the same process, also after a restart.
  const count: number = await system.call({ via: ['counters', key] }, { type: 'add', arg: 1 });
  console.log(`${key}: ${String(count)}`);
}

await Supervisor.stop(tree);
await system.stop();

function show(result: TaskResult<unknown> | undefined): string {
  if (result === undefined) return 'still running';
  return result.ok ? String(result.value) : formatExitReason(result.reason);
}
