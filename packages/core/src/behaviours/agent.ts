import { coreError } from '../errors.ts';
import { checkExitReason, ExitError, exitReason, type ExitReason } from '../process/exit-reason.ts';
import { Pid } from '../process/pid.ts';
import type { CallOptions } from '../process/process-context.ts';
import type { Target } from '../process/runtime.ts';
import { showValue } from '../show-value.ts';
import type { ActorSystem, StartOptions } from '../system.ts';
import { isThenable } from '../thenable.ts';
import { noreply, ok, reply, stop } from './gen-server-results.ts';
import { defineServer, type Server } from './gen-server.ts';

type Awaitable<T> = T | Promise<T>;

/** Ties a reference to the type of its agent's state; nothing at run time. */
declare const stateOf: unique symbol;

/** An agent as its users see it: where it is, in which system, and of which type its state is. */
export interface AgentRef<S> {
  /** The system it lives in. */
  readonly system: ActorSystem;
  /** Who is meant; a name is looked up anew at every use. */
  readonly target: Target;
  /**
   * Its process.
   *
   * @throws {@link ExitError} `noproc` when nobody has that name.
   */
  readonly pid: Pid;
  /** The type of its state. @internal */
  readonly [stateOf]?: (state: S) => S;
}

/** A function that runs in the agent, on its state. */
type OnState<R> = (state: unknown) => Awaitable<R>;

const behaviour = defineServer({
  name: 'agent',
  init: (initial: () => unknown) => {
    // Plain JavaScript callers can give anything; the compiler cannot stop them.
    if (typeof initial !== 'function') throw noFunction('the first state of an agent', initial);
    return settled(initial(), (state) => ok<unknown>(state));
  },
  call: {
    get: (state, fn: OnState<unknown>) => settled(fn(state), (value) => reply(value, state)),
    update: (state, fn: OnState<unknown>) => settled(fn(state), (next) => reply(undefined, next)),
    getAndUpdate: (state, fn: OnState<readonly [unknown, unknown]>) =>
      settled(fn(state), (pair) => {
        // What is no such pair is a bad return value, of which the agent ends (GEN-024).
        const parts: readonly unknown[] = Array.isArray(pair) ? pair : [];
        return parts.length === 2 ? reply(parts[0], parts[1]) : (pair as never);
      }),
  },
  cast: {
    update: (state, fn: OnState<unknown>) => settled(fn(state), (next) => noreply(next)),
    stop: (state, reason: ExitReason) => stop(reason, state),
  },
});

/** An agent as a behaviour, and what is asked of one that runs. */
export interface AgentApi extends Server<() => unknown, object, object> {
  /**
   * Starts an agent.
   *
   * @param initial - Makes the first state, in the agent; may be async.
   * @param options - `name`, `link`, `timeout` in milliseconds and so on; see `system.start`.
   * @throws {@link ExitError} with the reason when `initial` throws, `alreadyStarted` when the name is taken.
   */
  start<S>(
    system: ActorSystem,
    initial: () => Awaitable<S>,
    options?: StartOptions,
  ): Promise<AgentRef<S>>;
  /** An agent that runs already, by pid or name; the caller says of which type its state is. */
  at<S>(system: ActorSystem, target: Target): AgentRef<S>;
  /**
   * Asks for something made of the state, by a function that runs in the agent; the agent waits for it.
   *
   * What the function throws ends the agent, as in Elixir, and so do those given to the functions below.
   *
   * @param options - `timeout` in milliseconds, default 5,000; the function runs on after it.
   * @throws {@link ExitError} with the reason the agent ended with, `noproc` or `timeout`.
   */
  get<S, R>(ref: AgentRef<S>, fn: (state: S) => Awaitable<R>, options?: CallOptions): Promise<R>;
  /** Replaces the state by what a function makes of it; resolves when that is done. */
  update<S>(ref: AgentRef<S>, fn: (state: S) => Awaitable<S>, options?: CallOptions): Promise<void>;
  /** Both in one step: the function gives what to answer and the next state. */
  getAndUpdate<S, R>(
    ref: AgentRef<S>,
    fn: (state: S) => Awaitable<readonly [answer: R, next: S]>,
    options?: CallOptions,
  ): Promise<R>;
  /** Replaces the state some time later; returns at once, and to nobody it is dropped. */
  cast<S>(ref: AgentRef<S>, fn: (state: S) => Awaitable<S>): void;
  /**
   * Ends an agent when it has done what was asked of it before; waits until it is gone.
   *
   * @param reason - What it exits with; default `normal`.
   * @returns What it exited with; `noproc` when it already was gone.
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no exit reason.
   */
  stop<S>(ref: AgentRef<S>, reason?: ExitReason): Promise<ExitReason>;
}

/**
 * Keeps a state that processes share, where a GenServer of one's own would only hold it, as Elixir's Agent does.
 *
 * A behaviour too: `start: [Agent, () => 0]` in a child spec; {@link AgentApi.at} gives a reference to that.
 *
 * @example
 * ```ts
 * const counter = await Agent.start(system, () => 0);
 * await Agent.update(counter, (n) => n + 1);
 * await Agent.get(counter, (n) => n); // 1
 * ```
 */
export const Agent: AgentApi = {
  ...behaviour,
  async start(system, initial, options) {
    const { pid } = await system.start(behaviour, initial, options);
    return refTo(system, pid);
  },
  at: refTo,
  get: (ref, fn, options) => ask(ref, 'get', fn, options),
  update: (ref, fn, options) => ask(ref, 'update', fn, options),
  getAndUpdate: (ref, fn, options) => ask(ref, 'getAndUpdate', fn, options),
  cast(ref, fn) {
    if (typeof fn !== 'function') throw noFunction('what an agent is to do', fn);
    ref.system.cast(ref.target, { type: 'update', arg: fn });
  },
  async stop({ system, target }, reason = exitReason.normal) {
    // Refused here, as a faulty function is: else the agent would end of it.
    checkExitReason(reason);
    const pid = pidOf(system, target);
    if (pid === undefined) return exitReason.noproc;
    const gone = system.awaitExit(pid);
    system.cast(pid, { type: 'stop', arg: reason });
    return gone;
  },
};

function refTo<S>(system: ActorSystem, target: Target): AgentRef<S> {
  return {
    system,
    target,
    get pid() {
      const pid = pidOf(system, target);
      if (pid === undefined) throw new ExitError(exitReason.noproc, `agent ${showValue(target)}`);
      return pid;
    },
  };
}

function pidOf(system: ActorSystem, target: Target): Pid | undefined {
  if (target instanceof Pid) return target;
  return typeof target === 'string' || 'via' in target ? system.whereis(target) : target.pid;
}

/** A faulty function is refused here, so that it costs the agent nothing. */
function ask<R>(
  { system, target }: Pick<AgentRef<never>, 'system' | 'target'>,
  type: string,
  fn: unknown,
  options: CallOptions | undefined,
): Promise<R> {
  if (typeof fn !== 'function') return Promise.reject(noFunction('what an agent is to do', fn));
  return system.call<R>(target, { type, arg: fn }, options);
}

/** Goes on with a value, at once unless it must be waited for. */
function settled<T, R>(value: Awaitable<T>, next: (value: T) => R): Awaitable<R> {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value);
}

function noFunction(argument: string, value: unknown): Error {
  return coreError('INVALID_ARGUMENT', {
    argument,
    value,
    fault: 'it must be a function',
    remedy: 'Write () => 0 to begin with, and (state) => state + 1 to go on.',
  });
}
