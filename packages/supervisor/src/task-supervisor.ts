import {
  ExitError,
  exitReason,
  formatProcessName,
  prepareTask,
  streamTasks,
  unlessUnheard,
  defineTask,
  type ActorSystem,
  type Behaviour,
  type ExitReason,
  type Pid,
  type PreparedTask,
  type ProcessName,
  type Target,
  type TaskFunction,
  type TaskHandle,
  type TaskOwner,
  type TaskResult,
  type TaskStreamOptions,
} from '@snakepit/core';
import type { Done, NotFound, Refused, Started } from './administration.ts';
import type { NamedByInput } from './child-handles.ts';
import type { RestartType, Shutdown } from './child-spec.ts';
import { checkDynamicOptions } from './dynamic-options.ts';
import { DynamicSupervisor, type StartDynamicChildError } from './dynamic-supervisor.ts';
import { supervisorError } from './errors.ts';
import { nameIn } from './shared-effects.ts';
import { refTo, type SupervisorRef } from './supervisor-ref.ts';

/** How a task supervisor works; the limits are those of a dynamic supervisor (OTP DYN-010). */
export interface TaskSupervisorOptions {
  /** Name to register it under. */
  readonly name?: ProcessName;
  /** Restarts allowed within {@link TaskSupervisorOptions.maxSeconds}, of all tasks together; default 3. */
  readonly maxRestarts?: number;
  /** In seconds; default 5. */
  readonly maxSeconds?: number;
  /** Tasks allowed at once; a whole number ≥ 0, default `Infinity`. */
  readonly maxChildren?: number;
}

/** How a task is stopped by its supervisor. */
export interface SupervisedTaskOptions {
  /** What it has to end after `shutdown`, in milliseconds; default 5,000. */
  readonly shutdown?: Shutdown;
}

/** How a task that nobody waits for is kept. */
export interface TaskChildOptions extends SupervisedTaskOptions {
  /** When it is started again; default `'temporary'`: never. */
  readonly restart?: RestartType;
}

/** A task supervisor as a behaviour, and what can be asked of one that runs. */
export interface TaskSupervisorApi extends Behaviour<TaskSupervisorOptions>, NamedByInput {
  /**
   * Starts a task supervisor; it has no tasks yet.
   *
   * @throws {@link SnakepitError} `INVALID_SUPERVISOR` when an option is faulty.
   * @throws {@link ExitError} `alreadyStarted` when the name is taken.
   */
  start(system: ActorSystem, options?: TaskSupervisorOptions): Promise<SupervisorRef>;
  /** A task supervisor that runs already, by pid or name. */
  at(system: ActorSystem, target: Target): SupervisorRef;
  /**
   * Starts work that nobody waits for (OTP TSK-009). Nobody is linked to it but the supervisor.
   *
   * @returns The pid; or why not, `maxChildren` when there are as many as may be (OTP TSK-011).
   */
  startChild(
    tree: SupervisorRef,
    work: TaskFunction<unknown>,
    options?: TaskChildOptions,
  ): Promise<Started | Refused<StartDynamicChildError>>;
  /**
   * Starts work that its owner waits for, linked to both owner and supervisor (OTP TSK-010).
   *
   * @param owner - `self` of the process that waits: it dies with a task that fails, unless it traps exits. Or the
   *   system, for code outside of processes, to which nothing is linked.
   * @throws {@link SnakepitError} `MAX_CHILDREN` when there are as many tasks as may be (OTP TSK-011);
   *   `INVALID_ARGUMENT` for a faulty `shutdown`, or work that is no function.
   * @throws {@link ExitError} `noproc` when the supervisor does not run.
   */
  async<T>(
    owner: TaskOwner,
    tree: SupervisorRef,
    work: TaskFunction<T>,
    options?: SupervisedTaskOptions,
  ): Promise<TaskHandle<T>>;
  /**
   * The same, but not linked to the owner: a failure is only told by the handle, and the task goes on when its owner
   * ends (OTP TSK-010).
   */
  asyncNolink<T>(
    owner: TaskOwner,
    tree: SupervisorRef,
    work: TaskFunction<T>,
    options?: SupervisedTaskOptions,
  ): Promise<TaskHandle<T>>;
  /**
   * Does the same work with each element of an input, as `Task.asyncStream` does, under the supervisor.
   *
   * Reading fails with `MAX_CHILDREN` when there is no room for a task: keep `maxConcurrency` below that limit.
   */
  asyncStream<I, R>(
    owner: TaskOwner,
    tree: SupervisorRef,
    items: Iterable<I> | AsyncIterable<I>,
    work: TaskFunction<R, I>,
    options?: TaskStreamOptions & SupervisedTaskOptions,
  ): AsyncGenerator<TaskResult<R>, void, undefined>;
  /** The same, but the tasks are not linked to the owner: failures are results, whether or not it traps exits. */
  asyncStreamNolink<I, R>(
    owner: TaskOwner,
    tree: SupervisorRef,
    items: Iterable<I> | AsyncIterable<I>,
    work: TaskFunction<R, I>,
    options?: TaskStreamOptions & SupervisedTaskOptions,
  ): AsyncGenerator<TaskResult<R>, void, undefined>;
  /** The pids of all tasks but those that are being restarted. */
  children(tree: SupervisorRef): Promise<readonly Pid[]>;
  /** Stops a task, as its `shutdown` allows (OTP DYN-017). */
  terminateChild(tree: SupervisorRef, pid: Pid): Promise<Done | Refused<NotFound>>;
  /** Stops all tasks at once, then the supervisor; as `DynamicSupervisor.stop`. */
  stop(tree: SupervisorRef, reason?: ExitReason): Promise<ExitReason>;
}

/**
 * Starts tasks on request and stops them with itself, as Elixir's Task.Supervisor does: a dynamic supervisor whose
 * children are tasks, which are never restarted unless that is asked for.
 *
 * A behaviour too: `start: [TaskSupervisor, { name: 'tasks' }]` makes it the child of another supervisor.
 */
export const TaskSupervisor: TaskSupervisorApi = {
  ...DynamicSupervisor,
  label: 'taskSupervisor',
  async start(system, options = {}) {
    const checked = checkDynamicOptions(options);
    if (!checked.ok) throw supervisorError('INVALID_SUPERVISOR', { fault: checked.fault });
    const name = nameIn(options);
    return refTo(
      system,
      await system.start(TaskSupervisor, options, name === undefined ? {} : { name }),
    );
  },
  startChild: (tree, work, options = {}) =>
    DynamicSupervisor.startChild(tree, { ...options, id: 'task', start: [defineTask(work)] }),
  async: (owner, tree, work, options = {}) =>
    unlessUnheard(
      owner,
      begin(tree, () => prepareTask(owner, work, 'byItself'), options),
    ),
  asyncNolink: (owner, tree, work, options = {}) =>
    unlessUnheard(
      owner,
      begin(tree, () => prepareTask(owner, work, 'none'), options),
    ),
  asyncStream: (owner, tree, items, work, options = {}) => {
    const spawn = (logic: Behaviour<undefined>): Promise<Pid> => startUnder(tree, logic, options);
    return streamTasks({ owner, items, work, options, linked: true, spawn });
  },
  asyncStreamNolink: (owner, tree, items, work, options = {}) => {
    const spawn = (logic: Behaviour<undefined>): Promise<Pid> => startUnder(tree, logic, options);
    return streamTasks({ owner, items, work, options, linked: false, spawn });
  },
  async children(tree) {
    const children = await DynamicSupervisor.whichChildren(tree);
    return children.flatMap(({ pid }) => (typeof pid === 'object' ? [pid] : []));
  },
};

/** What the task is refused for fails the promise, like all else. */
async function begin<T>(
  tree: SupervisorRef,
  prepare: () => PreparedTask<T>,
  options: SupervisedTaskOptions,
): Promise<TaskHandle<T>> {
  const { logic, handle } = prepare();
  return handle(await startUnder(tree, logic, options));
}

/** Starts a task that somebody waits for: temporary, as tasks are, for a handle knows of one run only. */
async function startUnder(
  tree: SupervisorRef,
  logic: Behaviour<undefined>,
  { shutdown }: SupervisedTaskOptions,
): Promise<Pid> {
  const started = await DynamicSupervisor.startChild(tree, {
    id: 'task',
    start: [logic],
    ...(shutdown !== undefined && { shutdown }),
  });
  if (started.ok && started.pid !== undefined) return started.pid;
  const what = 'start of a task declined';
  throw started.ok ? new ExitError(exitReason.normal, what) : failureOf(started.error, tree);
}

function failureOf(error: StartDynamicChildError, tree: SupervisorRef): Error {
  switch (error.kind) {
    case 'maxChildren':
      return supervisorError('MAX_CHILDREN', {
        supervisor: describe(tree.target),
        limit: error.limit,
      });
    case 'startFailed':
      return new ExitError(error.reason, 'start of a task');
    case 'alreadyStarted':
      return new ExitError(exitReason.alreadyStarted(error.pid), 'start of a task');
    default:
      return supervisorError('INVALID_ARGUMENT', {
        argument: 'the options of a task',
        fault: error.message,
        remedy: 'correct that option, or leave it out',
      });
  }
}

function describe(target: Target): string {
  if (typeof target === 'string') return `"${target}"`;
  if ('via' in target) return formatProcessName(target);
  return ('pid' in target ? target.pid : target).toString();
}
