import nodeProcess from 'node:process';
import type { AnyActorLogic } from 'xstate';
import { adaptActorLogic } from './behaviours/actor-logic.ts';
import type { Behaviour, Given, Spawnable } from './behaviours/behaviour.ts';
import { checkActorLogic } from './behaviours/check-definition.ts';
import type { Server, ServerRef } from './behaviours/gen-server.ts';
import { createServerRef } from './behaviours/server-ref.ts';
import {
  anything,
  checkMembers,
  flag,
  objectWith,
  oneOf,
  text,
  type MemberRule,
} from './check-options.ts';
import { createSystemClock, isTestClock, type Clock } from './clock.ts';
import { checkLongTurn, checkRecorderSize, reportLongTurn } from './debug/long-turn.ts';
import {
  isolateCrashes,
  type CrashIsolation,
  type CrashIsolationMode,
  type Host,
} from './crash-isolation.ts';
import { stopProcess, type StopProcessOptions } from './debug/stop-process.ts';
import { inspect } from './inspect.ts';
import { createConsoleLogger, createSafeLogger, type Logger } from './logger.ts';
import { checkExitReason, exitReason, ExitError, type ExitReason } from './process/exit-reason.ts';
import { createObservation, type Observation } from './observation/observation.ts';
import { createRecords } from './observation/create-records.ts';
import type { Records } from './observation/records.ts';
import { CallLimits } from './process/call-limits.ts';
import type { Request } from './process/messages.ts';
import type { ProcessName } from './process/names.ts';
import type { Pid } from './process/pid.ts';
import type { CallOptions, SpawnOptions } from './process/process-context.ts';
import type { Process } from './process/process.ts';
import type { ProcessInfo } from './process/process-info.ts';
import { Runtime, type Target } from './process/runtime.ts';
import type { Registries } from './registry/registries.ts';
import { createScheduler } from './scheduler.ts';
import { awaitExit, createSystemLife, type StopOptions, type SystemLife } from './system-life.ts';
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
  /**
   * Whether messages, requests and answers are frozen when they are sent, default false; for development.
   *
   * Processes share messages, so nobody may change one after it was sent (OTP PRC-023). With this, who does so gets a
   * `TypeError` at that very place. Frozen are lists and plain objects, to the bottom; what classes made is not.
   */
  readonly freezeMessages?: boolean;
  /**
   * Which errors of a process's code end that process and nobody else; default `'callbacks'`.
   *
   * `'async'` adds what nobody waits for: a floating promise that rejects, an error thrown by a timer, an emitter or a
   * callback of I/O that the process began. It ends with `error` and runs no `terminate`; what it leaves behind when it
   * is gone is only logged, as `debug`. Node's `uncaughtException` listeners do not hear of these errors; all others
   * take the way they take without this. A call costs about one and a half to two and a half times as much with it; the
   * README says what was measured, and what Node cannot attribute. It ends with {@link ActorSystem.stop}.
   */
  readonly crashIsolation?: CrashIsolationMode;
  /** How many of its last messages each process knows by name, for its crash report; default 16, 0 for none. */
  readonly flightRecorder?: number;
  /** The turn that is warned of, in milliseconds; default 100, `Infinity` for none (PRC-021). */
  readonly longTurnMs?: number;
}

/** How a process is started from outside. */
export interface StartOptions extends SpawnOptions {
  /** How long initialising may take, in milliseconds; default 5,000. Then the process is killed. */
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
  /** What packages built on this one let others see: metrics, facts of processes, health, actions. */
  readonly observation: Observation;
  /** What happens in it, recorded for as long as somebody asks. */
  readonly records: Records;
  /** The process whose turn it is, in synchronous code; after an await nobody can tell. @internal */
  readonly current: Pid | undefined;
  /** What it is made of. @internal */
  readonly runtime: Runtime;
  /** Its registries. @internal */
  readonly registries: Registries;
  /**
   * Spawns a process without waiting for it; the world outside is its parent.
   *
   * @throws {@link ExitError} `noproc`, when `link` or `monitor` names a process that is dead; nothing was spawned.
   * @throws {@link SnakepitError} INVALID_ARGUMENT when one of them is `true` and it is no process's turn, or when this
   *   is nothing that can be spawned; SYSTEM_STOPPED after {@link ActorSystem.stop}.
   */
  spawn<I>(logic: Spawnable<I>, ...rest: Given<I, SpawnOptions>): Pid;
  /**
   * Starts a GenServer and waits until it is initialised.
   *
   * @throws {@link ExitError} with the reason when it did not start; `normal` when it declined (`ignore`).
   * @throws {@link SnakepitError} as {@link ActorSystem.spawn} does.
   */
  start<I, Calls, Casts>(
    server: Server<I, Calls, Casts>,
    ...rest: Given<I, StartOptions>
  ): Promise<ServerRef<Calls, Casts>>;
  /** Starts any other process and waits until it is initialised. */
  start<I>(logic: Spawnable<I>, ...rest: Given<I, StartOptions>): Promise<Pid>;
  /** Sends a request and waits for the answer; see `self.call`. */
  call<T = unknown>(target: Target, request: Request, options?: CallOptions): Promise<T>;
  /** Sends a request that needs no answer. */
  cast(target: Target, request: Request): void;
  /** Sends a plain message; see `self.send`. */
  send(target: Target, message: unknown): void;
  /** Sends an exit signal, as the parent of what was started from outside. */
  exit(pid: Pid, reason: ExitReason): void;
  /** The process registered under a name. */
  whereis(name: ProcessName): Pid | undefined;
  /** Whether a process lives; nobody, as `whereis` may give, does not. */
  isAlive(pid: Pid | undefined): boolean;
  /**
   * Resolves with the reason when a process is gone; `noproc` when it already was. Never rejects.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT, at once, for what is no pid of this system.
   */
  awaitExit(pid: Pid): Promise<ExitReason>;
  /**
   * Has a process end in its own way, after the messages that wait already, and resolves when it is gone (OTP GEN-030,
   * GEN-031): a server runs `terminate`, a supervisor stops its children.
   *
   * @param reason - What it is to end with; default `normal`.
   * @throws {@link ExitError} what it ended with, when that is another reason; `noproc`; `callingSelf`; `timeout`, after
   *   which the process still ends.
   */
  stopProcess(target: Target, reason?: ExitReason, options?: StopProcessOptions): Promise<void>;
  /** All living processes, oldest first; live views, no copies. */
  processes(): IterableIterator<ProcessInfo>;
  /** One living process. */
  processInfo(pid: Pid | undefined): ProcessInfo | undefined;
  /**
   * Ends everything: what was started from outside, newest first, each asked and then killed; then the rest, and the
   * timers. Asked again, it is the same stop.
   *
   * A stopped system stays stopped: nothing can be spawned or started, a call fails with `noproc`, and what is sent is
   * dropped.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a timeout that is no duration; nothing was ended.
   */
  stop(options?: StopOptions): Promise<void>;
  /**
   * Has something done when everything has ended, before {@link ActorSystem.stop} resolves; soon, when that was before.
   * Returns what takes it back.
   *
   * @internal
   */
  onStopped(listener: () => unknown): () => void;
}

/** How long a start from outside may take unless told otherwise. */
const defaultPatienceMs = 5_000;

const systemMembers = {
  name: text,
  clock: objectWith('now', 'setTimeout', 'clearTimeout'),
  logger: objectWith('debug', 'info', 'warn', 'error'),
  telemetry: objectWith(
    ...['enabled', 'emit', 'on', 'attachMany', 'detach'],
    ...['disable', 'enable', 'onDemand', 'describe', 'onDescribed'],
  ),
  freezeMessages: flag,
  crashIsolation: oneOf('callbacks', 'async'),
  // Checked where they are used.
  flightRecorder: anything,
  longTurnMs: anything,
} satisfies Readonly<Record<keyof SystemOptions, MemberRule>>;

/**
 * Makes an actor system. Nothing runs in it until something is spawned.
 *
 * @throws {@link SnakepitError} INVALID_ARGUMENT for an option that there is not, or a value that it may not have.
 */
export function createSystem(options: SystemOptions = {}): ActorSystem {
  return createSystemOn(nodeProcess, options);
}

/** Makes an actor system whose crashes are isolated on this host. @internal */
export function createSystemOn(host: Host, options: SystemOptions): ActorSystem {
  checkMembers('createSystem()', options, systemMembers);
  const logger = createSafeLogger(options.logger ?? createConsoleLogger());
  const adapted = new WeakMap<AnyActorLogic, Behaviour>();
  const isolation = options.crashIsolation === 'async' ? isolateCrashes(host) : undefined;
  const clock = options.clock ?? createSystemClock();
  const callLimits = new CallLimits(clock);
  const runtime = new Runtime({
    clock,
    logger,
    telemetry:
      options.telemetry ??
      createTelemetry((error, name) => {
        logger.warn(`a telemetry handler of ${name} failed`, { error });
      }),
    scheduler: createScheduler<Process>({
      ...(isTestClock(clock) ? { maxStretchMs: Infinity } : {}),
      longTurnMs: checkLongTurn(options.longTurnMs),
      onLongTurn: (tookMs, whose) => {
        reportLongTurn(runtime, tookMs, whose);
      },
      onFault: (error) => {
        logger.error('the runtime failed in the middle of something', { error });
      },
      ...(isolation === undefined
        ? { afterStretch: callLimits.start }
        : {
            beforeTurn: isolation.enter,
            afterStretch: () => {
              isolation.leave();
              callLimits.start();
            },
          }),
    }),
    callLimits,
    recentEvents: checkRecorderSize(options.flightRecorder),
    freezeMessages: options.freezeMessages ?? false,
    adapt: (logic) => adaptActorLogic(adapted, checkActorLogic(logic)),
    bind: (made) => bindSystem(made, options.name ?? 'system', isolation),
  });
  return runtime.system;
}

function bindSystem(
  runtime: Runtime,
  name: string,
  isolation: CrashIsolation | undefined,
): ActorSystem {
  const life = createSystemLife(runtime, name, isolation);
  const askers = createAskers(runtime, life);
  const system = {
    name,
    clock: runtime.clock,
    logger: runtime.logger,
    telemetry: runtime.telemetry,
    observation: createObservation(() => runtime.system),
    records: createRecords(runtime),
    runtime,
    registries: runtime.names.registries,
    get current() {
      return runtime.current?.pid;
    },
    spawn: (logic: Spawnable<never>, input?: unknown, options: SpawnOptions = {}) => {
      if (life.isOver) throw life.refusal('spawn');
      return runtime.spawn(runtime.bound({ logic, input, parent: undefined }, options)).pid;
    },
    ...(isolation === undefined ? askers : asOwn(askers, runtime)),
    cast: (target: Target, request: Request) => {
      runtime.cast(target, request);
    },
    send: (target: Target, message: unknown) => {
      if (!life.isOver) runtime.send(target, message);
    },
    exit: (pid: Pid, reason: ExitReason) => {
      runtime.exit(runtime.outside, pid, checkExitReason(reason));
    },
    whereis: (wanted: ProcessName) => runtime.find(wanted)?.pid,
    isAlive: (pid: Pid | undefined) => pid != null && runtime.byPid(pid) !== undefined,
    awaitExit: (pid: Pid) => awaitExit(runtime, pid),
    stopProcess: (target: Target, reason?: ExitReason, options: StopProcessOptions = {}) =>
      stopProcess(runtime, runtime.find(target), reason, options.timeout),
    processes: () => runtime.processes.values(),
    // Printed, it is not all that is in it.
    [inspect]: () => `[ActorSystem ${name}]`,
    processInfo: (pid: Pid | undefined) => (pid == null ? undefined : runtime.byPid(pid)),
    stop: life.stop,
    onStopped: life.onStopped,
  };
  // One cast where the overloads of `start` and the answer types of `call` meet their one implementation.
  return system as unknown as ActorSystem;
}

/** What the world outside asks, and waits for. */
interface Askers {
  readonly start: (
    logic: Spawnable<never>,
    input?: unknown,
    options?: StartOptions,
  ) => Promise<Pid | ServerRef>;
  readonly call: (target: Target, request: Request, options?: CallOptions) => Promise<unknown>;
}

function createAskers(runtime: Runtime, life: SystemLife): Askers {
  return {
    start: (logic, input, options = {}) =>
      runtime.ownAffair(
        life.isOver
          ? Promise.reject(life.refusal('start'))
          : startFromOutside(runtime, logic, input, options),
      ),
    call: (target, request, options = {}) =>
      life.isOver
        ? runtime.ownAffair(Promise.reject(life.nobodyToCall(request)))
        : runtime.call(undefined, target, request, options.timeout),
  };
}

/**
 * The same, each promise settled by who asked: since Node 24 a rejection that nobody handles is of whoever rejected, and
 * no process may end because of an answer that another one, or the world outside, does not wait for.
 */
function asOwn({ start, call }: Askers, runtime: Runtime): Askers {
  // In a process's turn, who does not wait for the answer does not hear that it failed.
  const ownAnswer = <T>(ask: () => Promise<T>): Promise<T> =>
    runtime.current === undefined ? ask().then((value) => value) : ask();
  return {
    start: (...args) => ownAnswer(() => start(...args)),
    call: (...args) => ownAnswer(() => call(...args)),
  };
}

function startFromOutside(
  runtime: Runtime,
  logic: Spawnable<never>,
  input: unknown,
  options: StartOptions,
): Promise<Pid | ServerRef> {
  return new Promise((resolve, reject) => {
    const { timeout = defaultPatienceMs } = options;
    const request = runtime.bound({ logic, input, parent: undefined }, options);
    const process = runtime.start(request, {
      timeoutMs: timeout,
      onStarted: (result) => {
        const what = `start of ${process.label}`;
        if (!result.ok) {
          reject(new ExitError(result.reason, what));
        } else if (result.pid === undefined) {
          reject(new ExitError(exitReason.normal, `${what} declined`));
        } else if ('calls' in logic) {
          resolve(createServerRef(runtime.system, result.pid, logic as never));
        } else {
          resolve(result.pid);
        }
      },
    });
  });
}
