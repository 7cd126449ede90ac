import type { AnyActorLogic } from 'xstate';
import { adaptActorLogic } from './behaviours/actor-logic.ts';
import type { Behaviour, Spawnable } from './behaviours/behaviour.ts';
import type { Server, ServerRef } from './behaviours/gen-server.ts';
import { createServerRef } from './behaviours/server-ref.ts';
import { createSystemClock, type Clock } from './clock.ts';
import { createConsoleLogger, createSafeLogger, type Logger } from './logger.ts';
import { exitReason, ExitError, type ExitReason } from './process/exit-reason.ts';
import type { Request } from './process/messages.ts';
import type { Pid } from './process/pid.ts';
import type { CallOptions, SpawnOptions } from './process/process-context.ts';
import type { ProcessInfo } from './process/process-info.ts';
import { Runtime, type Target } from './process/runtime.ts';
import { createScheduler } from './scheduler.ts';
import { delayFault } from './timers.ts';
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts';

/** How a system is made; everything has a default. */
export interface SystemOptions {
  /** What it is called in logs; default `'system'`. */
  readonly name?: string;
  /** Time; default the monotonic clock of the platform. */
  readonly clock?: Clock;
  /** Where reports go; default: warnings and errors to the console. */
  readonly logger?: Logger;
  /** The event bus; default: one of its own. */
  readonly telemetry?: Telemetry;
}

/** How a process is started from outside. */
export interface StartOptions extends SpawnOptions {
  /** How long initialising may take, in milliseconds; default 5,000. Then the process is killed. */
  readonly timeout?: number;
}

/** How a system is stopped. */
export interface StopOptions {
  /** How long each process started from outside may take to end before it is killed, in milliseconds; default 5,000. */
  readonly timeout?: number;
}

/** One actor system: its processes, names, time and event bus. */
export interface ActorSystem {
  /** What it is called in logs. */
  readonly name: string;
  /** Its time. */
  readonly clock: Clock;
  /** Where reports go. */
  readonly logger: Logger;
  /** Its event bus. */
  readonly telemetry: Telemetry;
  /**
   * Spawns a process without waiting for it; the world outside is its parent.
   *
   * @throws {@link ExitError} `noproc`, when `link` or `monitor` names a process that is dead; nothing was spawned.
   * @throws {@link SnakepitError} INVALID_ARGUMENT when one of them is `true` and it is no process's turn.
   */
  spawn<I>(logic: Spawnable<I>, input?: I, options?: SpawnOptions): Pid;
  /**
   * Starts a GenServer and waits until it is initialised.
   *
   * @throws {@link ExitError} with the reason when it did not start; `normal` when it declined (`ignore`).
   */
  start<I, Calls, Casts>(
    server: Server<I, Calls, Casts>,
    input?: I,
    options?: StartOptions,
  ): Promise<ServerRef<Calls, Casts>>;
  /** Starts any other process and waits until it is initialised. */
  start<I>(logic: Spawnable<I>, input?: I, options?: StartOptions): Promise<Pid>;
  /** Sends a request and waits for the answer; see `self.call`. */
  call<T = unknown>(target: Target, request: Request, options?: CallOptions): Promise<T>;
  /** Sends a request that needs no answer. */
  cast(target: Target, request: Request): void;
  /** Sends a plain message; see `self.send`. */
  send(target: Target, message: unknown): void;
  /** Sends an exit signal, as the parent of what was started from outside. */
  exit(pid: Pid, reason: ExitReason): void;
  /** The process registered under a name. */
  whereis(name: string): Pid | undefined;
  /** Whether a process lives. */
  isAlive(pid: Pid): boolean;
  /** Resolves with the reason when a process is gone; `noproc` when it already was. Never rejects. */
  awaitExit(pid: Pid): Promise<ExitReason>;
  /** All living processes, oldest first; live views, no copies. */
  processes(): IterableIterator<ProcessInfo>;
  /** One living process. */
  processInfo(pid: Pid): ProcessInfo | undefined;
  /**
   * Ends everything: what was started from outside, newest first, each asked and then killed; then the rest, and the
   * timers.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a timeout that is no duration; nothing was ended.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** How long a start from outside and the end of a process may take unless told otherwise. */
const defaultPatienceMs = 5_000;

/** Makes an actor system. Nothing runs in it until something is spawned. */
export function createSystem(options: SystemOptions = {}): ActorSystem {
  const logger = createSafeLogger(options.logger ?? createConsoleLogger());
  const adapted = new WeakMap<AnyActorLogic, Behaviour>();
  return new Runtime({
    clock: options.clock ?? createSystemClock(),
    logger,
    telemetry:
      options.telemetry ??
      createTelemetry((error, name) => {
        logger.warn(`a telemetry handler of ${name} failed`, { error });
      }),
    scheduler: createScheduler(),
    adapt: (logic) => adaptActorLogic(adapted, logic),
    bind: (runtime) => bindSystem(runtime, options.name ?? 'system'),
  }).system;
}

function bindSystem(runtime: Runtime, name: string): ActorSystem {
  const { outside } = runtime;
  let stopping: Promise<void> | undefined;
  const system = {
    name,
    clock: runtime.clock,
    logger: runtime.logger,
    telemetry: runtime.telemetry,
    spawn: (logic: Spawnable<never>, input?: unknown, options: SpawnOptions = {}) =>
      runtime.spawn(runtime.bound({ logic, input, parent: undefined }, options)).pid,
    start: (logic: Spawnable<never>, input?: unknown, options: StartOptions = {}) =>
      startFromOutside(runtime, system as ActorSystem, logic, input, options),
    call: (target: Target, request: Request, options: CallOptions = {}) =>
      runtime.call(undefined, target, request, options.timeout),
    cast: (target: Target, request: Request) => {
      runtime.cast(target, request);
    },
    send: (target: Target, message: unknown) => {
      runtime.send(target, message);
    },
    exit: (pid: Pid, reason: ExitReason) => {
      runtime.exit(outside, pid, reason);
    },
    whereis: (wanted: string) => runtime.find(wanted)?.pid,
    isAlive: (pid: Pid) => runtime.processes.has(pid),
    awaitExit: (pid: Pid) => awaitExit(runtime, pid),
    processes: () => runtime.processes.values(),
    processInfo: (pid: Pid) => runtime.processes.get(pid),
    stop: (options: StopOptions = {}) => {
      const { timeout = defaultPatienceMs } = options;
      const fault = delayFault('the timeout of a stop', timeout);
      if (fault !== undefined) return Promise.reject(fault);
      // Asked again while it stops, it is the same stop: nobody is asked to end twice.
      stopping ??= stopAll(runtime, timeout).finally(() => {
        stopping = undefined;
      });
      return stopping;
    },
  };
  // One cast where the overloads of `start` and the answer types of `call` meet their one implementation.
  return system as unknown as ActorSystem;
}

function startFromOutside(
  runtime: Runtime,
  system: ActorSystem,
  logic: Spawnable<never>,
  input: unknown,
  options: StartOptions,
): Promise<Pid | ServerRef> {
  return new Promise((resolve, reject) => {
    const request = runtime.bound({ logic, input, parent: undefined }, options);
    const process = runtime.start(request, {
      timeoutMs: options.timeout ?? defaultPatienceMs,
      onStarted: (result) => {
        const what = `start of ${process.label}`;
        if (!result.ok) {
          reject(new ExitError(result.reason, what));
        } else if (result.pid === undefined) {
          reject(new ExitError(exitReason.normal, `${what} declined`));
        } else if ('calls' in logic) {
          resolve(createServerRef(system, result.pid, logic as never));
        } else {
          resolve(result.pid);
        }
      },
    });
  });
}

function awaitExit(runtime: Runtime, pid: Pid): Promise<ExitReason> {
  const process = runtime.processes.get(pid);
  if (process === undefined) return Promise.resolve(exitReason.noproc);
  return new Promise((resolve) => {
    process.onExit(resolve);
  });
}

/** Asks the processes of the outside one by one, newest first, as a supervisor would; kills what is left. */
async function stopAll(runtime: Runtime, timeoutMs: number): Promise<void> {
  const own = [...runtime.processes.values()].filter(({ parent }) => parent === runtime.outside);
  for (const process of own.reverse()) {
    if (process.reason !== undefined) continue;
    const gone = awaitExit(runtime, process.pid);
    process.exitSignal(runtime.outside, exitReason.shutdown, false);
    const limit = runtime.clock.setTimeout(() => {
      process.exitSignal(runtime.outside, exitReason.kill, false);
    }, timeoutMs);
    await gone;
    runtime.clock.clearTimeout(limit);
  }
  while (runtime.processes.size > 0) {
    const rest = [...runtime.processes.values()];
    for (const process of rest) process.exitSignal(runtime.outside, exitReason.kill, false);
    await Promise.all(rest.map(({ pid }) => awaitExit(runtime, pid)));
  }
  runtime.cancelTimersToNames();
}
