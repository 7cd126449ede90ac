import { describe, expect, test } from '@jest/globals';
import {
  createSystem,
  defineTask,
  silentLogger,
  Task,
  type Behaviour,
  type TaskHandle,
  type TaskResult,
} from '../index.ts';

describe('the types of tasks', () => {
  test('follow what the work returns', async () => {
    const system = createSystem({ logger: silentLogger });
    const sum = Task.async(system, () => 1 + 2);
    const text = Task.async(system, (_, self) => Promise.resolve(self.pid.toString()));
    const handles: readonly [TaskHandle<number>, TaskHandle<string>] = [sum, text];

    const value: number = await sum.await();
    // @ts-expect-error -- the task gives a number
    const wrong: string = await sum.await();
    const seen: TaskResult<string> | undefined = await text.yield();
    const both: [number, string] = await Task.awaitMany([sum, text]);
    const found: [TaskResult<number> | undefined, TaskResult<string> | undefined] =
      await Task.yieldMany(handles);
    // @ts-expect-error -- there are two tasks
    const third = both[2] as unknown;
    const wider: TaskHandle<unknown> = sum;

    expect([value, wrong, seen?.ok, both[0], found[0], third, wider.pid.id]).toEqual([
      3,
      3,
      true,
      3,
      { ok: true, value: 3 },
      undefined,
      sum.pid.id,
    ]);
    await system.stop();
  });

  test('of a stream follow its input and its work', async () => {
    const system = createSystem({ logger: silentLogger });
    for await (const result of Task.asyncStream(system, ['a'], (item) => item.length)) {
      const known: TaskResult<number> = result;
      if (result.ok) expect(result.value.toFixed(1)).toBe('1.0');
      expect(known.ok).toBe(true);
    }
    // @ts-expect-error -- the input is numbers
    const stream = Task.asyncStream(system, new Set([1]), (item: string) => item);
    await stream.return();
    await system.stop();
  });

  test('of a defined task are those of its input', () => {
    const task: Behaviour<number> = defineTask((n: number) => n);
    // @ts-expect-error -- it takes a number
    const wrong: Behaviour<string> = task;
    expect(wrong.kind).toBe('task');
  });
});
