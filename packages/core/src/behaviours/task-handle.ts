import { exitReason, ExitError, type ExitReason } from '../process/exit-reason.ts';
import type { Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import type { Behaviour } from './behaviour.ts';
import { checkTask } from './check-definition.ts';
import { createOutcome, type Outcome, type TaskResult } from './task-outcome.ts';
import { taskBehaviour, type TaskFunction } from './task-process.ts';
import {
  processOf,
  systemOf,
  unlessUnheard,
  waitFault,
  waitFor,
  type TaskOwner,
  type WaitOptions,
} from './task-wait.ts';

/** How long to wait for a task. */
export interface TaskWaitOptions {
  /** In milliseconds; default 5,000; `Infinity` waits for ever. */
  readonly timeout?: number;
}

/** How long a wait takes and a shutdown allows unless told otherwise, in milliseconds (OTP TSK-003, TSK-006). */
export const defaultTaskTimeoutMs = 5_000;

/**
 * A task under way: a process whose result its owner waits for.
 *
 * Every way to wait fails with `INVALID_ARGUMENT` in the turn of another process than the owner (TSK-001; seen only
 * before that process awaits anything) or for a timeout that is no duration, and with the owner's own exit reason when
 * the owner ends meanwhile. The result stays with the handle: it can be asked for again.
 */
export class TaskHandle<T> {
  /** The task's process. */
  readonly pid: Pid;
  readonly #owner: TaskOwner;
  readonly #outcome: Outcome<T>;

  /** @internal */
  constructor(pid: Pid, owner: TaskOwner, outcome: Outcome<T>) {
    this.pid = pid;
    this.#owner = owner;
    this.#outcome = outcome;
  }

  /** Who waits for a task. @internal */
  static ownerOf(task: TaskHandle<unknown>): TaskOwner {
    return task.#owner;
  }

  /** How a task ends. @internal */
  static outcomeOf<T>(task: TaskHandle<T>): Outcome<T> {
    return task.#outcome;
  }

  /**
   * Waits for the value; the task goes on after a timeout (TSK-002 … TSK-004).
   *
   * @throws {@link ExitError} `timeout`, or the task's exit reason.
   */
  await(options: TaskWaitOptions = {}): Promise<T> {
    return unlessUnheard(this.#owner, this.#value(this.#wait('await', options)));
  }

  /**
   * Looks for the result for a while (TSK-005).
   *
   * @returns The result, as data; `undefined` when there is none in time: the task still runs, and can be asked again.
   */
  yield(options: TaskWaitOptions = {}): Promise<TaskResult<T> | undefined> {
    return unlessUnheard(this.#owner, waitForTask(this.#outcome, this.#wait('yield', options)));
  }

  /**
   * Unlinks the task, ends it, and waits until it is gone (TSK-006).
   *
   * @param limit - Milliseconds that it has to end after `shutdown` before it is killed, default 5,000, `Infinity`
   *   without limit; or `'brutalKill'`.
   * @returns The result if it was there already; `undefined` when the task ended as it was told; else with which
   *   reason: `killed` when it ignored `shutdown`.
   */
  shutdown(
    limit: number | 'brutalKill' = defaultTaskTimeoutMs,
  ): Promise<TaskResult<T> | undefined> {
    return unlessUnheard(this.#owner, this.#end(limit));
  }

  async #value(wait: WaitOptions): Promise<T> {
    const result = await waitForTask(this.#outcome, wait);
    if (result === undefined) throw new ExitError(exitReason.timeout, wait.what);
    if (!result.ok) throw new ExitError(result.reason, wait.what);
    return result.value;
  }

  async #end(limit: number | 'brutalKill'): Promise<TaskResult<T> | undefined> {
    const brutal = limit === 'brutalKill';
    const wait = this.#wait('shutdown', { timeout: brutal ? 0 : limit });
    const fault = waitFault(wait);
    if (fault !== undefined) throw fault;
    this.#ask(brutal ? exitReason.kill : exitReason.shutdown);
    if (!brutal && limit !== Infinity) this.#killAfter(limit);
    const result = await waitForTask(this.#outcome, { ...wait, timeoutMs: Infinity });
    const asTold = brutal ? 'killed' : 'shutdown';
    return result?.ok === false && result.reason.kind === asTold ? undefined : result;
  }

  #ask(reason: ExitReason): void {
    const owner = this.#owner;
    if (owner instanceof ProcessContext) {
      owner.unlink(this.pid);
      owner.exit(this.pid, reason);
    } else {
      owner.exit(this.pid, reason);
    }
  }

  /** Also when its owner, which is not linked to it any more, is gone by then. */
  #killAfter(limitMs: number): void {
    const system = systemOf(this.#owner);
    const timer = system.clock.setTimeout(() => {
      system.exit(this.pid, exitReason.kill);
    }, limitMs);
    this.#outcome.listen(() => {
      system.clock.clearTimeout(timer);
    });
  }

  #wait(verb: string, { timeout = defaultTaskTimeoutMs }: TaskWaitOptions): WaitOptions {
    const what = `${verb} of task ${this.pid.toString()}`;
    return { what, owner: this.#owner, timeoutMs: timeout };
  }
}

/** A task that somebody else spawns: its behaviour, and its handle once its pid is known. */
export interface PreparedTask<T> {
  /** What to spawn. */
  readonly logic: Behaviour<undefined>;
  /** Makes the handle of what was spawned. */
  readonly handle: (pid: Pid) => TaskHandle<T>;
}

/**
 * Prepares a task for whoever spawns it.
 *
 * @param linking - `'byItself'`: the task links itself to its owner before it begins. `'none'`: it does not. Both times
 *   it does nothing when its owner is gone by then. `'bySpawn'`: whoever spawns it has linked it.
 * @throws {@link SnakepitError} INVALID_ARGUMENT for work that is no function.
 */
export function prepareTask<T>(
  owner: TaskOwner,
  work: TaskFunction<T>,
  linking: 'bySpawn' | 'byItself' | 'none',
): PreparedTask<T> {
  checkTask(work, {});
  const { outcome, settle } = createOutcome<T>();
  const logic = taskBehaviour<T, undefined>({
    work,
    owner: linking === 'bySpawn' ? undefined : processOf(owner),
    linked: linking === 'byItself',
    onEnd: settle,
  });
  return {
    logic,
    handle(pid) {
      // One that was killed before its first turn has told nobody.
      void systemOf(owner)
        .awaitExit(pid)
        .then((reason) => {
          settle({ ok: false, reason });
        });
      return new TaskHandle(pid, owner, outcome);
    },
  };
}

function waitForTask<T>(
  outcome: Outcome<T>,
  wait: WaitOptions,
): Promise<TaskResult<T> | undefined> {
  return waitFor(wait, (settle) => outcome.listen(settle));
}
