import { coreError } from '../errors.ts';
import { exitReason, ExitError, type ExitReason } from '../process/exit-reason.ts';
import { defaultTaskTimeoutMs, TaskHandle, type TaskWaitOptions } from './task-handle.ts';
import type { TaskResult } from './task-outcome.ts';
import { unlessUnheard, waitFor, type TaskOwner } from './task-wait.ts';

type Handles = readonly TaskHandle<unknown>[];

/** The values of several tasks, in their order. */
export type TaskValues<Tasks extends Handles> = {
  -readonly [K in keyof Tasks]: Tasks[K] extends TaskHandle<infer T> ? T : never;
};

/** What is known of several tasks, in their order. */
export type TaskResults<Tasks extends Handles> = {
  -readonly [K in keyof Tasks]: Tasks[K] extends TaskHandle<infer T>
    ? TaskResult<T> | undefined
    : never;
};

/**
 * Waits for the values of several tasks of one owner (TSK-007).
 *
 * @param options - `timeout` in milliseconds for all together, default 5,000.
 * @returns The values in the order of the tasks.
 * @throws {@link ExitError} `timeout`, or the exit reason of the task that fails first; the others go on.
 * @throws {@link SnakepitError} INVALID_ARGUMENT as with one task, and for tasks of different owners.
 */
export function awaitMany<const Tasks extends Handles>(
  tasks: Tasks,
  { timeout = defaultTaskTimeoutMs }: TaskWaitOptions = {},
): Promise<TaskValues<Tasks>> {
  const values = together(tasks, 'await', timeout, true).then(({ failure, timedOut, what }) => {
    if (failure !== undefined) throw new ExitError(failure, what);
    if (timedOut) throw new ExitError(exitReason.timeout, what);
    return tasks.map((task) => {
      const { result } = TaskHandle.outcomeOf(task);
      return result?.ok === true ? result.value : undefined;
    });
  });
  // The results are in the order of the handles that the types are read off.
  return quietFor(tasks, values) as Promise<TaskValues<Tasks>>;
}

/**
 * Waits until several tasks of one owner have ended, and takes what is there when the time is up.
 *
 * @param options - `timeout` in milliseconds for all together, default 5,000.
 * @returns In the order of the tasks the result of each, as data; `undefined` for one that still runs.
 * @throws {@link SnakepitError} INVALID_ARGUMENT as with one task, and for tasks of different owners.
 */
export function yieldMany<const Tasks extends Handles>(
  tasks: Tasks,
  { timeout = defaultTaskTimeoutMs }: TaskWaitOptions = {},
): Promise<TaskResults<Tasks>> {
  const results = together(tasks, 'yield', timeout, false).then(() =>
    tasks.map((task) => TaskHandle.outcomeOf(task).result),
  );
  // As above.
  return quietFor(tasks, results) as Promise<TaskResults<Tasks>>;
}

interface Together {
  readonly what: string;
  readonly timedOut: boolean;
  /** The reason of the first that failed. */
  readonly failure?: ExitReason;
}

/** Waits until all have ended, or the time is up, or, if that counts, one has failed. */
async function together(
  tasks: Handles,
  verb: string,
  timeoutMs: number,
  failureCounts: boolean,
): Promise<Together> {
  const what = `${verb} of ${String(tasks.length)} tasks`;
  const owner = ownerOfAll(tasks, what);
  if (owner === undefined) return { what, timedOut: false };
  const ended = await waitFor<Omit<Together, 'what'>>({ what, owner, timeoutMs }, (settle) => {
    let pending = tasks.length;
    const releases = tasks.map((task) =>
      TaskHandle.outcomeOf(task).listen((result) => {
        pending -= 1;
        if (failureCounts && !result.ok) settle({ timedOut: false, failure: result.reason });
        else if (pending === 0) settle({ timedOut: false });
      }),
    );
    return () => {
      for (const release of releases) release();
    };
  });
  return { what, timedOut: true, ...ended };
}

function ownerOfAll(tasks: Handles, what: string): TaskOwner | undefined {
  const [owner, ...others] = tasks.map((task) => {
    if (task instanceof TaskHandle) return TaskHandle.ownerOf(task);
    throw coreError('INVALID_ARGUMENT', {
      argument: 'the list of the',
      value: what,
      fault: `${String(task)} is no task`,
      remedy: 'Give a list of what Task.async() or TaskSupervisor.async() returned.',
    });
  });
  if (others.every((other) => other === owner)) return owner;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the',
    value: what,
    fault: 'they have different owners, and only its owner may wait for a task',
    remedy: 'Wait for the tasks of one owner at a time, where they were started.',
  });
}

function quietFor<T>(tasks: Handles, answer: Promise<T>): Promise<T> {
  const [first] = tasks;
  return first instanceof TaskHandle ? unlessUnheard(TaskHandle.ownerOf(first), answer) : answer;
}
