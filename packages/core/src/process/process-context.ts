import type { Given, Spawnable } from '../behaviours/behaviour.ts';
import { cancelTimer, type TimerRef } from '../timers.ts';
import { coreError, type SnakepitError } from '../errors.ts';
import { checkExitReason, exitReason, ExitError, type ExitReason } from './exit-reason.ts';
import { ExitRequest } from './exit-request.ts';
import { isDownOf, isExitFrom, isFrom, MonitorRef, type From, type Request } from './messages.ts';
import { isViaName, type ProcessName } from './names.ts';
import { Pid } from './pid.ts';
import type { StartListener } from './pending-start.ts';
import type { Process } from './process.ts';
import type { Target } from './runtime.ts';
import { takeOut } from '../observation/envelope.ts';
import type { ActorSystem } from '../system.ts';

/** How a process is spawned. */
export interface SpawnOptions {
  /** Name to register it under; free again when it is gone. */
  readonly name?: ProcessName;
  /** Whom it is linked to, in one step (PRC-016): a process, or by `true` the one that spawns; default nobody. */
  readonly link?: boolean | Pid;
  /** Who watches it: a process, or by `true` the one that spawns; default nobody. The DOWN is told by its `pid`. */
  readonly monitor?: boolean | Pid;
}

/** How a process is started by another. */
export interface StartLinkOptions {
  /** Name to register it under; free again when it is gone. */
  readonly name?: ProcessName;
  /** How long initialising may take, in milliseconds; default: no limit. Then it is killed: `timeout` (GEN-010). */
  readonly timeoutMs?: number;
}

/** How long a call waits. */
export interface CallOptions {
  /** In milliseconds; default 5,000; `Infinity` waits for ever. */
  readonly timeout?: number;
}

/**
 * A process as its own code sees it: `self`.
 *
 * Once the process is gone, or an exit signal that ends it has arrived, nothing here has any effect: a continuation
 * that outlived it can do no harm (OTP PRC-022).
 */
export class ProcessContext {
  readonly #process: Process;

  /** @internal */
  constructor(process: Process) {
    this.#process = process;
  }

  /** The pid of this process. */
  get pid(): Pid {
    return this.#process.pid;
  }

  /** Who spawned it; the pid `<0>` stands for code outside any process. */
  get parent(): Pid {
    return this.#process.parent;
  }

  /** The system it lives in. */
  get system(): ActorSystem {
    return this.#process.runtime.system;
  }

  /** Whether what it does still counts; to ask after every await. */
  get alive(): boolean {
    return this.#process.alive;
  }

  /**
   * The process that a context is of.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is none, as in a method that was taken off `self`.
   * @internal
   */
  static processOf(self: ProcessContext): Process {
    try {
      return self.#process;
    } catch (error) {
      throw notSelf(self, error);
    }
  }

  /**
   * Aborted when this process is gone; pass it to what can be cancelled. A listener must not throw: Node gives that to
   * the host, past the runtime.
   */
  get signal(): AbortSignal {
    return this.#process.signal;
  }

  /**
   * Calls back when this process is gone, at once if it is already: to let go of what it holds. Takes a tenth of the
   * memory of a listener to `signal`. What the listener throws or rejects with is reported.
   */
  onExit(listener: (reason: ExitReason) => void): void {
    const process = ProcessContext.processOf(this);
    process.onExit((reason) => {
      process.runtime.attempt(`letting go of what ${process.pid.toString()} held`, () =>
        listener(reason),
      );
    });
  }

  /**
   * Sends a plain message; to a dead pid it is dropped (MSG-004). Messages are shared, not copied: nobody may change
   * one after it was sent (PRC-023).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a name that nobody has.
   */
  send(target: Target, message: unknown): void {
    const process = ProcessContext.processOf(this);
    if (process.alive) process.runtime.send(target, message);
  }

  /** Sends a request that needs no answer. */
  cast(target: Target, request: Request): void {
    const process = ProcessContext.processOf(this);
    if (process.alive) process.runtime.cast(target, request);
  }

  /**
   * Sends a request and waits for the answer. When it fails and nobody waits for it, nobody hears of that.
   *
   * @returns What the callee replied; the caller says of which type it is.
   * @throws {@link ExitError} `timeout`, `noproc`, `callingSelf`, or the callee's exit reason (GEN-015 … GEN-018).
   */
  call<T = unknown>(target: Target, request: Request, options: CallOptions = {}): Promise<T> {
    const process = ProcessContext.processOf(this);
    return process.runtime.call(process, target, request, options.timeout) as Promise<T>;
  }

  /**
   * Answers a call; only the first answer counts.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what no call gave.
   */
  reply(from: From, value: unknown): void {
    const process = ProcessContext.processOf(this);
    if (!isFrom(from)) throw noFrom(from);
    if (process.alive) from.resolve(value);
  }

  /**
   * Spawns a process that lives on when this one dies (PRC-020), unless `link` says otherwise.
   *
   * @throws {@link ExitError} `noproc`, when `link` or `monitor` names a process that is dead; nothing was spawned.
   */
  spawn<I>(logic: Spawnable<I>, ...rest: Given<I, SpawnOptions>): Pid;
  /** Without an array of what is given. */
  spawn(logic: Spawnable<never>, input?: unknown, options: SpawnOptions = {}): Pid {
    const process = ProcessContext.processOf(this);
    const { runtime } = process;
    // A dead process spawns nothing: what its stale continuation gets is the pid of nobody.
    if (!process.alive) return runtime.newPid();
    return runtime.spawn(runtime.bound({ logic, input, parent: process }, options)).pid;
  }

  /** Spawns a process linked to this one, in one step (PRC-016). */
  spawnLink<I>(logic: Spawnable<I>, ...rest: Given<I, Omit<SpawnOptions, 'link'>>): Pid;
  /** Without an array of what is given. */
  spawnLink(
    logic: Spawnable<never>,
    input?: unknown,
    options: Omit<SpawnOptions, 'link'> = {},
  ): Pid {
    const { context } = ProcessContext.processOf(this);
    return context.spawn(logic as Spawnable, input, { ...options, link: true });
  }

  /**
   * Spawns a linked process and tells when it is initialised, without a promise.
   *
   * @param onStarted - Called once, in the child's turn, before any later exit signal of the child is sent; it
   *   should only send a message. A failed start gives a trapping starter no EXIT besides (GEN-009).
   * @returns The pid at once, while it still initialises.
   * @throws {@link SnakepitError} INVALID_ARGUMENT for a time limit that is no duration.
   */
  startLink<I>(
    logic: Spawnable<I>,
    input: I,
    options: StartLinkOptions,
    onStarted: StartListener,
  ): Pid {
    const process = ProcessContext.processOf(this);
    const { runtime } = process;
    if (!process.alive) return runtime.newPid();
    const { name, timeoutMs = Infinity } = options;
    const request = { logic, input, parent: process, name, link: process };
    return runtime.start(request, { timeoutMs, onStarted }).pid;
  }

  /**
   * Links both ways. A dead peer gives EXIT `noproc` when trapping (PRC-015).
   *
   * @throws {@link ExitError} `noproc`, when the peer is dead and this process does not trap exits.
   */
  link(pid: Pid): void {
    const process = ProcessContext.processOf(this);
    if (!process.alive) return;
    const peer = process.runtime.find(pid);
    if (peer !== undefined) process.bonds.link(peer);
    else if (process.trapExit) process.exitSignal(pid, exitReason.noproc, true);
    else throw new ExitError(exitReason.noproc, `link to ${pid.toString()}`);
  }

  /**
   * Removes a link, if there is one. An EXIT already in the mailbox stays (PRC-017).
   *
   * @param options - `flush` takes out an EXIT of that process that has arrived.
   * @returns The reason in the EXIT that was taken out.
   */
  unlink(pid: Pid, options: { readonly flush?: boolean } = {}): ExitReason | undefined {
    const process = ProcessContext.processOf(this);
    if (!process.alive) return undefined;
    const peer = process.runtime.find(pid);
    if (peer !== undefined) process.bonds.unlink(peer);
    if (options.flush !== true) return undefined;
    const exit = takeOut(process, (message) => isExitFrom(message, pid));
    return isExitFrom(exit, pid) ? exit.reason : undefined;
  }

  /** Watches a process: one DOWN message when it is gone, at once when it is not there (MON-001, MON-002). */
  monitor(target: Target): MonitorRef {
    const process = ProcessContext.processOf(this);
    const watched = process.runtime.find(target);
    if (watched !== undefined && process.alive) return process.bonds.monitor(watched);
    const isName = typeof target === 'string' || isViaName(target);
    const pid = isName ? undefined : target instanceof Pid ? target : target.pid;
    const ref = new MonitorRef(pid);
    process.deliver({ type: 'DOWN', ref, pid, reason: exitReason.noproc });
    return ref;
  }

  /** Stops watching. `flush` also removes a DOWN that has arrived (MON-005). */
  demonitor(ref: MonitorRef, options: { readonly flush?: boolean } = {}): void {
    const process = ProcessContext.processOf(this);
    process.bonds.demonitor(ref);
    if (options.flush === true) {
      takeOut(process, (message) => isDownOf(message, ref));
    }
  }

  /**
   * Ends this process with exactly this reason; unwinds the callback that it is called in (PRC-003), and only there.
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for what is no exit reason; both ways.
   */
  exit(reason: ExitReason): never;
  /** Sends an exit signal to another process (PRC-006 … PRC-011). */
  exit(pid: Pid, reason: ExitReason): void;
  /** One of the two; which is told by the first argument. */
  exit(first: Pid | ExitReason, reason?: ExitReason): void {
    const process = ProcessContext.processOf(this);
    if (reason === undefined && !(first instanceof Pid)) {
      throw new ExitRequest(checkExitReason(first));
    }
    // Plain JavaScript callers can give anything, or leave it out; the compiler cannot stop them.
    const checked = checkExitReason(reason);
    if (process.alive) process.runtime.exit(process.pid, first as Pid, checked);
  }

  /**
   * Turns exit signals into EXIT messages, or back. Looked at when a signal arrives (PRC-018).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT for anything but `true` and `false`.
   */
  trapExit(on: boolean): void {
    ProcessContext.processOf(this).trapExit = checkTrapExit(on);
  }

  /**
   * Sends a message later. The timer outlives this process (TMR-005), but not the process that it would send to.
   *
   * @param delayMs - Milliseconds from now, ≥ 0.
   * @param target - Default: this process. A name is looked up when the time comes (TMR-004).
   */
  sendAfter(
    delayMs: number,
    message: unknown,
    target: Target = ProcessContext.processOf(this).pid,
  ): TimerRef {
    const process = ProcessContext.processOf(this);
    const { runtime } = process;
    const timer = runtime.postAfter(delayMs, target, message);
    runtime.recorder?.sentLater(target, message, delayMs);
    if (!process.alive) cancelTimer(runtime.clock, timer);
    return timer;
  }

  /** Stops a timer; the milliseconds left, or `false` when it had fired (TMR-002). */
  cancelTimer(timer: TimerRef): number | false {
    const process = ProcessContext.processOf(this);
    return process.alive && cancelTimer(process.runtime.clock, timer);
  }

  /**
   * Registers this process under a name (NAM-001).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT when the name is taken, or the process has one.
   */
  register(name: string): void {
    const process = ProcessContext.processOf(this);
    if (process.alive) process.runtime.names.register(process, name);
  }

  /**
   * Frees a name (NAM-003).
   *
   * @throws {@link SnakepitError} INVALID_ARGUMENT when nobody has it.
   */
  unregister(name: string): void {
    const process = ProcessContext.processOf(this);
    if (process.alive) process.runtime.names.unregister(name);
  }
}

function checkTrapExit(on: unknown): boolean {
  if (typeof on === 'boolean') return on;
  throw coreError('INVALID_ARGUMENT', {
    argument: 'the argument of self.trapExit()',
    value: on,
    fault: 'it must be true or false',
    remedy: 'self.trapExit(true) turns exit signals into EXIT messages.',
  });
}

function noFrom(value: unknown): SnakepitError {
  return coreError('INVALID_ARGUMENT', {
    argument: 'the first argument of self.reply()',
    value,
    fault: 'it must be the `from` of a call',
    remedy:
      'Keep the fourth argument of the call handler, or the `from` of the event, and reply to that.',
  });
}

function notSelf(value: unknown, cause: unknown): SnakepitError {
  return coreError(
    'INVALID_ARGUMENT',
    {
      argument: 'the `this` of a method of self',
      value,
      fault: 'it must be the `self` of a process',
      remedy:
        'Call it as self.send(…); to pass it on, wrap it: (message) => self.send(pid, message).',
    },
    { cause },
  );
}
