import { exitReason } from '../process/exit-reason.ts';
import { reasonOfThrown } from '../process/exit-request.ts';
import type { ExitReason } from '../process/exit-reason.ts';
import type { ProcessContext } from '../process/process-context.ts';
import type { Process } from '../process/process.ts';
import type { Behaviour, Instance } from './behaviour.ts';
import type { TaskResult } from './task-outcome.ts';

/** The work of a task. It may watch `self.signal` to stop early when the task is ended. */
export type TaskFunction<T, I = undefined> = (input: I, self: ProcessContext) => Promise<T> | T;

/** What a task does, and for whom. */
export interface TaskPlan<T, I> {
  /** What it does. */
  readonly work: TaskFunction<T, I>;
  /** What it is called in reports; default `'task'`. */
  readonly label?: string | undefined;
  /** The process it works for, if its work is in vain when that one is gone before it begins. */
  readonly owner?: Process | undefined;
  /** Whether it links itself to its owner before it begins; default false. */
  readonly linked?: boolean;
  /** Whether an owner that traps exits is spared the EXIT message of its end; default false. */
  readonly quiet?: boolean;
  /** Told how it ended, before anybody else hears of it. */
  readonly onEnd?: (result: TaskResult<T>) => void;
}

/** Makes the behaviour of a task; temporary as a child unless its spec says otherwise (TSK-009). */
export function taskBehaviour<T, I>(plan: TaskPlan<T, I>): Behaviour<I> {
  return {
    kind: 'task',
    label: plan.label ?? 'task',
    childDefaults: { restart: 'temporary' },
    createInstance: (process, input) => new TaskInstance(process, input, plan),
  };
}

class TaskInstance<T, I> implements Instance {
  readonly state = undefined;
  readonly #process: Process;
  readonly #input: I;
  readonly #plan: TaskPlan<T, I>;
  #result: TaskResult<T> | undefined;
  #phase: 'running' | 'done' = 'running';

  constructor(process: Process, input: I, plan: TaskPlan<T, I>) {
    this.#process = process;
    this.#input = input;
    this.#plan = plan;
  }

  get stateValue(): string {
    return this.#phase;
  }

  start(): void {
    const process = this.#process;
    const { owner, linked = false } = this.#plan;
    if (owner?.alive === false) {
      // Nobody is left who would want what it does.
      process.end(exitReason.shutdownWith(owner.reason ?? exitReason.noproc));
      return;
    }
    if (owner !== undefined && linked) process.bonds.link(owner);
    process.acknowledge();
    process.hold(
      this.#begin(),
      (value) => {
        this.#result = { ok: true, value };
        process.end(exitReason.normal);
      },
      (error) => {
        process.end(reasonOfThrown(error));
      },
    );
  }

  receive(): void {
    // It never is: the mailbox is shut from its first turn to its last.
  }

  dispose(reason: ExitReason): void {
    const { owner, quiet = false, onEnd } = this.#plan;
    this.#phase = 'done';
    // One that does not trap keeps the link, so that it dies with a task that fails.
    if (owner?.trapExit === true && quiet) this.#process.bonds.unlink(owner);
    onEnd?.(this.#result ?? { ok: false, reason });
  }

  async #begin(): Promise<T> {
    return this.#plan.work(this.#input, this.#process.context);
  }
}
