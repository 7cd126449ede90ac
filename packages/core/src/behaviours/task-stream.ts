import { availableParallelism } from 'node:os';
import { coreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import { delayFault } from '../timers.ts';
import { ProcessContext } from '../process/process-context.ts';
import type { Pid } from '../process/pid.ts';
import type { Behaviour } from './behaviour.ts';
import { checkTask } from './check-definition.ts';
import { defaultTaskTimeoutMs } from './task-handle.ts';
import type { TaskResult } from './task-outcome.ts';
import type { TaskFunction } from './task-process.ts';
import { TaskStream } from './task-stream-session.ts';
import type { TaskOwner } from './task-wait.ts';

/** How a stream of tasks works. */
export interface TaskStreamOptions {
  /**
   * How many tasks may run at once; a whole number ≥ 1, default the number of cores.
   *
   * Also how many elements of the input may be ahead of what was taken out. Differs from Elixir, which has no limit to
   * the results that wait for an earlier one.
   */
  readonly maxConcurrency?: number;
  /** Whether results come in the order of the input (default), or as they are there. */
  readonly ordered?: boolean;
  /** How long each task may take, in milliseconds; default 5,000; `Infinity` without limit. Then it is killed. */
  readonly timeout?: number;
  /** Then the stream fails with `timeout` (`'exit'`, the default), or that element's result is `timeout` (`'killTask'`). */
  readonly onTimeout?: 'exit' | 'killTask';
}

/** What a stream of tasks is made of. */
export interface TaskStreamParts<I, R> {
  /** Who reads it. */
  readonly owner: TaskOwner;
  /** Read one at a time, when there is room for it. */
  readonly items: Iterable<I> | AsyncIterable<I>;
  /** What is done with each. */
  readonly work: TaskFunction<R, I>;
  /** How. */
  readonly options: TaskStreamOptions | undefined;
  /** Whether the tasks are linked to the owner. */
  readonly linked: boolean;
  /** Spawns one task, which links itself. */
  readonly spawn: (logic: Behaviour<undefined>) => Pid | Promise<Pid>;
}

/**
 * Does the same work with each element of an input, several at once, each in a task of its own (TSK-008).
 *
 * Nothing is started before the first result is asked for. Leaving the loop kills the tasks that run, waits until they
 * are gone, and closes the input. Tasks are linked to the owner, as with `Task.async`; one that traps exits gets the
 * failures as results, and no EXIT messages.
 *
 * @param owner - `self` of the process that reads the results, or the system for code outside of processes.
 * @param items - Is read only as far as there is room.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for a faulty option or input, or work that is no function. Reading a result rejects with what the
 *   input throws; with {@link ExitError} `timeout`; or with the owner's exit reason when it ends. All is closed by then.
 */
export function asyncStream<I, R>(
  owner: TaskOwner,
  items: Iterable<I> | AsyncIterable<I>,
  work: TaskFunction<R, I>,
  options?: TaskStreamOptions,
): AsyncGenerator<TaskResult<R>, void, undefined> {
  const spawn = (logic: Behaviour<undefined>): Pid =>
    owner instanceof ProcessContext ? owner.spawnLink(logic) : owner.spawn(logic);
  return streamTasks({ owner, items, work, options, linked: true, spawn });
}

/** Makes a stream of tasks that are spawned in a way of one's own. */
export function streamTasks<I, R>(
  parts: TaskStreamParts<I, R>,
): AsyncGenerator<TaskResult<R>, void, undefined> {
  const { options = {}, items, work } = parts;
  const checked = {
    maxConcurrency: options.maxConcurrency ?? availableParallelism(),
    ordered: options.ordered ?? true,
    timeoutMs: options.timeout ?? defaultTaskTimeoutMs,
    killsTask: options.onTimeout === 'killTask',
  };
  checkOptions(options, checked.maxConcurrency, checked.timeoutMs);
  checkItems(items);
  checkTask(work, {});
  return results(new TaskStream(parts, checked));
}

async function* results<I, R>(
  stream: TaskStream<I, R>,
): AsyncGenerator<TaskResult<R>, void, undefined> {
  try {
    for (;;) {
      const result = await stream.next();
      if (result === undefined) return;
      yield result;
    }
  } finally {
    await stream.close();
  }
}

function checkOptions(
  { ordered = true, onTimeout = 'exit' }: TaskStreamOptions,
  maxConcurrency: number,
  timeoutMs: number,
): void {
  const late = delayFault('the timeout of a stream of tasks', timeoutMs);
  if (late !== undefined) throw late;
  if (!Number.isInteger(maxConcurrency) || maxConcurrency < 1) {
    throw badOption('maxConcurrency', maxConcurrency, 'a whole number ≥ 1');
  }
  // Plain JavaScript callers can give anything.
  if (typeof ordered !== 'boolean') throw badOption('ordered', ordered, 'true or false');
  if (!['exit', 'killTask'].includes(onTimeout)) {
    throw badOption('onTimeout', onTimeout, "'exit' or 'killTask'");
  }
}

function badOption(name: string, value: unknown, allowed: string): Error {
  return coreError('INVALID_ARGUMENT', {
    argument: `the option ${name}`,
    value: String(value),
    fault: `it must be ${allowed}`,
    remedy: `Give ${name} as ${allowed}, or leave it out.`,
  });
}

function checkItems(items: unknown): void {
  if (typeof items === 'string') return;
  if (typeof items === 'object' && items !== null) {
    if (Symbol.iterator in items || Symbol.asyncIterator in items) return;
  }
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the input',
    value: String(items),
    fault: 'a stream of tasks reads something iterable',
    remedy: isThenable(items)
      ? 'Await it first.'
      : 'Give a list, a set, a generator, or anything else that a for or for await loop takes.',
  });
}
