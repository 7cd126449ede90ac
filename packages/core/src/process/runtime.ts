import type { AnyActorLogic } from 'xstate';
import { isBehaviour, type Behaviour, type Spawnable } from '../behaviours/behaviour.ts';
import type { Clock } from '../clock.ts';
import { coreError } from '../errors.ts';
import type { SafeLogger } from '../logger.ts';
import type { MessageRecorder } from '../observation/message-recorder.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { defaultCallTimeoutMs, PendingCall } from './call.ts';
import type { CallLimits, LimitedCall } from './call-limits.ts';
import { exitReason, ExitError, formatExitReason, type ExitReason } from './exit-reason.ts';
import { tellExited, tellSpawned } from './life-events.ts';
import { CallMessage, CastMessage, checkRequest, type Request } from './messages.ts';
import { isViaName, Names, formatProcessName, nobodyHas, type ProcessName } from './names.ts';
import { checkPid, Pid } from './pid.ts';
import type { SpawnOptions } from './process-context.ts';
import type { StartListener } from './pending-start.ts';
import { Process } from './process.ts';
import { createFreeze, type Freeze } from './freeze.ts';
import type { ActorSystem } from '../system.ts';
import { isThenable } from '../thenable.ts';
import { cancelTimer, cancelTimers, delayFault, startTimer, type TimerRef } from '../timers.ts';

/** Anything that has a pid, such as a typed server reference. */
export interface HasPid {
  /** The process meant. */
  readonly pid: Pid;
}

/** Who is meant: a pid, a name, or something that has a pid. */
export type Target = Pid | ProcessName | HasPid;

/** What a runtime is made of. @internal */
export interface RuntimeParts {
  /** Time. */
  readonly clock: Clock;
  /** The event bus. */
  readonly telemetry: Telemetry;
  /** Where reports go. */
  readonly logger: SafeLogger;
  /** The run queue. */
  readonly scheduler: Scheduler<Process>;
  /** Whether what is sent is frozen. */
  readonly freezeMessages: boolean;
  /** How many of its last messages each process knows. */
  readonly recentEvents: number;
  /** The time limits of calls; the run queue tells them when a stretch of turns is over. */
  readonly callLimits: CallLimits;
  /** Makes bare XState logic a behaviour. */
  readonly adapt: (logic: AnyActorLogic) => Behaviour;
  /** Makes what processes and users see of it. */
  readonly bind: (runtime: Runtime) => ActorSystem;
}

/** What one process is spawned with. @internal */
export interface SpawnRequest {
  /** What it runs. */
  readonly logic: Spawnable<never>;
  /** Handed to it. */
  readonly input: unknown;
  /** Who spawns it; `undefined` is the world outside. */
  readonly parent: Process | undefined;
  /** The name to register it under. */
  readonly name?: ProcessName | undefined;
  /** Whom it is linked to. */
  readonly link?: Process | undefined;
  /** Who watches it. */
  readonly monitor?: Process | undefined;
}

/** How a start is waited for. @internal */
export interface StartWatch {
  /** How long initialising may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Told how the start ended. */
  readonly onStarted: StartListener;
}

/** The process table and what goes through it. One per system. @internal */
export class Runtime {
  /** Time. */
  readonly clock: Clock;
  /** The event bus. */
  readonly telemetry: Telemetry;
  /** Where reports go. */
  readonly logger: SafeLogger;
  /** The run queue. */
  readonly scheduler: Scheduler<Process>;
  /** What processes and users see of it. */
  readonly system: ActorSystem;
  /** Stands for the world outside: parent of what is spawned from there. */
  readonly outside = new Pid(0);
  /** All that are not gone, oldest first. */
  readonly processes = new Map<Pid, Process>();
  /** Those that will send to a name; what is sent to a pid goes with that process. */
  readonly timersToNames = new Set<TimerRef>();
  /** The process whose turn it is, in synchronous code; after an await nobody can tell. */
  current: Process | undefined;
  /** Who is called what. */
  readonly names = new Names(this);
  /** Records what becomes of messages, while somebody wants that; without it nothing of it costs anything. */
  recorder: MessageRecorder | undefined;
  /** Makes messages unchangeable, if that was asked for; else the sender is trusted (PRC-023). */
  readonly freeze: Freeze | undefined;
  /** How many of its last messages each process knows. */
  readonly recentEvents: number;
  readonly #adapt: RuntimeParts['adapt'];
  readonly #callLimits: CallLimits;
  #lastId = 0;

  /** @param parts - What it is made of. */
  constructor(parts: RuntimeParts) {
    this.clock = parts.clock;
    this.telemetry = parts.telemetry;
    this.logger = parts.logger;
    this.scheduler = parts.scheduler;
    this.recentEvents = parts.recentEvents;
    this.#adapt = parts.adapt;
    this.#callLimits = parts.callLimits;
    this.system = parts.bind(this);
    this.freeze = parts.freezeMessages ? createFreeze(this.system) : undefined;
  }

  /**
   * Makes a process; its code runs in a later turn (PRC-001). A taken name ends it unstarted (NAM-004).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a name that nobody could have; nothing was spawned.
   */
  spawn(request: SpawnRequest, onStarted?: StartListener): Process {
    const { logic, name, parent, link } = request;
    const holder = name === undefined ? undefined : this.names.holder(name);
    const process = new Process({
      runtime: this,
      pid: this.newPid(),
      parent: parent?.pid ?? this.outside,
      name: name === undefined || holder !== undefined ? undefined : formatProcessName(name),
      behaviour: isBehaviour(logic) ? logic : this.#adapt(logic),
      input: request.input,
      onStarted,
      starter: onStarted !== undefined && link === parent ? parent : undefined,
    });
    this.processes.set(process.pid, process);
    this.recorder?.spawned(process);
    if (link !== undefined) process.bonds.link(link);
    request.monitor?.bonds.monitor(process);
    if (holder !== undefined) process.end(exitReason.alreadyStarted(holder.pid));
    else if (name !== undefined) this.names.take(name, process);
    this.scheduler.schedule(process);
    this.#tell(tellSpawned, process);
    return process;
  }

  /**
   * What is to be spawned with these options of a user's.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for `true` where no process spawns.
   * @throws {@link ExitError} `noproc` for a pid of the dead.
   */
  bound(
    { logic, input, parent }: Pick<SpawnRequest, 'logic' | 'input' | 'parent'>,
    { name, link = false, monitor = false }: SpawnOptions,
  ): SpawnRequest {
    const linked = link === false ? undefined : this.#peer('link', link, parent);
    const watcher = monitor === false ? undefined : this.#peer('monitor', monitor, parent);
    return { logic, input, parent, name, link: linked, monitor: watcher };
  }

  #peer(option: string, who: true | Pid, parent: Process | undefined): Process {
    const found = who === true ? (parent ?? this.current) : this.byPid(who);
    if (found !== undefined) return found;
    if (who !== true) throw new ExitError(exitReason.noproc, `${option} by ${who.toString()}`);
    throw coreError('INVALID_ARGUMENT', {
      argument: `the option ${option}`,
      value: who,
      fault: 'there is no process that spawns',
      remedy: 'Outside of a process give the pid of the one that is meant.',
    });
  }

  /** A pid that no process has had. */
  newPid(): Pid {
    return new Pid(++this.#lastId, this.outside);
  }

  /**
   * Spawns a process and tells how its start ended, at the latest when the time is up: then it is killed and the
   * start failed with `timeout`, without an exit signal to its parent (GEN-010).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a time limit that is no duration; nothing was spawned.
   */
  start(request: SpawnRequest, watch: StartWatch): Process {
    const { timeoutMs, onStarted } = watch;
    const fault = delayFault('the time limit of a start', timeoutMs);
    if (fault !== undefined) throw fault;
    if (timeoutMs === Infinity) return this.spawn(request, onStarted);
    let late = false;
    const process = this.spawn(request, (result) => {
      cancelTimer(this.clock, limit);
      onStarted(late && !result.ok ? { ok: false, reason: exitReason.timeout } : result);
    });
    const limit = startTimer(this.clock, timeoutMs, () => {
      late = true;
      if (request.parent !== undefined) process.bonds.unlink(request.parent);
      process.exitSignal(this.outside, exitReason.kill, false);
    });
    return process;
  }

  /** Tells the event bus. One that fails is not to be noticed by who it is told of (SYS-009). */
  #tell(event: (telemetry: Telemetry, process: Process) => void, process: Process): void {
    try {
      event(this.telemetry, process);
    } catch (error) {
      this.logger.warn('the event bus of the system failed', { error });
    }
  }

  /** Takes a dead process out of the table and frees its names, before anybody hears of it (NAM-002, RGY-004). */
  forget(process: Process): void {
    this.processes.delete(process.pid);
    this.names.release(process);
    this.#tell(tellExited, process);
  }

  /**
   * The living process meant by a target.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what can mean no process.
   */
  find(target: Target): Process | undefined {
    if (typeof target === 'string') return this.names.local(target);
    if (target instanceof Pid) return this.byPid(target);
    return isViaName(target) ? this.names.via(target) : this.byPid(pidOf(target));
  }

  /**
   * The living process of a pid.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no pid, or is one of another system.
   */
  byPid(pid: Pid): Process | undefined {
    const process = this.processes.get(pid);
    if (process === undefined) checkPid(pid, this.outside);
    return process;
  }

  /** The same, but nobody where the registry of a name does not run. */
  findIfAny(target: Target): Process | undefined {
    if (typeof target === 'string') return this.names.local(target);
    if (target instanceof Pid) return this.byPid(target);
    return isViaName(target) ? this.names.viaIfAny(target) : this.byPid(pidOf(target));
  }

  /**
   * Sends a plain message; to a dead pid it is dropped (MSG-004).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a name that nobody has.
   */
  send(target: Target, message: unknown): void {
    if (this.freeze !== undefined) this.freeze(message);
    const process = this.find(target);
    if (process === undefined && isName(target)) throw nobodyHas(target);
    this.#give(process, target, message);
  }

  /** Sends a plain message; to nobody it is dropped (TMR-004). */
  post(target: Target, message: unknown): void {
    if (this.freeze !== undefined) this.freeze(message);
    this.#give(this.findIfAny(target), target, message);
  }

  /** Sends a request that needs no answer (GEN-021). */
  cast(target: Target, request: Request): void {
    checkRequest(request);
    if (this.freeze !== undefined) this.freeze(request);
    this.#give(this.findIfAny(target), target, new CastMessage(request));
  }

  #give(process: Process | undefined, target: Target, message: unknown): void {
    if (process !== undefined) process.deliver(message);
    else this.recorder?.deadLetter(target, message);
  }

  /**
   * Sends a request and waits for the answer.
   *
   * @param caller - Default: the process whose turn it is, if any.
   */
  call(
    caller: Process | undefined,
    target: Target,
    request: Request,
    timeoutMs: number = defaultCallTimeoutMs,
  ): Promise<unknown> {
    if (this.freeze !== undefined) this.freeze(request);
    const from = caller ?? this.current;
    return this.ownAffair(this.#tryCall(from, target, request, timeoutMs), from);
  }

  /**
   * A promise that a process asked for: it may not wait for it, or be gone by then. That is its own affair and never
   * the host's, which would end by a rejection that nobody handles.
   *
   * @param asker - Default: the process whose turn it is, if any.
   */
  ownAffair<T>(answer: Promise<T>, asker: Process | undefined = this.current): Promise<T> {
    if (asker !== undefined) answer.catch(() => undefined);
    return answer;
  }

  /** What a target is refused for fails the call, like everything else about it. */
  #tryCall(
    caller: Process | undefined,
    target: Target,
    request: Request,
    timeoutMs: number,
  ): Promise<unknown> {
    try {
      return this.#call(caller, target, request, timeoutMs);
    } catch (error) {
      if (error instanceof Error) return Promise.reject(error);
      throw error;
    }
  }

  #call(
    caller: Process | undefined,
    target: Target,
    request: Request,
    timeoutMs: number,
  ): Promise<unknown> {
    checkRequest(request);
    const callee = this.find(target);
    const fault = delayFault('the timeout of a call', timeoutMs);
    if (fault !== undefined) return Promise.reject(fault);
    if (callee === undefined || callee === caller || caller?.alive === false) {
      const isSelf = callee !== undefined && callee === caller && caller.alive;
      const reason = isSelf ? exitReason.callingSelf : exitReason.noproc;
      if (callee === undefined) this.recorder?.deadCall(target, request, caller);
      const who = isName(target) || target instanceof Pid ? target : pidOf(target);
      return Promise.reject(new ExitError(reason, describeCall(request, who)));
    }
    const call = new PendingCall({
      caller,
      callee,
      request,
      target: target instanceof Pid ? target : lastingName(target, callee),
      describe: describeCall,
      timeoutMs,
    });
    callee.deliver(new CallMessage(request, call));
    return call.promise;
  }

  /** Sees to the time limit of a call. */
  limitCall(call: LimitedCall): void {
    this.#callLimits.add(call, this.scheduler);
  }

  /** Sends a plain message later; to a pid only as long as that process lives (TMR-004). */
  postAfter(delayMs: number, target: Target, message: unknown): TimerRef {
    if (this.freeze !== undefined) this.freeze(message);
    // A name is looked up when the time comes, but what is none is refused now, where somebody hears of it.
    const found = this.findIfAny(target);
    const isToName = isName(target);
    const receiver = isToName ? undefined : found;
    const timer = startTimer(
      this.clock,
      delayMs,
      () => {
        if (isToName) this.post(target, message);
        else receiver?.deliver(message);
      },
      receiver?.timers ?? this.timersToNames,
      message,
    );
    if (receiver === undefined && !isToName) cancelTimer(this.clock, timer);
    return timer;
  }

  /** Stops the timers that no process takes with it. */
  cancelTimersToNames(): void {
    cancelTimers(this.clock, this.timersToNames);
  }

  /** Sends an exit signal; to nobody it is dropped (PRC-011). */
  exit(sender: Pid, target: Pid, reason: ExitReason): void {
    this.byPid(target)?.exitSignal(sender, reason, false);
  }

  /** Runs code that is not the runtime's own and must not break it: what it throws or rejects with is reported. */
  attempt(what: string, step: () => unknown): void {
    const report = (error: unknown): void => {
      this.logger.error(`${what} failed: ${formatExitReason(exitReason.error(error))}`, { error });
    };
    try {
      const result = step();
      if (isThenable(result)) result.then(undefined, report);
    } catch (error) {
      report(error);
    }
  }
}

/** Whether a target is looked up anew each time. */
function isName(target: Target): target is ProcessName {
  return typeof target === 'string' || (!(target instanceof Pid) && isViaName(target));
}

function pidOf(target: HasPid): Pid {
  // Plain JavaScript callers can give anything; the compiler cannot stop them.
  const pid: unknown = (target as HasPid | null | undefined)?.pid;
  if (pid instanceof Pid) return pid;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the target',
    value: target,
    fault: 'it means no process',
    remedy: 'Give a pid, a name, { via: [registry, key] }, or a reference that has a pid.',
  });
}

/** Who is meant, whatever becomes of the object that was given: what has a pid may have another one later, or none. */
function lastingName(target: ProcessName | HasPid, meant: Process): ProcessName | Pid {
  if (typeof target === 'string') return target;
  return isViaName(target) ? { via: target.via } : meant.pid;
}

function describeCall({ type }: Pick<Request, 'type'>, target: ProcessName | Pid): string {
  if (target instanceof Pid) return `call ${type} to ${target.toString()}`;
  return `call ${type} to ${typeof target === 'string' ? `"${target}"` : formatProcessName(target)}`;
}
