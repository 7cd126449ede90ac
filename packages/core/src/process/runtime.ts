import type { AnyActorLogic } from 'xstate';
import { isBehaviour, type Behaviour, type Spawnable } from '../behaviours/behaviour.ts';
import type { Clock } from '../clock.ts';
import { SnakepitError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { defaultCallTimeoutMs, PendingCall } from './call.ts';
import { exitReason, ExitError, type ExitReason } from './exit-reason.ts';
import { CallMessage, CastMessage, type Request } from './messages.ts';
import { Pid } from './pid.ts';
import { Process, type StartResult } from './process.ts';
import type { ActorSystem } from '../system.ts';

/** Anything that has a pid, such as a typed server reference. */
export interface HasPid {
  /** The process meant. */
  readonly pid: Pid;
}

/** Who is meant: a pid, a registered name, or something that has a pid. */
export type Target = Pid | string | HasPid;

/** What a runtime is made of. */
export interface RuntimeParts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly scheduler: Scheduler;
  readonly adapt: (logic: AnyActorLogic) => Behaviour<never>;
}

/** What one process is spawned with. */
export interface SpawnRequest {
  readonly logic: Spawnable<never>;
  readonly input: unknown;
  readonly parent: Process | undefined;
  readonly name?: string | undefined;
  readonly link?: boolean;
  readonly onStarted?: ((result: StartResult) => void) | undefined;
}

/** The process table and what goes through it. One per system. @internal */
export class Runtime {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly scheduler: Scheduler;
  /** Stands for the world outside: parent of what is spawned from there. */
  readonly outside = new Pid(0);
  readonly processes = new Map<Pid, Process>();
  readonly #names = new Map<string, Process>();
  readonly #adapt: RuntimeParts['adapt'];
  #lastId = 0;
  #system: ActorSystem | undefined;

  constructor(parts: RuntimeParts) {
    this.clock = parts.clock;
    this.telemetry = parts.telemetry;
    this.logger = parts.logger;
    this.scheduler = parts.scheduler;
    this.#adapt = parts.adapt;
  }

  /** What processes see of it; set once, by the system that is made around it. */
  get system(): ActorSystem {
    if (this.#system === undefined) throw new TypeError('the runtime has no system yet');
    return this.#system;
  }

  set system(system: ActorSystem) {
    this.#system = system;
  }

  /** Makes a process; its code runs in a later turn (PRC-001). A taken name ends it unstarted (NAM-004). */
  spawn(request: SpawnRequest): Process {
    const { logic, name, parent } = request;
    const holder = name === undefined ? undefined : this.#names.get(name);
    const process = new Process({
      runtime: this,
      pid: new Pid(++this.#lastId),
      parent: parent?.pid ?? this.outside,
      name: holder === undefined ? name : undefined,
      behaviour: isBehaviour(logic) ? logic : this.#adapt(logic),
      input: request.input,
      onStarted: request.onStarted,
      starter: request.link === true ? parent : undefined,
    });
    this.processes.set(process.pid, process);
    if (request.link === true && parent !== undefined) process.link(parent);
    if (holder !== undefined) process.end(exitReason.alreadyStarted(holder.pid));
    else if (name !== undefined) this.#names.set(name, process);
    this.scheduler.schedule(process);
    this.#tellSpawned(process);
    return process;
  }

  #tellSpawned(process: Process): void {
    if (!this.telemetry.enabled('snakepit.process.spawned')) return;
    this.telemetry.emit(
      'snakepit.process.spawned',
      { count: 1 },
      {
        pid: process.pid,
        parent: process.parent,
        behaviour: process.behaviour,
        name: process.name,
      },
    );
  }

  /** Takes a dead process out of the table and frees its name, before anybody hears of the death (NAM-002). */
  forget(process: Process): void {
    this.processes.delete(process.pid);
    if (process.name !== undefined && this.#names.get(process.name) === process) {
      this.#names.delete(process.name);
    }
    if (this.telemetry.enabled('snakepit.process.exited')) {
      this.telemetry.emit(
        'snakepit.process.exited',
        { count: 1, turns: process.turns },
        {
          pid: process.pid,
          behaviour: process.behaviour,
          name: process.name,
          reason: process.reason ?? exitReason.noproc,
        },
      );
    }
  }

  /** The living process meant by a target. */
  find(target: Target): Process | undefined {
    if (typeof target === 'string') return this.#names.get(target);
    return this.processes.get(target instanceof Pid ? target : target.pid);
  }

  /** Gives a process a name (NAM-001). */
  register(process: Process, name: string): void {
    const holder = this.#names.get(name);
    const fault =
      holder !== undefined
        ? `it is held by ${holder.pid.toString()}`
        : process.name !== undefined
          ? `${process.pid.toString()} is already called "${process.name}"`
          : process.alive
            ? undefined
            : `${process.pid.toString()} is not alive`;
    if (fault !== undefined) {
      throw new SnakepitError(
        'INVALID_ARGUMENT',
        `the name "${name}" cannot be registered: ${fault}.`,
        'Choose another name, or unregister the old one first.',
        { name },
      );
    }
    process.name = name;
    this.#names.set(name, process);
  }

  /** Frees a name (NAM-003). */
  unregister(name: string): void {
    const process = this.#names.get(name);
    if (process === undefined) {
      throw new SnakepitError(
        'INVALID_ARGUMENT',
        `the name "${name}" is not registered.`,
        'Unregister only names that whereis() finds.',
        { name },
      );
    }
    process.name = undefined;
    this.#names.delete(name);
  }

  /** Sends a plain message; to nobody it is dropped (MSG-004). */
  send(target: Target, message: unknown): void {
    this.find(target)?.deliver(message);
  }

  /** Sends a request that needs no answer (GEN-021). */
  cast(target: Target, request: Request): void {
    this.find(target)?.deliver(new CastMessage(request));
  }

  /** Sends a request and waits for the answer. */
  call(
    caller: Process | undefined,
    target: Target,
    request: Request,
    timeoutMs: number = defaultCallTimeoutMs,
  ): Promise<unknown> {
    const what = `call ${request.type} to ${describe(target)}`;
    const callee = this.find(target);
    if (callee === undefined) return Promise.reject(new ExitError(exitReason.noproc, what));
    if (callee === caller) return Promise.reject(new ExitError(exitReason.callingSelf, what));
    const call = new PendingCall(caller?.pid, callee, what, timeoutMs, this.clock);
    callee.deliver(new CallMessage(request, call));
    return call.promise;
  }

  /** Sends an exit signal; to nobody it is dropped (PRC-011). */
  exit(sender: Pid, target: Pid, reason: ExitReason): void {
    this.processes.get(target)?.exitSignal(sender, reason, false);
  }
}

function describe(target: Target): string {
  if (typeof target === 'string') return `"${target}"`;
  return (target instanceof Pid ? target : target.pid).toString();
}
