import type { Clock } from '../clock.ts';
import type { Scheduler } from '../scheduler.ts';

/** A call that may take only so long. @internal */
export interface LimitedCall {
  /** Begins its time limit, unless it is settled already. */
  startLimit(clock: Clock): void;
}

/**
 * The time limits of calls.
 *
 * Most calls are answered before the run queue is empty, and a timer costs more than all the rest of a call: one is
 * started only for what is not answered when the stretch of turns is over. So a limit is never early, and late by what
 * is left of the stretch: a few milliseconds, or one turn that is longer.
 *
 * @internal
 */
export class CallLimits {
  readonly #clock: Clock;
  #young: LimitedCall[] = [];

  /** @param clock - What the limits run on. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Limits a call that is being made. */
  add(call: LimitedCall, scheduler: Pick<Scheduler, 'wake'>): void {
    this.#young.push(call);
    // The callee may be busy and have no turn before it is answered.
    scheduler.wake();
  }

  /** The stretch is over: begins the limits of the calls that were made in it and are not answered. */
  readonly start = (): void => {
    if (this.#young.length === 0) return;
    const young = this.#young;
    this.#young = [];
    for (const call of young) call.startLimit(this.#clock);
  };
}
