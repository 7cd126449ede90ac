import { exitReason, ExitError, type ExitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import type { Pid } from '../process/pid.ts';
import type { ProcessContext } from '../process/process-context.ts';
import type { Process } from '../process/process.ts';
import type { Behaviour, Instance } from './behaviour.ts';
import { coreError } from '../errors.ts';
import { delayFault } from '../timers.ts';
import { createFlatActor, type FlatActor } from './flat-actor.ts';

/** The work of a task. It may watch `self.signal` to stop early when the task is ended. */
export type TaskFunction<T, I = undefined> = (input: I, self: ProcessContext) => Promise<T> | T;

/** A task under way: a linked process whose result its owner waits for. */
export interface TaskHandle<T> {
  /** The task's process. */
  readonly pid: Pid;
  /**
   * Waits for the result.
   *
   * @param options - `timeout` in milliseconds, default 5,000; the task goes on after it (TSK-003).
   * @throws {@link ExitError} `timeout`, or the task's exit reason (TSK-004).
   * @throws {@link SnakepitError} INVALID_ARGUMENT, when another process than the owner waits (TSK-001; seen only
   *   before that process awaits anything), or when the timeout is no duration.
   */
  await(options?: { readonly timeout?: number }): Promise<T>;
}

/**
 * Defines a task: a process that does one piece of work and ends `normal`.
 *
 * @returns A behaviour for `spawn`, `startLink` and child specifications.
 */
export function defineTask<T, I = undefined>(
  work: TaskFunction<T, I>,
  options: { readonly name?: string } = {},
): Behaviour<I> {
  return taskBehaviour(work, options.name ?? 'task', () => undefined);
}

/** Supervisable asynchronous work (OTP TSK-001 …). */
export const Task = {
  /**
   * Starts work in a process linked to the caller's.
   *
   * @param owner - The process that waits for the result; it dies with the task unless it traps exits.
   */
  async<T>(owner: ProcessContext, work: TaskFunction<T>): TaskHandle<T> {
    let settle: (outcome: Outcome<T>) => void = () => undefined;
    const outcome = new Promise<Outcome<T>>((resolve) => {
      settle = resolve;
    });
    const pid = owner.spawnLink(
      taskBehaviour(work, 'task', (value: T) => {
        settle({ ok: true, value });
      }),
    );
    void owner.system.awaitExit(pid).then((reason) => {
      settle({ ok: false, reason });
    });
    return {
      pid,
      await: ({ timeout = 5_000 } = {}) => awaitOutcome(owner, pid, outcome, timeout),
    };
  },
} as const;

type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: ExitReason };

function awaitOutcome<T>(
  owner: ProcessContext,
  pid: Pid,
  outcome: Promise<Outcome<T>>,
  timeoutMs: number,
): Promise<T> {
  const { clock } = owner.system;
  const what = `await of task ${pid.toString()}`;
  const fault = owner.isOthersTurn
    ? coreError('INVALID_ARGUMENT', {
        argument: 'the task',
        value: pid.toString(),
        fault: `only its owner ${owner.pid.toString()} may wait for it`,
        remedy: 'Wait in the process that started the task, and send the result on.',
      })
    : delayFault('the timeout of an await', timeoutMs);
  if (fault !== undefined) return Promise.reject(fault);
  const awaited = new Promise<T>((resolve, reject) => {
    const timer =
      timeoutMs === Infinity
        ? undefined
        : clock.setTimeout(() => {
            reject(new ExitError(exitReason.timeout, what));
          }, timeoutMs);
    void outcome.then((result) => {
      if (timer !== undefined) clock.clearTimeout(timer);
      if (result.ok) resolve(result.value);
      else reject(new ExitError(result.reason, what));
    });
  });
  // As with a call: that its owner does not wait after all, or is gone by then, is not the host's affair.
  awaited.catch(() => undefined);
  return awaited;
}

function taskBehaviour<T, I>(
  work: TaskFunction<T, I>,
  label: string,
  onResult: (value: T) => void,
): Behaviour<I> {
  return {
    kind: 'task',
    label,
    createInstance: (process, input) => new TaskInstance(process, input, work, onResult),
  };
}

class TaskInstance<T, I> implements Instance {
  readonly state = undefined;
  readonly #process: Process;
  readonly #begin: () => Promise<T>;
  readonly #onResult: (value: T) => void;
  readonly #actor: FlatActor;
  #phase: 'running' | 'done' = 'running';

  constructor(process: Process, input: I, work: TaskFunction<T, I>, onResult: (value: T) => void) {
    this.#process = process;
    this.#begin = async () => work(input, process.context);
    this.#onResult = onResult;
    this.#actor = createFlatActor(this, { handle: () => undefined });
  }

  get stateValue(): string {
    return this.#phase;
  }

  start(): void {
    this.#process.acknowledge();
    this.#process.hold(
      this.#begin(),
      (value) => {
        this.#onResult(value);
        this.#process.end(exitReason.normal);
      },
      (error) => {
        this.#process.end(reasonOfThrown(error));
      },
    );
  }

  receive(message: unknown): void {
    this.#actor.send(message);
  }

  dispose(): void {
    this.#phase = 'done';
    this.#actor.stop();
  }
}
