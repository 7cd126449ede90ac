import { expect, test } from '@jest/globals';
import {
  createSystem,
  defineServer,
  ok,
  type Pid,
  type TaskHandle,
  type TaskResult,
} from '@snakepit/core';
import { PartitionSupervisor, TaskSupervisor } from './index.ts';

test('the types of supervised tasks follow their work', async () => {
  const system = createSystem();
  const tree = await TaskSupervisor.start(system, { maxChildren: 5 });
  const task: TaskHandle<number> = await TaskSupervisor.async(system, tree, () => 1);
  // @ts-expect-error -- the task gives a number
  const wrong: TaskHandle<string> = await TaskSupervisor.asyncNolink(system, tree, () => 1);
  const input = new Set(['a']);
  for await (const result of TaskSupervisor.asyncStream(system, tree, input, (one) => one.length)) {
    const known: TaskResult<number> = result;
    expect(known.ok).toBe(true);
  }
  // @ts-expect-error -- the input is texts
  TaskSupervisor.asyncStreamNolink(system, tree, input, (one: number) => one);
  // @ts-expect-error -- no such option
  await TaskSupervisor.start(system, { strategy: 'oneForOne' });
  // @ts-expect-error -- what somebody waits for is never restarted
  await TaskSupervisor.async(system, tree, () => 1, { restart: 'permanent' });
  expect([task, wrong]).toHaveLength(2);
});

test('a partition supervisor needs a name and a child', async () => {
  const system = createSystem();
  const server = defineServer({ init: (n: number) => ok(n) });
  const child = { start: [server, 0] } as const;
  const tree = await PartitionSupervisor.start(system, { name: 'p', child });
  const pid: Pid | undefined = PartitionSupervisor.pidFor(tree, { user: ['a', 1n] });
  // @ts-expect-error -- such a key shows no value
  PartitionSupervisor.pidFor(tree, new Map());
  // @ts-expect-error -- it has no name
  await PartitionSupervisor.start(system, { child });
  // @ts-expect-error -- it has no child
  await PartitionSupervisor.start(system, { name: 'p' });
  // @ts-expect-error -- its number is the id
  await PartitionSupervisor.start(system, { name: 'p', child: { ...child, id: 'p' } });
  expect(pid).toBeDefined();
});
