import { coreError, type SnakepitError } from '../errors.ts';
import { forgetCall, keepCall } from '../process/kept-calls.ts';
import { exitReason, ExitError, type ExitReason } from '../process/exit-reason.ts';
import type { From } from '../process/messages.ts';
import type { Pid } from '../process/pid.ts';
import { ProcessContext } from '../process/process-context.ts';
import type { Process } from '../process/process.ts';
import type { ActorSystem } from '../system.ts';
import { delayFault } from '../timers.ts';

/** For whom a task works and who may wait for it: a process, by its `self`; or the code outside of all processes, by its system. */
export type TaskOwner = ProcessContext | ActorSystem;

/** The system that an owner is in. */
export function systemOf(owner: TaskOwner): ActorSystem {
  return owner instanceof ProcessContext ? owner.system : owner;
}

/** The process that an owner is, if it is one. */
export function processOf(owner: TaskOwner): Process | undefined {
  return owner instanceof ProcessContext ? ProcessContext.processOf(owner) : undefined;
}

/** What is waited for, in words; by whom; and how long, in milliseconds. */
export interface WaitOptions {
  /** For messages. */
  readonly what: string;
  /** Who waits. */
  readonly owner: TaskOwner;
  /** In milliseconds; `Infinity` waits for ever. */
  readonly timeoutMs: number;
}

/**
 * Why this wait cannot be: another process has the turn (TSK-001), the owner is gone, or the time is no duration.
 *
 * After an await nobody can tell whose turn it is; then it is taken for the owner's.
 */
export function waitFault({
  what,
  owner,
  timeoutMs,
}: WaitOptions): SnakepitError | ExitError | undefined {
  const { current } = systemOf(owner);
  const process = processOf(owner);
  if (current !== undefined && current !== process?.pid) {
    const who = process?.pid.toString() ?? '(code outside of processes)';
    return coreError('INVALID_ARGUMENT', {
      argument: 'the',
      value: what,
      fault: `only its owner ${who} may wait for it, not ${current.toString()}`,
      remedy: 'Wait where the task was started, and send the result on.',
    });
  }
  if (process?.alive === false) return new ExitError(exitReason.noproc, what);
  return delayFault(`the timeout of the ${what}`, timeoutMs);
}

/**
 * Waits for a value, no longer than a time and no longer than its owner lives.
 *
 * @param subscribe - Says where the value is to go, and returns what stops that.
 * @returns The value; `undefined` when it did not come in time. Rejects with the fault of {@link waitFault}, or with the
 *   exit reason of an owner that ends meanwhile.
 */
export function waitFor<T>(
  options: WaitOptions,
  subscribe: (settle: (value: T) => void) => () => void,
): Promise<T | undefined> {
  const fault = waitFault(options);
  if (fault !== undefined) return Promise.reject(fault);
  const wait = new Wait<T>(processOf(options.owner), options.what);
  wait.begin(systemOf(options.owner), options.timeoutMs, subscribe);
  return wait.promise;
}

/** As with a call: that a process does not wait after all, or is gone by then, is not the host's affair. */
export function unlessUnheard<T>(owner: TaskOwner, answer: Promise<T>): Promise<T> {
  if (owner instanceof ProcessContext) answer.catch(() => undefined);
  return answer;
}

/** One wait: settles once, and lets go of everything then. Its owner keeps it as it keeps a call. */
class Wait<T> implements From {
  readonly pid: Pid | undefined;
  readonly promise: Promise<T | undefined>;
  readonly #owner: Process | undefined;
  readonly #what: string;
  readonly #releases: (() => void)[] = [];
  #resolve: (value: T | undefined) => void = () => undefined;
  #reject: (error: ExitError) => void = () => undefined;
  #settled = false;

  constructor(owner: Process | undefined, what: string) {
    this.pid = owner?.pid;
    this.#owner = owner;
    this.#what = what;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  begin(
    { clock }: ActorSystem,
    timeoutMs: number,
    subscribe: (settle: (value: T) => void) => () => void,
  ): void {
    keepCall(this.#owner, this);
    const unsubscribe = subscribe((value) => {
      this.#settle(() => {
        this.#resolve(value);
      });
    });
    if (this.#settled) return;
    this.#releases.push(unsubscribe);
    if (timeoutMs === Infinity) return;
    const timer = clock.setTimeout(() => {
      this.resolve(undefined);
    }, timeoutMs);
    this.#releases.push(() => {
      clock.clearTimeout(timer);
    });
  }

  resolve(value: undefined): void {
    this.#settle(() => {
      this.#resolve(value);
    });
  }

  reject(reason: ExitReason): void {
    this.#settle(() => {
      this.#reject(new ExitError(reason, this.#what));
    });
  }

  #settle(step: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    forgetCall(this.#owner, this);
    for (const release of this.#releases) release();
    step();
  }
}
