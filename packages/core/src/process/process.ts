import type { Behaviour, Instance } from '../behaviours/behaviour.ts';
import { crashReportOf } from '../debug/crash-report.ts';
import { FlightRecorder, type RecentEvent } from '../debug/flight-recorder.ts';
import { ProcessDebug } from '../debug/process-debug.ts';
import { SystemMessage } from '../debug/system-message.ts';
import { inspect, shownOf } from '../inspect.ts';
import type { Schedulable } from '../scheduler.ts';
import { Bonds } from './bonds.ts';
import { exitReason, isCleanExit, type ExitReason } from './exit-reason.ts';
import { reasonOfThrown } from './exit-request.ts';
import { Fifo } from './fifo.ts';
import type { Watch } from '../observation/watches.ts';
import { callsIn, type KeptCalls } from './kept-calls.ts';
import type { Mailbox } from './mailbox.ts';
import type { ExitMessage, From } from './messages.ts';
import { PendingStart } from './pending-start.ts';
import type { Pid } from './pid.ts';
import { ProcessContext } from './process-context.ts';
import type { ProcessStatus } from './process-info.ts';
import type { ProcessInit } from './process-init.ts';
import type { Runtime } from './runtime.ts';
import { cancelTimers, type TimerRef } from '../timers.ts';

/** Why the mailbox is shut: a promise is awaited, the process is suspended. */
const awaiting = 1;
const suspended = 2;

/** One process: a mailbox, links, monitors, and what its behaviour runs. @internal */
export class Process implements Schedulable {
  /** Its pid. */
  readonly pid: Pid;
  /** Who spawned it. */
  readonly parent: Pid;
  /** Where it lives. */
  readonly runtime: Runtime;
  /** The process as its own code sees it. */
  readonly context: ProcessContext;
  /** What waits for it. */
  readonly mailbox: Mailbox;
  /** Its links and monitors. */
  readonly bonds: Bonds;
  /** Whether it is in the run queue; the scheduler's mark. */
  queued = false;
  /** Whether exit signals become EXIT messages. */
  trapExit = false;
  /** The name it is registered under. */
  name: string | undefined;
  /** How many turns it has had. */
  turns = 0;
  /** What it runs. */
  readonly definition: Behaviour<never>;
  /** What that has made for it; `undefined` before it begins and after its end. */
  instance: Instance | undefined;
  /** Why it will be gone as soon as its turn is over. */
  doom: ExitReason | undefined;
  /** Since when it awaits something, in milliseconds of the clock, if it does. */
  busySinceMs = 0;
  /** Calls that it makes or is to answer; they fail with its exit reason. */
  calls: KeptCalls;
  /** Who is shown what it does; the recorder's own. */
  watches: Set<Watch> | undefined;

  #start: PendingStart | undefined;
  #input: unknown;
  #urgent: Fifo<() => void> | undefined;
  #exitListeners: ((reason: ExitReason) => void)[] | undefined;
  #abort: AbortController | undefined;
  #timers: Set<TimerRef> | undefined;
  #shut = 0;
  #debug: ProcessDebug | undefined;
  #recent: FlightRecorder | undefined;
  #inTurn = false;
  #failedItself = false;
  #reason: ExitReason | undefined;

  /** @param init - What it is begun with. */
  constructor(init: ProcessInit) {
    this.pid = init.pid;
    this.parent = init.parent;
    this.runtime = init.runtime;
    this.name = init.name;
    this.definition = init.behaviour;
    this.#input = init.input;
    this.#start = new PendingStart(this, init.starter, init.onStarted);
    this.mailbox = init.behaviour.createMailbox?.() ?? new Fifo();
    this.bonds = new Bonds(this);
    this.context = new ProcessContext(this);
  }

  /** Whether what it does still counts: it is not gone, and no exit signal has reached it (PRC-022). */
  get alive(): boolean {
    return this.doom === undefined && this.#reason === undefined;
  }

  /** Why it is gone; `undefined` while it lives. */
  get reason(): ExitReason | undefined {
    return this.#reason;
  }

  /** Where it is in its life. */
  get status(): ProcessStatus {
    if (this.#reason !== undefined) return 'dead';
    if (this.doom !== undefined) return 'exiting';
    if (this.#start !== undefined) return 'starting';
    if (this.isSuspended) return 'suspended';
    if ((this.#shut & awaiting) !== 0) return 'busy';
    return this.#inTurn ? 'running' : 'waiting';
  }

  /** Whether it handles only system messages and its parent's EXIT (SYS-003). */
  get isSuspended(): boolean {
    return (this.#shut & suspended) !== 0;
  }

  /** Which way it runs. */
  get behaviour(): string {
    return this.definition.kind;
  }

  /** What its definition is called. */
  get label(): string {
    return this.definition.label;
  }

  /** The state value of its chart, or the phase of a flat behaviour. */
  get stateValue(): unknown {
    return this.instance?.stateValue;
  }

  /** Its data. */
  get state(): unknown {
    return this.instance?.state;
  }

  /** How many messages wait. */
  get mailboxLength(): number {
    return this.mailbox.length;
  }

  /** Who it is linked to. */
  get linkedPids(): Pid[] {
    return this.bonds.linkedPids;
  }

  /** How many monitors watch it. */
  get monitorCount(): number {
    return this.bonds.monitorCount;
  }

  /** The last messages it handled, oldest first. */
  get recent(): RecentEvent[] {
    return this.#recent?.read(this.runtime.scheduler.lookAtClock()) ?? [];
  }

  /** Where it is printed, what the process table shows. */
  [inspect](): object {
    return shownOf(this);
  }

  /** Aborted when it is gone. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#reason !== undefined) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The timers that will send to it; they end with it. */
  get timers(): Set<TimerRef> {
    return (this.#timers ??= new Set());
  }

  /** Does one turn: a step of starting or ending, an urgent step, or one message. */
  runTurn(): void {
    if (this.#reason !== undefined) return;
    if (this.doom === undefined) this.#work();
    if (this.doom !== undefined) this.#finish(this.doom);
    else if (this.#hasWork()) this.runtime.scheduler.schedule(this);
  }

  #work(): void {
    this.#inTurn = true;
    this.runtime.current = this;
    this.turns += 1;
    try {
      if (this.instance === undefined) this.#begin();
      else if (this.#debug === undefined) this.#takeTurn(this.instance);
      else this.#takeWatchedTurn(this.instance, this.#debug);
    } catch (error) {
      this.end(reasonOfThrown(error));
    } finally {
      this.#inTurn = false;
      this.runtime.current = undefined;
    }
  }

  #begin(): void {
    // The behaviour's input type was tied to its logic where the process was spawned.
    this.instance = this.definition.createInstance(this, this.#input as never);
    this.#input = undefined;
    const { recentEvents } = this.runtime;
    if (recentEvents > 0) this.#recent = new FlightRecorder(recentEvents);
    this.instance.start();
  }

  #takeTurn(instance: Instance): void {
    const step = this.#urgent?.shift();
    if (step !== undefined) step();
    else if (this.#shut === 0 && this.mailbox.ready) this.#handle(this.mailbox.shift(), instance);
  }

  #handle(message: unknown, instance: Instance): void {
    const { recorder } = this.runtime;
    if (recorder !== undefined && (recorder.mindsAll || this.watches !== undefined)) {
      recorder.handle(this, message, instance, this.#recent);
      return;
    }
    this.#recent?.noteMessage(message, this.runtime.scheduler.roughMs);
    instance.receive(message);
  }

  /** The same while somebody looks on, or has asked something. */
  #takeWatchedTurn(instance: Instance, debug: ProcessDebug): void {
    const step = debug.suspended ? undefined : this.#urgent?.shift();
    if (step !== undefined) step();
    else if (this.#shut !== 0) {
      const message = debug.called ? this.mailbox.take(debug.concerns) : undefined;
      if (message === undefined) debug.called = false;
      else this.#handleWatched(message, instance, debug);
    } else if (this.mailbox.ready) this.#handleWatched(this.mailbox.shift(), instance, debug);
    if ((this.#shut & awaiting) === 0 && this.alive) debug.handled(instance);
    if (debug.isIdle) this.#debug = undefined;
  }

  #handleWatched(message: unknown, instance: Instance, debug: ProcessDebug): void {
    if (message instanceof SystemMessage) {
      debug.attend(message, instance);
    } else {
      // Suspended, it takes nothing else but its parent's EXIT, which wakes it (SYS-003).
      debug.wake();
      debug.taking(message);
    }
    this.#shut = debug.suspended ? this.#shut | suspended : this.#shut & ~suspended;
    // Who looks on may have ended it.
    if (this.alive && !(message instanceof SystemMessage)) this.#handle(message, instance);
  }

  #hasWork(): boolean {
    if (this.#shut === 0) return this.mailbox.ready || this.#urgent?.ready === true;
    return this.#debug?.called === true || (!this.isSuspended && this.#urgent?.ready === true);
  }

  /** Puts a message at the end of the mailbox. */
  deliver(message: unknown): void {
    const { recorder } = this.runtime;
    if (this.#reason !== undefined) {
      recorder?.deadLetter(this.pid, message);
      return;
    }
    const isMinded = recorder !== undefined && (recorder.mindsAll || this.watches !== undefined);
    this.mailbox.push(isMinded ? recorder.delivered(this, message) : message);
    if (this.#shut === 0 ? this.mailbox.ready : this.#debug?.isCalledBy(message) === true) {
      this.runtime.scheduler.schedule(this);
    }
  }

  /** Puts a message at the end of the mailbox that its behaviour never sees (SYS-001). */
  ask(message: SystemMessage): void {
    this.#debug ??= new ProcessDebug(this);
    this.#debug.expect();
    this.deliver(message);
  }

  /** Tells who looks on that it answers a call. */
  answering(to: From, reply: unknown): void {
    if (this.watches !== undefined) this.runtime.recorder?.answered(this, to);
    if (this.instance !== undefined) this.#debug?.answering(to, reply, this.instance);
  }

  /** Tells who looks on that it goes on by itself. */
  continuing(argument: unknown): void {
    this.#recent?.noteContinue(argument, this.runtime.scheduler.roughMs);
    this.#debug?.continuing(argument);
  }

  /** Runs a step in a turn of its own before any message: a timer that fired, a promise that settled. */
  interject(step: () => void): void {
    if (this.#reason !== undefined) return;
    this.#urgent ??= new Fifo();
    this.#urgent.push(step);
    this.runtime.scheduler.schedule(this);
  }

  /** Runs a step in this process's turn: at once when it has it, else as soon as it gets it. */
  inTurn(step: () => void): void {
    if (this.#inTurn) step();
    else this.interject(step);
  }

  /**
   * Keeps the mailbox shut until a promise settles, then continues in a turn (GEN-001).
   *
   * When the process dies meanwhile, what the promise brings is ignored (PRC-022).
   */
  hold<T>(
    promise: PromiseLike<T>,
    onValue: (value: T) => void,
    onError: (error: unknown) => void,
  ): void {
    this.#shut |= awaiting;
    this.busySinceMs = this.runtime.clock.now();
    const resume = (step: () => void): void => {
      this.interject(() => {
        this.#shut &= ~awaiting;
        step();
      });
    };
    promise.then(
      (value) => resume(() => onValue(value)),
      (error: unknown) => resume(() => onError(error)),
    );
  }

  /** The behaviour is initialised: whoever started it may go on. Not when it is ending already. */
  acknowledge(): void {
    if (!this.alive) return;
    const start = this.#start;
    this.#start = undefined;
    start?.succeed();
  }

  /** Ends the process before it was initialised, as no failure (GEN-004). */
  ignore(): void {
    if (this.alive) this.#start?.decline();
    this.end(exitReason.normal);
  }

  /** Ends the process before it was initialised: the start fails with this reason, but it is no crash (GEN-008). */
  failStart(reason: ExitReason): void {
    if (this.alive) this.#start?.refuse(reason);
    this.end(exitReason.normal);
  }

  /** Ends the process with this reason, in this turn or the next; the first reason counts. */
  end(reason: ExitReason): void {
    if (!this.alive) return;
    this.#failedItself = !isCleanExit(reason);
    this.doom = reason;
    if (!this.#inTurn) this.runtime.scheduler.schedule(this);
  }

  /** An exit signal arrives (PRC-006 … PRC-010). */
  exitSignal(sender: Pid, reason: ExitReason, isLink: boolean): void {
    if (this.#reason !== undefined) return;
    // Only an explicit signal `kill` is untrappable; a link carries it as an ordinary reason (PRC-010).
    if (reason.kind === 'kill' && !isLink) {
      this.doom ??= exitReason.killed;
      this.runtime.scheduler.schedule(this);
    } else if (this.trapExit) {
      const message: ExitMessage = { type: 'EXIT', from: sender, reason };
      this.deliver(message);
    } else if (reason.kind !== 'normal' || (!isLink && sender === this.pid)) {
      this.doom ??= reason;
      this.runtime.scheduler.schedule(this);
    }
  }

  #finish(reason: ExitReason): void {
    const instance = this.instance;
    // Who dies of a signal runs no code, so it writes no report (RPT-005); nor has any run when the name was taken.
    const isCrash = this.#failedItself && reason.kind !== 'alreadyStarted';
    const report = isCrash ? crashReportOf(this, reason) : undefined;
    this.#reason = reason;
    this.runtime.forget(this);
    this.runtime.attempt(`the release of ${this.label} ${this.pid.toString()}`, () =>
      instance?.dispose(reason),
    );
    this.runtime.recorder?.ended(this);
    this.mailbox.clear();
    if (this.#timers !== undefined) cancelTimers(this.runtime.clock, this.#timers);
    this.instance = this.#urgent = this.#input = this.#debug = undefined;
    this.#abort?.abort();
    if (report !== undefined) this.runtime.logger.error(report.text, report.fields);
    const start = this.#start;
    this.#start = undefined;
    start?.end(reason);
    for (const call of callsIn(this.calls)) call.reject(reason);
    this.calls = undefined;
    this.bonds.sever(reason);
    const listeners = this.#exitListeners;
    this.#exitListeners = undefined;
    for (const listener of listeners ?? []) listener(reason);
  }

  /** Tells when the process is gone. */
  onExit(listener: (reason: ExitReason) => void): void {
    if (this.#reason !== undefined) listener(this.#reason);
    else (this.#exitListeners ??= []).push(listener);
  }
}
