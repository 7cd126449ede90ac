import type { Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import type { Behaviour } from './behaviour.ts';
import { checkTask } from './check-definition.ts';
import { prepareTask, type TaskHandle } from './task-handle.ts';
import { awaitMany, yieldMany } from './task-many.ts';
import { taskBehaviour, type TaskFunction } from './task-process.ts';
import { asyncStream } from './task-stream.ts';
import type { TaskOwner } from './task-wait.ts';

/**
 * Defines a task: a process that does one piece of work and ends `normal`. Nobody is told the result.
 *
 * @returns A behaviour for `spawn`, `startLink` and child specifications, where it is temporary unless the spec says
 *   otherwise (TSK-009).
 */
export function defineTask<T, I = undefined>(
  work: TaskFunction<T, I>,
  options: { readonly name?: string } = {},
): Behaviour<I> {
  checkTask(work, options);
  return taskBehaviour({ work, label: options.name });
}

/**
 * Asynchronous work in a process of its own (OTP TSK-001 …).
 *
 * Differs from Elixir: a result comes by a promise, not as a message, and can be asked for again.
 */
export const Task = {
  /**
   * Starts work in a process linked to the caller's.
   *
   * @param owner - `self` of the process that waits for the result: it dies with a task that fails, unless it traps
   *   exits. Or the system, for code outside of processes: nothing is linked, and a failure is only told by the handle.
   * @throws {@link SnakepitError} INVALID_ARGUMENT for work that is no function.
   */
  async<T>(owner: TaskOwner, work: TaskFunction<T>): TaskHandle<T> {
    const task = prepareTask(owner, work, 'bySpawn');
    return task.handle(
      owner instanceof ProcessContext ? owner.spawnLink(task.logic) : owner.spawn(task.logic),
    );
  },
  /** Starts work that nobody waits for, and that lives on when the caller dies. */
  start(owner: TaskOwner, work: TaskFunction<unknown>): Pid {
    return owner.spawn(defineTask(work));
  },
  /** Starts work that nobody waits for, linked to the caller's process. */
  startLink(owner: ProcessContext, work: TaskFunction<unknown>): Pid {
    return owner.spawnLink(defineTask(work));
  },
  awaitMany,
  yieldMany,
  asyncStream,
} as const;
