import { PendingCall, defaultCallTimeoutMs } from '../process/call.ts';
import { exitReason, ExitError, type ExitReason } from '../process/exit-reason.ts';
import type { Request } from '../process/messages.ts';
import type { Pid } from '../process/pid.ts';
import type { CallOptions } from '../process/process-context.ts';
import type { Process } from '../process/process.ts';
import type { Runtime, Target } from '../process/runtime.ts';
import { coreError, isSnakepitError } from '../errors.ts';
import type { ActorSystem } from '../system.ts';
import { delayFault } from '../timers.ts';
import type { DebugEvent, DebugHook } from './debug-event.ts';
import type { ProcessStatistics } from './process-debug.ts';
import type { SystemStatus } from './process-status.ts';
import { SystemMessage, type SystemRequest } from './system-message.ts';

/** How many events are logged unless told otherwise (OTP SYS-007). */
const defaultLogSize = 10;

/**
 * Looks into any process of a live system, and holds it (OTP SYS-001 … SYS-009).
 *
 * Each function sends a system message, which waits for its turn as any message does: a process that is busy answers
 * when it is not any more. Busy is a server whose callback awaits, and a chart in a state that postpones `'*'`. Only a
 * task answers at once, since it never takes messages. A system message changes nothing of what a process does, but that
 * a state timeout starts anew (GEN-032).
 *
 * All of them reject with an {@link ExitError}: `timeout` when there was no answer within `timeout` milliseconds
 * (default 5,000; what was asked is still done later), `noproc`, `callingSelf`, or the exit reason of the process.
 */
export const sys = {
  /**
   * The state: a GenServer's data; of a statechart `{ value, context }`; the snapshot of other XState logic.
   *
   * @returns The very object that the process has, not a copy; the caller says of which type it is.
   */
  getState<S = unknown>(system: ActorSystem, target: Target, options?: CallOptions): Promise<S> {
    return ask(system, target, { type: 'getState' }, options);
  },

  /** What is known of a process, as plain data. */
  getStatus(system: ActorSystem, target: Target, options?: CallOptions): Promise<SystemStatus> {
    return ask(system, target, { type: 'getStatus' }, options);
  },

  /**
   * Holds a process: ordinary messages, timers and what it awaits wait, until {@link sys.resume} or its parent's EXIT,
   * which is handled (SYS-003, SYS-004). A call to it may time out; it is carried out later all the same.
   */
  suspend(system: ActorSystem, target: Target, options?: CallOptions): Promise<void> {
    return ask(system, target, { type: 'suspend' }, options);
  },

  /** Lets a process handle what waits, in order. */
  resume(system: ActorSystem, target: Target, options?: CallOptions): Promise<void> {
    return ask(system, target, { type: 'resume' }, options);
  },

  /**
   * Puts another state in the place of the one there is.
   *
   * @param replace - Makes the new state of the old one, as {@link sys.getState} gives it; in the process's turn, not
   *   async. Of a statechart only the context can be replaced: `(state) => ({ ...state, context })`.
   * @returns The new state.
   * @throws {@link ExitError} of the kind `custom` with `{ kind: 'callbackFailed', error }` when `replace` threw, or what
   *   it gave is refused; the state is as it was (SYS-005).
   */
  replaceState<S>(
    system: ActorSystem,
    target: Target,
    replace: (state: S) => S,
    options?: CallOptions,
  ): Promise<S> {
    return ask(system, target, { type: 'replaceState', replace }, options);
  },

  /** Shows a hook what the process hears and answers from now on; the same hook twice is once (SYS-006). */
  trace(
    system: ActorSystem,
    target: Target,
    hook: DebugHook,
    options?: CallOptions,
  ): Promise<void> {
    return ask(system, target, { type: 'trace', hook }, options);
  },

  /** Removes a hook; no effect when it is not there. */
  untrace(
    system: ActorSystem,
    target: Target,
    hook: DebugHook,
    options?: CallOptions,
  ): Promise<void> {
    return ask(system, target, { type: 'untrace', hook }, options);
  },

  log,
  statistics,

  /**
   * Has a process end with this reason, in its own way: a server runs `terminate`, a supervisor stops its children, any
   * other chart that traps exits gets an EXIT from its parent (SYS-008). Does not wait for the end; `system.stopProcess`
   * does.
   */
  terminate(
    system: ActorSystem,
    target: Target,
    reason: ExitReason,
    options?: CallOptions,
  ): Promise<void> {
    return ask(system, target, { type: 'terminate', reason }, options);
  },
} as const;

/** The last events that were logged, oldest first; they hold the messages and states themselves. */
function log(
  system: ActorSystem,
  target: Target,
  what: 'get',
  options?: CallOptions,
): Promise<readonly DebugEvent[]>;
/**
 * Keeps the last events that a hook would see (SYS-007).
 *
 * @param what - How many; `true` for 10, `false` or 0 for none any more.
 */
function log(
  system: ActorSystem,
  target: Target,
  what: number | boolean,
  options?: CallOptions,
): Promise<void>;
/** One of the two. */
function log(
  system: ActorSystem,
  target: Target,
  what: number | boolean | 'get',
  options?: CallOptions,
): Promise<unknown> {
  if (what === 'get') return ask(system, target, { type: 'getLog' }, options);
  const size = what === true ? defaultLogSize : what === false ? 0 : what;
  if (Number.isSafeInteger(size) && size >= 0) {
    return ask(system, target, { type: 'log', size }, options);
  }
  return Promise.reject(
    coreError('INVALID_ARGUMENT', {
      argument: 'the size of a log',
      value: size,
      fault: 'it must be a whole number of events, 0 or more',
      remedy: "Give a number, true for 10, false for none, or 'get' to read it.",
    }),
  );
}

/** What was counted; `undefined` when it is not switched on. */
function statistics(
  system: ActorSystem,
  target: Target,
  what: 'get',
  options?: CallOptions,
): Promise<ProcessStatistics | undefined>;
/** Counts messages from now on, or no more (SYS-007). */
function statistics(
  system: ActorSystem,
  target: Target,
  what: boolean,
  options?: CallOptions,
): Promise<void>;
/** One of the two. */
function statistics(
  system: ActorSystem,
  target: Target,
  what: boolean | 'get',
  options?: CallOptions,
): Promise<unknown> {
  return what === 'get'
    ? ask(system, target, { type: 'getStatistics' }, options)
    : ask(system, target, { type: 'statistics', on: what }, options);
}

function ask<T>(
  system: ActorSystem,
  target: Target,
  request: SystemRequest,
  options: CallOptions = {},
): Promise<T> {
  const { runtime } = system;
  return runtime.ownAffair(tryToAsk(runtime, target, request, options.timeout)) as Promise<T>;
}

/** What a target is refused for fails the question, like everything else about it. */
function tryToAsk(
  runtime: Runtime,
  target: Target,
  request: SystemRequest,
  timeoutMs: number = defaultCallTimeoutMs,
): Promise<unknown> {
  try {
    return askProcess(runtime, runtime.find(target), request, timeoutMs);
  } catch (error) {
    if (isSnakepitError(error)) return Promise.reject(error);
    throw error;
  }
}

function askProcess(
  runtime: Runtime,
  callee: Process | undefined,
  request: SystemRequest,
  timeoutMs: number,
): Promise<unknown> {
  const caller = runtime.current;
  const fault = delayFault('the timeout of a system message', timeoutMs);
  if (fault !== undefined) return Promise.reject(fault);
  if (callee === undefined || callee === caller) {
    const reason = callee === undefined ? exitReason.noproc : exitReason.callingSelf;
    return Promise.reject(new ExitError(reason, describe(request, callee?.pid)));
  }
  const target = callee.pid;
  const call = new PendingCall({ caller, callee, request, target, describe, timeoutMs });
  callee.ask(new SystemMessage(request, call));
  return call.promise;
}

function describe({ type }: Pick<Request, 'type'>, pid: Pid | undefined): string {
  return `sys.${type} of ${pid?.toString() ?? 'a process that is gone'}`;
}
