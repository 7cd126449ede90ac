import type { Clock } from '../clock.ts';
import { exitReason, ExitError, type ExitReason } from './exit-reason.ts';
import type { From } from './messages.ts';
import type { Pid } from './pid.ts';
import type { Process } from './process.ts';

/** How long a call waits for its answer unless told otherwise, in milliseconds (OTP GEN-012). */
export const defaultCallTimeoutMs = 5_000;

/**
 * One call under way: settles once, by the answer, the end of either process, or the time limit (GEN-015 … GEN-017).
 *
 * A late answer finds it settled and is dropped, so it never reaches the caller (MSG-008).
 */
export class PendingCall implements From {
  readonly pid: Pid | undefined;
  readonly promise: Promise<unknown>;
  readonly #clock: Clock;
  readonly #caller: Process | undefined;
  readonly #callee: Process;
  readonly #what: string;
  #resolve: (value: unknown) => void = () => undefined;
  #reject: (error: ExitError) => void = () => undefined;
  #timer: unknown;
  #settled = false;

  constructor(
    caller: Process | undefined,
    callee: Process,
    what: string,
    timeoutMs: number,
    clock: Clock,
  ) {
    this.pid = caller?.pid;
    this.#caller = caller;
    this.#callee = callee;
    this.#what = what;
    this.#clock = clock;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (timeoutMs !== Infinity) {
      this.#timer = clock.setTimeout(() => {
        this.reject(exitReason.timeout);
      }, timeoutMs);
    }
    callee.keepCall(this);
    caller?.keepCall(this);
  }

  /** Answers; only the first outcome counts. */
  resolve(value: unknown): void {
    this.#callee.answering(this, value);
    if (!this.#settle()) return;
    const { freeze } = this.#callee.runtime;
    if (freeze !== undefined) freeze(value);
    this.#resolve(value);
  }

  /** Fails the call; only the first outcome counts. */
  reject(reason: ExitReason): void {
    if (this.#settle()) this.#reject(new ExitError(reason, this.#what));
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#callee.forgetCall(this);
    this.#caller?.forgetCall(this);
    return true;
  }
}
