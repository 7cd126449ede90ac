import type { Behaviour, Instance } from '../behaviours/behaviour.ts';
import type { Schedulable } from '../scheduler.ts';
import { Bonds } from './bonds.ts';
import { exitReason, formatExitReason, isCleanExit, type ExitReason } from './exit-reason.ts';
import { reasonOfThrown } from './exit-request.ts';
import { Fifo } from './fifo.ts';
import type { Mailbox } from './mailbox.ts';
import type { ExitMessage, From } from './messages.ts';
import type { Pid } from './pid.ts';
import { ProcessContext } from './process-context.ts';
import type { Runtime } from './runtime.ts';
import { cancelTimers, type TimerRef } from '../timers.ts';

/** How a start ended: running, ignored (no pid), or failed. */
export type StartResult =
  | { readonly ok: true; readonly pid: Pid }
  | { readonly ok: true; readonly pid: undefined }
  | { readonly ok: false; readonly reason: ExitReason };

/** Where a process is in its life. */
export type ProcessStatus = 'starting' | 'waiting' | 'running' | 'busy' | 'dead';

/** Told how a start ended: synchronously, before any later exit signal is sent. */
export type StartListener = (result: StartResult) => void;

/** What a process is begun with. @internal */
export interface ProcessInit {
  /** Where it lives. */
  readonly runtime: Runtime;
  /** Its pid. */
  readonly pid: Pid;
  /** Who spawned it. */
  readonly parent: Pid;
  /** The name it is registered under. */
  readonly name: string | undefined;
  /** Which way it runs. */
  readonly behaviour: Behaviour<never>;
  /** Handed to the behaviour. */
  readonly input: unknown;
  /** Who wants to know how the start ended. */
  readonly onStarted: StartListener | undefined;
  /** The process that is linked and told by `onStarted`, to be spared the EXIT of a failed start (GEN-009). */
  readonly starter: Process | undefined;
}

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

  readonly #behaviour: Behaviour<never>;
  #starter: Process | undefined;
  #onStarted: StartListener | undefined;
  #input: unknown;
  #instance: Instance | undefined;
  #urgent: Fifo<() => void> | undefined;
  #pendingCalls: Set<From> | undefined;
  #exitListeners: ((reason: ExitReason) => void)[] | undefined;
  #abort: AbortController | undefined;
  #timers: Set<TimerRef> | undefined;
  #doom: ExitReason | undefined;
  #acknowledged = false;
  #ignored = false;
  #held = false;
  #inTurn = false;
  #failedItself = false;
  #reason: ExitReason | undefined;

  /** @param init - What it is begun with. */
  constructor(init: ProcessInit) {
    this.pid = init.pid;
    this.parent = init.parent;
    this.runtime = init.runtime;
    this.name = init.name;
    this.#behaviour = init.behaviour;
    this.#input = init.input;
    this.#onStarted = init.onStarted;
    this.#starter = init.starter;
    this.mailbox = init.behaviour.createMailbox?.() ?? new Fifo();
    this.bonds = new Bonds(this);
    this.context = new ProcessContext(this);
  }

  /** Whether what it does still counts: it is not gone, and no exit signal has reached it (PRC-022). */
  get alive(): boolean {
    return this.#doom === undefined && this.#reason === undefined;
  }

  /** Why it is gone; `undefined` while it lives. */
  get reason(): ExitReason | undefined {
    return this.#reason;
  }

  /** Where it is in its life. */
  get status(): ProcessStatus {
    if (this.#reason !== undefined) return 'dead';
    if (!this.#acknowledged) return 'starting';
    if (this.#held) return 'busy';
    return this.#inTurn ? 'running' : 'waiting';
  }

  /** Which way it runs. */
  get behaviour(): string {
    return this.#behaviour.kind;
  }

  /** What its definition is called. */
  get label(): string {
    return this.#behaviour.label;
  }

  /** The state value of its chart, or the phase of a flat behaviour. */
  get stateValue(): unknown {
    return this.#instance?.stateValue;
  }

  /** Its data. */
  get state(): unknown {
    return this.#instance?.state;
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
    if (this.#doom === undefined) this.#work();
    if (this.#doom !== undefined) this.#finish(this.#doom);
    else if (this.#hasWork()) this.runtime.scheduler.schedule(this);
  }

  #work(): void {
    this.#inTurn = true;
    this.runtime.current = this;
    this.turns += 1;
    try {
      if (this.#instance === undefined) this.#begin();
      else {
        const step = this.#urgent?.shift();
        if (step !== undefined) step();
        else if (this.#hasWork()) this.#instance.receive(this.mailbox.shift());
      }
    } catch (error) {
      this.end(reasonOfThrown(error));
    } finally {
      this.#inTurn = false;
      this.runtime.current = undefined;
    }
  }

  #begin(): void {
    // The behaviour's input type was tied to its logic where the process was spawned.
    this.#instance = this.#behaviour.createInstance(this, this.#input as never);
    this.#input = undefined;
    this.#instance.start();
  }

  #hasWork(): boolean {
    if (this.#urgent?.ready === true) return true;
    return !this.#held && this.mailbox.ready;
  }

  /** Puts a message at the end of the mailbox. */
  deliver(message: unknown): void {
    if (this.#reason !== undefined) return;
    this.mailbox.push(message);
    if (!this.#held && this.mailbox.ready) this.runtime.scheduler.schedule(this);
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
    this.#held = true;
    const resume = (step: () => void): void => {
      this.interject(() => {
        this.#held = false;
        step();
      });
    };
    promise.then(
      (value) => {
        resume(() => {
          onValue(value);
        });
      },
      (error: unknown) => {
        resume(() => {
          onError(error);
        });
      },
    );
  }

  /** The behaviour is initialised: whoever started it may go on. Not when it is ending already. */
  acknowledge(): void {
    if (this.#acknowledged || !this.alive) return;
    this.#acknowledged = true;
    this.#tellStarter({ ok: true, pid: this.pid });
  }

  /** Ends the process before it was initialised, as no failure (GEN-004). */
  ignore(): void {
    this.#ignored = !this.#acknowledged;
    this.end(exitReason.normal);
  }

  /** Ends the process with this reason, in this turn or the next; the first reason counts. */
  end(reason: ExitReason): void {
    if (!this.alive) return;
    this.#failedItself = !isCleanExit(reason);
    this.#doom = reason;
    if (!this.#inTurn) this.runtime.scheduler.schedule(this);
  }

  /** An exit signal arrives (PRC-006 … PRC-010). */
  exitSignal(sender: Pid, reason: ExitReason, isLink: boolean): void {
    if (this.#reason !== undefined) return;
    // Only an explicit signal `kill` is untrappable; a link carries it as an ordinary reason (PRC-010).
    if (reason.kind === 'kill' && !isLink) {
      this.#doom ??= exitReason.killed;
      this.runtime.scheduler.schedule(this);
    } else if (this.trapExit) {
      const message: ExitMessage = { type: 'EXIT', from: sender, reason };
      this.deliver(message);
    } else if (reason.kind !== 'normal' || (!isLink && sender === this.pid)) {
      this.#doom ??= reason;
      this.runtime.scheduler.schedule(this);
    }
  }

  #finish(reason: ExitReason): void {
    const instance = this.#instance;
    this.#reason = reason;
    this.runtime.forget(this);
    this.runtime.attempt(`the release of ${this.label} ${this.pid.toString()}`, () =>
      instance?.dispose(reason),
    );
    this.mailbox.clear();
    if (this.#timers !== undefined) cancelTimers(this.runtime.clock, this.#timers);
    this.#instance = this.#urgent = this.#input = undefined;
    this.#abort?.abort();
    // Who dies of a signal runs no code, so it writes no report either (RPT-005).
    if (this.#failedItself) this.#reportCrash(reason);
    if (!this.#acknowledged) this.#startFailed(reason);
    for (const call of this.#pendingCalls ?? []) call.reject(reason);
    this.#pendingCalls = undefined;
    this.bonds.sever(reason);
    const listeners = this.#exitListeners;
    this.#exitListeners = undefined;
    for (const listener of listeners ?? []) listener(reason);
  }

  #startFailed(reason: ExitReason): void {
    // A trapping starter learns of the failure by the result alone, without an EXIT message.
    if (this.#starter?.trapExit === true) this.bonds.unlink(this.#starter);
    this.#tellStarter(this.#ignored ? { ok: true, pid: undefined } : { ok: false, reason });
  }

  #tellStarter(result: StartResult): void {
    const onStarted = this.#onStarted;
    this.#onStarted = this.#starter = undefined;
    if (onStarted === undefined) return;
    this.runtime.attempt(`who started ${this.label} ${this.pid.toString()}`, () => {
      onStarted(result);
    });
  }

  #reportCrash(reason: ExitReason): void {
    // The name was taken: no code of this process has run.
    if (reason.kind === 'alreadyStarted') return;
    this.runtime.logger.error(
      `process ${this.pid.toString()} (${this.name ?? this.label}) ended: ${formatExitReason(reason)}`,
      {
        pid: this.pid.toString(),
        behaviour: this.behaviour,
        reason,
      },
    );
  }

  /** Keeps a call that it makes or is to answer, so that it fails with this process's exit reason. */
  keepCall(call: From): void {
    this.#pendingCalls ??= new Set();
    this.#pendingCalls.add(call);
  }

  /** Lets go of a call that is settled. */
  forgetCall(call: From): void {
    this.#pendingCalls?.delete(call);
  }

  /** Tells when the process is gone. */
  onExit(listener: (reason: ExitReason) => void): void {
    if (this.#reason !== undefined) listener(this.#reason);
    else (this.#exitListeners ??= []).push(listener);
  }
}
