import type { Instance } from '../behaviours/behaviour.ts';
import { contentOf } from '../observation/envelope.ts';
import { exitReason, type ExitReason } from '../process/exit-reason.ts';
import {
  CallMessage,
  CastMessage,
  isExitFrom,
  type ExitMessage,
  type From,
} from '../process/messages.ts';
import type { Process } from '../process/process.ts';
import { isThenable } from '../thenable.ts';
import type { DebugEvent, DebugHook } from './debug-event.ts';
import { stateOf, statusOf } from './process-status.ts';
import { SystemMessage, type SystemRequest } from './system-message.ts';

/** What was counted since statistics were switched on (OTP SYS-007). */
export interface ProcessStatistics {
  /** For how long it has been counted, in milliseconds. */
  readonly elapsedMs: number;
  /** How many turns it has had since. */
  readonly turns: number;
  /** How many messages it has handled since. */
  readonly messagesIn: number;
  /** How many calls it has answered since. */
  readonly messagesOut: number;
}

interface Count {
  readonly sinceMs: number;
  readonly sinceTurns: number;
  messagesIn: number;
  messagesOut: number;
}

/**
 * What looks on at one process: made by its first system message, gone when nobody looks any more. Without it a turn
 * costs one look at a field (SYS-009).
 *
 * @internal
 */
export class ProcessDebug {
  /** Whether only system messages and the parent's EXIT are handled (SYS-003). */
  suspended = false;
  /** Whether one that is handled although the mailbox is shut may be in it. */
  called = false;
  readonly #process: Process;
  readonly #hooks: DebugHook[] = [];
  #pending = 0;
  #log: { readonly size: number; readonly events: DebugEvent[] } | undefined;
  #count: Count | undefined;
  /** Whom the message that is being handled came from; `null` when none is. */
  #handling: From | undefined | null = null;
  #attending = false;

  /** @param process - Whom it looks at. */
  constructor(process: Process) {
    this.#process = process;
  }

  /** What is switched on, for `getStatus`. */
  get options(): { readonly hooks: number; readonly log: number; readonly statistics: boolean } {
    return {
      hooks: this.#hooks.length,
      log: this.#log?.size ?? 0,
      statistics: this.#count !== undefined,
    };
  }

  /** Whether nobody looks and nothing is asked. */
  get isIdle(): boolean {
    return this.#pending === 0 && !this.suspended && !this.#isWatched;
  }

  get #isWatched(): boolean {
    return this.#hooks.length > 0 || this.#log !== undefined || this.#count !== undefined;
  }

  /** A system message is about to join the mailbox. */
  expect(): void {
    this.#pending += 1;
    // A task never opens its mailbox: it is told at once.
    if (this.suspended || this.#isTask) this.called = true;
  }

  get #isTask(): boolean {
    return this.#process.behaviour === 'task';
  }

  /** Handles ordinary messages again. */
  wake(): void {
    this.suspended = false;
    this.called = this.#isTask && this.#pending > 0;
  }

  /** Whether a message is handled although the mailbox is shut. */
  readonly concerns = (message: unknown): boolean =>
    message instanceof SystemMessage ||
    (this.suspended && isExitFrom(contentOf(message), this.#process.parent));

  /** A message came while the mailbox is shut; whether there is one that is handled nevertheless. */
  isCalledBy(message: unknown): boolean {
    if (this.suspended && isExitFrom(message, this.#process.parent)) this.called = true;
    return this.called;
  }

  /** Handles a message that the behaviour never sees. */
  attend({ request, from }: SystemMessage, instance: Instance): void {
    this.#pending -= 1;
    this.#attending = true;
    try {
      from.resolve(this.#answer(request, instance));
    } catch (error) {
      // The function that was to replace the state failed; the state is as it was (SYS-005).
      from.reject(exitReason.custom({ kind: 'callbackFailed', error }));
    } finally {
      this.#attending = false;
    }
    if (request.type === 'terminate') this.#terminate(instance, request.reason);
    else instance.attended?.(this.suspended);
  }

  /** Ends the process in its own way: a server runs `terminate`, a chart that traps exits hears of it as an EXIT. */
  #terminate(instance: Instance, reason: ExitReason): void {
    const process = this.#process;
    this.wake();
    if (instance.terminate !== undefined) instance.terminate(reason);
    else if (process.trapExit && process.behaviour === 'statechart') {
      const exit: ExitMessage = { type: 'EXIT', from: process.parent, reason };
      instance.receive(exit);
    } else process.end(reason);
  }

  #answer(request: SystemRequest, instance: Instance): unknown {
    const process = this.#process;
    switch (request.type) {
      case 'getState':
        return stateOf(process, instance);
      case 'getStatus':
        return statusOf(process, instance, this);
      case 'suspend':
        // What waits may concern it: the parent's EXIT.
        this.suspended = this.called = true;
        return undefined;
      case 'resume':
        this.wake();
        return undefined;
      case 'replaceState':
        return replaceState(process, instance, request.replace);
      case 'trace':
        if (!this.#hooks.includes(request.hook)) this.#hooks.push(request.hook);
        return undefined;
      case 'untrace':
        this.#remove(request.hook);
        return undefined;
      case 'terminate':
        return undefined;
      default:
        return this.#record(request);
    }
  }

  #record(
    request: Extract<
      SystemRequest,
      { readonly type: 'log' | 'getLog' | 'statistics' | 'getStatistics' }
    >,
  ): unknown {
    switch (request.type) {
      case 'log':
        this.#log = request.size === 0 ? undefined : { size: request.size, events: [] };
        return undefined;
      case 'getLog':
        return [...(this.#log?.events ?? [])];
      case 'statistics':
        this.#count = request.on ? this.#startCount() : undefined;
        return undefined;
      case 'getStatistics':
        return this.#readCount();
    }
  }

  #startCount(): Count {
    const { runtime, turns } = this.#process;
    return { sinceMs: runtime.clock.now(), sinceTurns: turns, messagesIn: 0, messagesOut: 0 };
  }

  #readCount(): ProcessStatistics | undefined {
    if (this.#count === undefined) return undefined;
    const { sinceMs, sinceTurns, messagesIn, messagesOut } = this.#count;
    const { runtime, turns } = this.#process;
    return {
      elapsedMs: runtime.clock.now() - sinceMs,
      turns: turns - sinceTurns,
      messagesIn,
      messagesOut,
    };
  }

  /** A message is about to be handled. */
  taking(held: unknown): void {
    if (!this.#isWatched) return;
    const message = contentOf(held);
    this.#handling = message instanceof CallMessage ? message.from : undefined;
    if (this.#count !== undefined) this.#count.messagesIn += 1;
    this.#tell(eventOf(message));
  }

  /** The process goes on by itself. */
  continuing(argument: unknown): void {
    if (!this.#isWatched) return;
    this.#handling = undefined;
    this.#tell({ kind: 'continue', argument });
  }

  /** A call is answered, now or later. */
  answering(to: From, reply: unknown, instance: Instance): void {
    if (this.#attending || !this.#isWatched) return;
    if (this.#handling === to) this.#handling = null;
    if (this.#count !== undefined) this.#count.messagesOut += 1;
    this.#tell({ kind: 'out', reply, to: to.pid, state: stateOf(this.#process, instance) });
  }

  /** What was begun has been done to its end. */
  handled(instance: Instance): void {
    if (this.#handling === null) return;
    this.#handling = null;
    this.#tell({ kind: 'noreply', state: stateOf(this.#process, instance) });
  }

  #tell(event: DebugEvent): void {
    if (this.#log !== undefined) {
      const { size, events } = this.#log;
      if (events.push(event) > size) events.shift();
    }
    for (const hook of [...this.#hooks]) this.#show(event, hook);
  }

  #show(event: DebugEvent, hook: DebugHook): void {
    const giveUp = (error: unknown): void => {
      // An async one may have been shown more before it failed.
      if (!this.#remove(hook)) return;
      const who = `${this.#process.label} ${this.#process.pid.toString()}`;
      this.#process.runtime.logger.warn(`a debug hook on ${who} failed and is removed`, { error });
    };
    try {
      const result = hook(event, this.#process);
      if (result === 'done') this.#remove(hook);
      else if (isThenable(result)) result.then(undefined, giveUp);
    } catch (error) {
      giveUp(error);
    }
  }

  #remove(hook: DebugHook): boolean {
    const at = this.#hooks.indexOf(hook);
    if (at >= 0) this.#hooks.splice(at, 1);
    return at >= 0;
  }
}

function eventOf(message: unknown): DebugEvent {
  if (message instanceof CallMessage) {
    return { kind: 'in', via: 'call', message: message.request, from: message.from.pid };
  }
  if (message instanceof CastMessage) return { kind: 'in', via: 'cast', message: message.request };
  return { kind: 'in', via: 'info', message };
}

function replaceState(
  process: Process,
  instance: Instance,
  replace: (state: never) => unknown,
): unknown {
  if (instance.replaceState === undefined) {
    throw new TypeError(`${process.behaviour} ${process.pid.toString()} has no state to replace`);
  }
  // Of which type the state is says who asks, as with a call.
  const next = replace(stateOf(process, instance) as never);
  if (isThenable(next)) {
    throw new TypeError('the function that replaces a state must return it, not a promise of it');
  }
  instance.replaceState(next);
  return stateOf(process, instance);
}
