import type { Behaviour, Instance } from '../behaviours/behaviour.ts';
import type { Schedulable } from '../scheduler.ts';
import { exitReason, formatExitReason, isCleanExit, type ExitReason } from './exit-reason.ts';
import { Fifo } from './mailbox.ts';
import { ExitRequest, type DownMessage, type ExitMessage, type From } from './messages.ts';
import { MonitorRef } from './messages.ts';
import type { Pid } from './pid.ts';
import { ProcessContext } from './process-context.ts';
import type { Runtime } from './runtime.ts';

/** How a start ended: running, ignored (no pid), or failed. */
export type StartResult =
  | { readonly ok: true; readonly pid: Pid }
  | { readonly ok: true; readonly pid: undefined }
  | { readonly ok: false; readonly reason: ExitReason };

/** Where a process is in its life. */
export type ProcessStatus = 'starting' | 'waiting' | 'running' | 'busy' | 'dead';

/** What a process is begun with. */
export interface ProcessInit {
  readonly runtime: Runtime;
  readonly pid: Pid;
  readonly parent: Pid;
  readonly name: string | undefined;
  readonly behaviour: Behaviour<never>;
  readonly input: unknown;
  /** Told how the start ended, synchronously, before any later exit signal is sent. */
  readonly onStarted: ((result: StartResult) => void) | undefined;
  /** The process that started it by a link, if that is to be spared the EXIT of a failed start (GEN-009). */
  readonly starter: Process | undefined;
}

/** One process: a mailbox, links, monitors, and what its behaviour runs. @internal */
export class Process implements Schedulable {
  readonly pid: Pid;
  readonly parent: Pid;
  readonly runtime: Runtime;
  readonly context: ProcessContext;
  readonly mailbox = new Fifo<unknown>();
  queued = false;
  trapExit = false;
  name: string | undefined;
  turns = 0;

  readonly #behaviour: Behaviour<never>;
  readonly #starter: Process | undefined;
  #onStarted: ((result: StartResult) => void) | undefined;
  #input: unknown;
  #instance: Instance | undefined;
  #urgent: Fifo<() => void> | undefined;
  #links: Set<Process> | undefined;
  #watchers: Map<MonitorRef, Process> | undefined;
  #watching: Map<MonitorRef, Process> | undefined;
  #pendingCalls: Set<From> | undefined;
  #exitListeners: ((reason: ExitReason) => void)[] | undefined;
  #abort: AbortController | undefined;
  #doom: ExitReason | undefined;
  #acknowledged = false;
  #ignored = false;
  #held = false;
  #inTurn = false;
  #failedItself = false;
  #reason: ExitReason | undefined;

  constructor(init: ProcessInit) {
    this.pid = init.pid;
    this.parent = init.parent;
    this.runtime = init.runtime;
    this.name = init.name;
    this.#behaviour = init.behaviour;
    this.#input = init.input;
    this.#onStarted = init.onStarted;
    this.#starter = init.starter;
    this.context = new ProcessContext(this);
  }

  // --- what a viewer sees ---

  get alive(): boolean {
    return this.#reason === undefined;
  }

  /** Why it is gone; `undefined` while it lives. */
  get reason(): ExitReason | undefined {
    return this.#reason;
  }

  get status(): ProcessStatus {
    if (this.#reason !== undefined) return 'dead';
    if (!this.#acknowledged) return 'starting';
    if (this.#held) return 'busy';
    return this.#inTurn ? 'running' : 'waiting';
  }

  get behaviour(): string {
    return this.#behaviour.kind;
  }

  get label(): string {
    return this.#behaviour.label;
  }

  get stateValue(): unknown {
    return this.#instance?.stateValue;
  }

  get state(): unknown {
    return this.#instance?.state;
  }

  get mailboxLength(): number {
    return this.mailbox.length;
  }

  get linkedPids(): Pid[] {
    return Array.from(this.#links ?? [], (peer) => peer.pid);
  }

  get monitorCount(): number {
    return this.#watchers?.size ?? 0;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (!this.alive) this.#abort.abort();
    return this.#abort.signal;
  }

  // --- turns ---

  runTurn(): void {
    if (this.#reason !== undefined) return;
    if (this.#doom === undefined) this.#work();
    if (this.#doom !== undefined) this.#finish(this.#doom);
    else if (this.#hasWork()) this.runtime.scheduler.schedule(this);
  }

  #work(): void {
    this.#inTurn = true;
    this.turns += 1;
    try {
      if (this.#instance === undefined) this.#begin();
      else {
        const step = this.#urgent?.shift();
        if (step !== undefined) step();
        else if (!this.#held && this.mailbox.length > 0)
          this.#instance.receive(this.mailbox.shift());
      }
    } catch (error) {
      this.end(error instanceof ExitRequest ? error.reason : exitReason.error(error));
    } finally {
      this.#inTurn = false;
    }
  }

  #begin(): void {
    // The behaviour's input type was tied to its logic where the process was spawned.
    this.#instance = this.#behaviour.createInstance(this, this.#input as never);
    this.#input = undefined;
    this.#instance.start();
  }

  #hasWork(): boolean {
    if ((this.#urgent?.length ?? 0) > 0) return true;
    return !this.#held && this.mailbox.length > 0;
  }

  /** Puts a message at the end of the mailbox. */
  deliver(message: unknown): void {
    if (this.#reason !== undefined) return;
    this.mailbox.push(message);
    if (!this.#held) this.runtime.scheduler.schedule(this);
  }

  /** Puts messages back before all others: postponed ones that are offered again. */
  offerAgain(messages: readonly unknown[]): void {
    if (this.#reason !== undefined) return;
    this.mailbox.unshiftAll(messages);
    if (!this.#held) this.runtime.scheduler.schedule(this);
  }

  /** Runs a step in a turn of its own before any message: a timer that fired, a promise that settled. */
  interject(step: () => void): void {
    if (this.#reason !== undefined) return;
    this.#urgent ??= new Fifo();
    this.#urgent.push(step);
    this.runtime.scheduler.schedule(this);
  }

  /**
   * Keeps the mailbox shut until a promise settles, then continues in a turn (GEN-034).
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

  // --- life and death ---

  /** The behaviour is initialised: whoever started it may go on. */
  acknowledge(): void {
    if (this.#acknowledged) return;
    this.#acknowledged = true;
    const onStarted = this.#onStarted;
    this.#onStarted = undefined;
    onStarted?.({ ok: true, pid: this.pid });
  }

  /** Ends the process before it was initialised, as no failure (GEN-004). */
  ignore(): void {
    this.#ignored = !this.#acknowledged;
    this.end(exitReason.normal);
  }

  /** Ends the process with this reason, in this turn or the next; the first reason counts. */
  end(reason: ExitReason): void {
    if (this.#reason !== undefined) return;
    if (this.#doom === undefined) this.#failedItself = !isCleanExit(reason);
    this.#doom ??= reason;
    if (!this.#inTurn) this.runtime.scheduler.schedule(this);
  }

  /** An exit signal arrives (PRC-006 … PRC-010). */
  exitSignal(sender: Pid, reason: ExitReason, isLink: boolean): void {
    if (this.#reason !== undefined) return;
    // Only an explicit signal `kill` is untrappable; a link carries it as an ordinary reason (PRC-010).
    if (reason.kind === 'kill' && !isLink) {
      this.#doom = exitReason.killed;
      this.#failedItself = false;
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
    this.#reason = reason;
    this.runtime.forget(this);
    this.#instance?.dispose(reason);
    this.mailbox.clear();
    this.#urgent = undefined;
    this.#abort?.abort();
    // Who dies of a signal runs no code, so it writes no report either (RPT-005).
    if (this.#failedItself) this.#reportCrash(reason);
    this.#tellStarter(reason);
    for (const call of this.#pendingCalls ?? []) call.reject(reason);
    for (const peer of this.#links ?? []) {
      peer.#links?.delete(this);
      peer.exitSignal(this.pid, reason, true);
    }
    for (const [ref, watcher] of this.#watchers ?? []) {
      watcher.#watching?.delete(ref);
      const message: DownMessage = { type: 'DOWN', ref, pid: this.pid, reason };
      watcher.deliver(message);
    }
    for (const [ref, target] of this.#watching ?? []) target.#watchers?.delete(ref);
    this.#links = this.#watchers = this.#watching = this.#pendingCalls = undefined;
    const listeners = this.#exitListeners;
    this.#exitListeners = undefined;
    for (const listener of listeners ?? []) listener(reason);
  }

  #tellStarter(reason: ExitReason): void {
    const onStarted = this.#onStarted;
    this.#onStarted = undefined;
    if (this.#acknowledged) return;
    // A trapping starter learns of the failure by the result alone, without an EXIT message.
    if (this.#starter?.trapExit === true) this.unlink(this.#starter);
    onStarted?.(this.#ignored ? { ok: true, pid: undefined } : { ok: false, reason });
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

  // --- links, monitors, calls ---

  link(peer: Process): void {
    if (peer === this) return;
    this.#links ??= new Set();
    peer.#links ??= new Set();
    this.#links.add(peer);
    peer.#links.add(this);
  }

  unlink(peer: Process): void {
    this.#links?.delete(peer);
    peer.#links?.delete(this);
  }

  /** Watches another process; the caller has made sure that it lives. */
  monitor(target: Process): MonitorRef {
    const ref = new MonitorRef(target.pid);
    this.#watching ??= new Map();
    target.#watchers ??= new Map();
    this.#watching.set(ref, target);
    target.#watchers.set(ref, this);
    return ref;
  }

  demonitor(ref: MonitorRef): void {
    const target = this.#watching?.get(ref);
    if (target === undefined) return;
    target.#watchers?.delete(ref);
    this.#watching?.delete(ref);
  }

  /** Keeps a call, so that it fails with this process's exit reason. */
  expectReply(call: From): void {
    this.#pendingCalls ??= new Set();
    this.#pendingCalls.add(call);
  }

  forgetCall(call: From): void {
    this.#pendingCalls?.delete(call);
  }

  onExit(listener: (reason: ExitReason) => void): void {
    if (this.#reason !== undefined) listener(this.#reason);
    else (this.#exitListeners ??= []).push(listener);
  }
}
