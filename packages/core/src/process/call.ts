import type { Clock } from '../clock.ts';
import { exitReason, ExitError, type ExitReason } from './exit-reason.ts';
import { forgetCall, keepCall } from './kept-calls.ts';
import type { From, Request } from './messages.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';

/** How long a call waits for its answer unless told otherwise, in milliseconds (OTP GEN-012). */
export const defaultCallTimeoutMs = 5_000;

/** What a call is. */
export interface CallParts<T> {
  /** Who calls, if it is a process. */
  readonly caller: Process | undefined;
  /** Who is to answer. */
  readonly callee: Process;
  /** What is asked. */
  readonly request: Pick<Request, 'type'>;
  /** Who was meant. */
  readonly target: T;
  /** Says what was attempted, when it fails. */
  readonly describe: (request: Pick<Request, 'type'>, target: T) => string;
  /** How long to wait, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * One call under way: settles once, by the answer, the end of either process, or the time limit (GEN-015 … GEN-017).
 *
 * A late answer finds it settled and is dropped, so it never reaches the caller (MSG-008).
 */
export class PendingCall<T = unknown> implements From {
  readonly pid: Pid | undefined;
  readonly promise: Promise<unknown>;
  readonly #parts: CallParts<T>;
  #resolve: (value: unknown) => void = nothing;
  #reject: (error: ExitError) => void = nothing;
  #timer: unknown;
  #settled = false;

  /** @param parts - What it is. */
  constructor(parts: CallParts<T>) {
    const { caller, callee } = parts;
    this.#parts = parts;
    this.pid = caller?.pid;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (parts.timeoutMs !== Infinity) callee.runtime.limitCall(this);
    keepCall(callee, this);
    keepCall(caller, this);
  }

  /** Begins its time limit, unless it is settled already. */
  startLimit(clock: Clock): void {
    if (this.#settled) return;
    try {
      this.#timer = clock.setTimeout(() => {
        this.reject(exitReason.timeout);
      }, this.#parts.timeoutMs);
    } catch (error) {
      // This is nobody's turn: who hears of a clock that fails is who relies on it.
      this.reject(exitReason.error(error));
    }
  }

  /** Answers; only the first outcome counts. */
  resolve(value: unknown): void {
    const { callee } = this.#parts;
    const { freeze } = callee.runtime;
    callee.answering(this, value);
    // What cannot be frozen ends who answers with it; only then the call fails.
    if (freeze !== undefined && !this.#settled) freeze(value);
    if (this.#settle()) this.#resolve(value);
  }

  /** Fails the call; only the first outcome counts. */
  reject(reason: ExitReason): void {
    const { describe, request, target } = this.#parts;
    if (this.#settle()) this.#reject(new ExitError(reason, describe(request, target)));
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    const { caller, callee } = this.#parts;
    if (this.#timer !== undefined) callee.runtime.clock.clearTimeout(this.#timer);
    forgetCall(callee, this);
    forgetCall(caller, this);
    return true;
  }
}

function nothing(): void {
  // Stands in until the promise has said how it is settled, which it does at once.
}
