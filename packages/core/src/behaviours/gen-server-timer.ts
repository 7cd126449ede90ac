import type { SnakepitError } from '../errors.ts';
import type { Process } from '../process/process.ts';
import { cancelTimer, delayFault, startTimer, type TimerRef } from '../timers.ts';
import type { TimeoutMessage } from './gen-server-results.ts';

/** What a server gets when no message came in time. @internal */
export const timeoutMessage: TimeoutMessage = { type: 'timeout' };

/** The time that a server allows to pass without any message (OTP GEN-032). */
export class StateTimer {
  readonly #process: Process;
  readonly #delayMs: number;
  #timer: TimerRef | undefined;

  /**
   * @param process - Who gets the timeout message.
   * @param delayMs - How long, in milliseconds; `Infinity` for ever.
   */
  constructor(process: Process, delayMs: number) {
    this.#process = process;
    this.#delayMs = delayMs;
  }

  /** Allows the whole time from now on; what is wrong with it, if anything. */
  restart(): SnakepitError | undefined {
    const fault = delayFault('the timeout of a server', this.#delayMs);
    if (fault !== undefined) return fault;
    this.pause();
    if (this.#delayMs === 0) this.#expire();
    else if (this.#delayMs !== Infinity) {
      const { runtime, timers } = this.#process;
      const expire = (): void => this.#expire();
      this.#timer = startTimer(runtime.clock, this.#delayMs, expire, timers, timeoutMessage);
    }
    return undefined;
  }

  /** Stops the clock; until {@link StateTimer.restart} nothing comes of it. */
  pause(): void {
    if (this.#timer !== undefined) cancelTimer(this.#process.runtime.clock, this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    // A message that waits has come in time.
    if (this.#process.mailbox.length === 0) this.#process.deliver(timeoutMessage);
  }
}
